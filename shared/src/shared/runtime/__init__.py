"""The rails every service runs on."""
