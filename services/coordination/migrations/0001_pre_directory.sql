-- The directory of organisations, and each of its versions.

CREATE TABLE entry (
    id           uuid PRIMARY KEY,
    organisation text NOT NULL UNIQUE,
    version      integer NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('active', 'closed')),
    changed_at   timestamptz NOT NULL,
    level        text NOT NULL CHECK (level IN ('national', 'province')),
    region       text,
    kinds        text[] NOT NULL CHECK (cardinality(kinds) > 0),
    particulars  jsonb NOT NULL,
    contacts     jsonb NOT NULL,
    CHECK ((level = 'province') = (region IS NOT NULL))
);
COMMENT ON COLUMN entry.organisation IS 'its id in the directory, never given to another one';
COMMENT ON COLUMN entry.contacts IS 'personal data: in no fact and in no version';

CREATE TABLE entry_version (
    entry_id uuid NOT NULL REFERENCES entry (id),
    version  integer NOT NULL,
    record   jsonb NOT NULL,
    action   text NOT NULL,
    by       text NOT NULL,
    why      text NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (entry_id, version)
);
