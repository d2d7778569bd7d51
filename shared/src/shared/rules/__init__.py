"""The rule profile: roles, categories, clocks and number formats as cited data."""
