"""The verbs of the register: both doors open the transaction and call the same function."""
