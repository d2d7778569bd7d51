-- Cases by their names and all names above those: whatever is decided about a found site is found again below its name,
-- above it, and at another host. And what relies on the bytes of a piece of evidence, by them.
CREATE FUNCTION names_above(hosts text[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT array_to_string(labels[nth:], '.')), '{}')
      FROM (SELECT string_to_array(host, '.') AS labels FROM unnest(hosts) AS host) AS split,
           generate_subscripts(labels, 1) AS nth
$$;
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX IF NOT EXISTS case_below_name ON enforcement_case USING gin (names_above(hosts));
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX IF NOT EXISTS appeal_paper_by_hash ON appeal_paper (sha256);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX IF NOT EXISTS complaint_file_by_hash ON complaint_file (sha256);
