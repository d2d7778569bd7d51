"""The verbs of coordination."""
