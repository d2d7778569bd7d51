"""The verbs of enforcement: each one transaction that authorises, moves, remembers why, and tells the others."""
