"""Import records: a byte stream cut into rows, a row read as NDJSON or CSV, a record checked field by field."""
