-- Cases by their names and all names above those: whatever is decided about a found site is found again below its name,
-- above it, and at another host. And what relies on the bytes of a piece of evidence, by them.
CREATE FUNCTION names_above(hosts text[]) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    found text[] := '{}';
    name text;
    dot integer;
BEGIN
    FOREACH name IN ARRAY hosts LOOP
        LOOP
            found := found || name;
            dot := position('.' IN name);
            EXIT WHEN dot = 0;
            name := substr(name, dot + 1);
        END LOOP;
    END LOOP;
    RETURN found;
END
$$;
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX IF NOT EXISTS case_below_name ON enforcement_case USING gin (names_above(hosts));
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX IF NOT EXISTS appeal_paper_by_hash ON appeal_paper (sha256);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX IF NOT EXISTS complaint_file_by_hash ON complaint_file (sha256);
