-- Who looked up what, why, and what came of it.

-- A look-up of one key is complete when its row is written, which is before the answer goes out. The row of a list is
-- written before the first byte of the answer, and completed at the end: a list that was broken off can be seen.
CREATE TABLE lookup_audit (
    id           uuid PRIMARY KEY,
    subject      text NOT NULL,
    name         text NOT NULL,
    organisation text NOT NULL,
    purpose      text,
    by           text NOT NULL CHECK (by IN ('auto', 'domain', 'ip', 'number')),
    key          text,
    format       text NOT NULL CHECK (format IN ('json', 'ndjson', 'csv')),
    status       text NOT NULL CHECK (status IN ('started', 'completed', 'aborted')),
    keys         bigint NOT NULL,
    found        bigint NOT NULL,
    digest       text,
    reason       text,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    as_of        timestamptz,
    trace_id     text,
    CHECK ((finished_at IS NULL) = (status = 'started'))
);
CREATE INDEX lookup_audit_at ON lookup_audit (started_at);
CREATE INDEX lookup_audit_of_subject ON lookup_audit (subject, started_at);
CREATE INDEX lookup_audit_of_key ON lookup_audit (key) WHERE key IS NOT NULL;
