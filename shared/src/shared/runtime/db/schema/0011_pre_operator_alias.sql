-- Operators that go on under another identity since they were merged (docs/adr/0015): what the registry says, by merger.
-- Where the registry is another service, it says so by merger.recorded.v1.
CREATE TABLE operator_alias (
    merger_id uuid PRIMARY KEY,
    version   bigint NOT NULL,
    merged    text NOT NULL,
    survivor  text NOT NULL,
    stands    boolean NOT NULL
);
CREATE INDEX operator_alias_merged ON operator_alias (merged) WHERE stands;
CREATE INDEX operator_alias_survivor ON operator_alias (survivor) WHERE stands;

-- Every identity that one operator has or had: its own, those that go on under it, and whom it goes on under with theirs.
-- One step each way and no further: the registry makes no chains of mergers.
CREATE FUNCTION same_operator(given text) RETURNS text[]
LANGUAGE sql STABLE AS $$
    WITH head AS (SELECT survivor FROM operator_alias WHERE merged = given AND stands UNION SELECT given)
    SELECT array_agg(DISTINCT identity) FROM (
        SELECT survivor AS identity FROM head
         UNION ALL
        SELECT merged FROM operator_alias WHERE stands AND survivor IN (SELECT survivor FROM head)) AS one
$$;

-- What is about a merger itself only its recipient reads, and not whoever took it over by that: they may be strangers.
ALTER TABLE notice ADD COLUMN passed_on boolean NOT NULL DEFAULT true;
UPDATE notice SET passed_on = false WHERE about_kind = 'merger';
