-- What became of the bytes of evidence: looked at again and again, and deleted when nothing needs them any more.
ALTER TABLE evidence
    ADD COLUMN checked_at  timestamptz,
    ADD COLUMN damaged_at  timestamptz,  -- since when the bytes are not those that were filed
    ADD COLUMN deleted_at  timestamptz,  -- hash and size stay
    ADD COLUMN deleted_why text,
    ADD COLUMN removed_at  timestamptz,  -- the file is gone from the disk
    ADD COLUMN judge_at    timestamptz;  -- when it is asked next whether anything still needs it
-- widens evidence: two columns more, which older code leaves empty both
-- squawk-ignore constraint-missing-not-valid -- nothing is released, so the table is small
ALTER TABLE evidence ADD CONSTRAINT evidence_deleted CHECK ((deleted_at IS NULL) = (deleted_why IS NULL));
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX evidence_to_check ON evidence (coalesce(checked_at, stored_at), sha256) WHERE deleted_at IS NULL;
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX evidence_to_judge ON evidence (coalesce(judge_at, stored_at), sha256) WHERE deleted_at IS NULL;
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX evidence_to_remove ON evidence (deleted_at) WHERE deleted_at IS NOT NULL AND removed_at IS NULL;
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX evidence_damaged ON evidence (damaged_at) WHERE damaged_at IS NOT NULL;

-- Everything that a check, a deletion or a return of bytes said of a piece; only added to.
CREATE TABLE evidence_event (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 text NOT NULL REFERENCES evidence,
    event  text NOT NULL CHECK (event IN ('sound', 'damaged', 'deleted', 'kept_again')),
    detail text NOT NULL,
    at     timestamptz NOT NULL
);
CREATE INDEX evidence_event_of ON evidence_event (sha256, id);
