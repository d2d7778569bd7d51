"""What can be done with the register: one verb per function, one transaction each."""
