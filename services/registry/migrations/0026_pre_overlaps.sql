-- What was carried out before a site had its name, and hits it: found by the names that were hit (docs/adr/0026).

-- Of a found site its name and those above it, since whoever registers one of those has it; of a site its own names.
CREATE FUNCTION names_hit(subject jsonb, carried_out jsonb) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    found text[] := '{}';
    name text := subject ->> 'host';
BEGIN
    IF subject ->> 'kind' = 'found_site' THEN
        WHILE name <> '' LOOP
            found := found || name;
            name := CASE WHEN position('.' IN name) > 0 THEN substr(name, position('.' IN name) + 1) END;
        END LOOP;
    ELSIF jsonb_typeof(carried_out -> 'site' -> 'hosts') = 'array' THEN
        found := ARRAY(SELECT jsonb_array_elements_text(carried_out -> 'site' -> 'hosts'));
    END IF;
    RETURN found;
END;
$$;
-- squawk-ignore require-concurrent-index-creation -- what two people signed one by one is a small table
CREATE INDEX IF NOT EXISTS execution_names_hit ON execution USING gin (names_hit(subject, carried_out))
    WHERE status = 'carried_out';

CREATE TABLE overlap (
    execution_id uuid NOT NULL REFERENCES execution (id),
    site_id      uuid NOT NULL REFERENCES site (id),
    operator_id  uuid NOT NULL REFERENCES operator (id),
    name         text COLLATE "C" NOT NULL,
    id           uuid NOT NULL,          -- the act that its operator was told of, with all names found at that time
    kind         text NOT NULL CHECK (kind IN ('same', 'below', 'own')),
    found_at     timestamptz NOT NULL,
    PRIMARY KEY (execution_id, site_id, operator_id, name)
);
COMMENT ON TABLE overlap IS 'Names of sites that a measure hits which was carried out before; whose they are was told.';
COMMENT ON COLUMN overlap.kind IS
    'same: the name that was decided about, somebody else''s by now; below: below it; own: of whom it was decided about.';
CREATE INDEX overlap_act ON overlap (id);
