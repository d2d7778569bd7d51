"""The database of a service: transactions, what is written at their end, leases, migrations."""
