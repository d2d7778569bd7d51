"""What makes a process of a service."""
