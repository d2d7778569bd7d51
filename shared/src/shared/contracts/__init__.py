"""What departments say to one another."""
