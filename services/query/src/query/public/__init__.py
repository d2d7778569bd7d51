"""What everybody may see, and the page of the register."""
