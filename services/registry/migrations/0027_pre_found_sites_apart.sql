-- A found site is hit by its own name and those above it, a site by its names and those below: each is looked for by the
-- names that find it, or every change of a site reads all found sites of its top-level domain (docs/adr/0026).
-- squawk-ignore require-concurrent-index-creation -- what two people signed one by one is a small table
CREATE INDEX IF NOT EXISTS execution_found_sites_hit ON execution USING gin (names_hit(subject, carried_out))
    WHERE status = 'carried_out' AND subject ->> 'kind' = 'found_site';
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX IF NOT EXISTS execution_sites_hit ON execution USING gin (names_hit(subject, carried_out))
    WHERE status = 'carried_out' AND subject ->> 'kind' <> 'found_site';
