"""What a department or a provider installs."""
