"""What leaves the house: notices by mail and webhook."""
