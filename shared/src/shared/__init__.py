"""What every department shares."""
