"""The verbs of enforcement: both doors open the transaction and call the same function."""
