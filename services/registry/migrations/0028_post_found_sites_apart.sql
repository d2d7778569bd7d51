-- Found sites and sites have an index each.
-- squawk-ignore require-concurrent-index-deletion -- a small table
DROP INDEX IF EXISTS execution_names_hit;
