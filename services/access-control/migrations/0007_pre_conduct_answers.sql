-- How long an entry of a conduct record counts, and what its provider says to it (docs/adr/0020).
-- widens conduct_entry: an entry that its provider disputes, and one that its authority kept, are new.
ALTER TABLE conduct_entry
    ADD COLUMN counts_until timestamptz,  -- none where the release before entered it: a year from its entry
    ADD COLUMN dispute      text,
    ADD COLUMN disputed_at  timestamptz,
    ADD COLUMN answer       text,
    ADD COLUMN answered_at  timestamptz;
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE conduct_entry DROP CONSTRAINT conduct_entry_status_check;
ALTER TABLE conduct_entry ADD CONSTRAINT conduct_entry_status_check
    CHECK (status IN ('standing', 'disputed', 'kept', 'undone')) NOT VALID;
ALTER TABLE conduct_entry ADD CONSTRAINT conduct_entry_dispute CHECK (
    (dispute IS NULL) = (disputed_at IS NULL) AND (answer IS NULL) = (answered_at IS NULL)
    AND (status NOT IN ('disputed', 'kept') OR dispute IS NOT NULL) AND (status <> 'kept' OR answer IS NOT NULL)
    AND (status <> 'disputed' OR answer IS NULL) AND (dispute IS NOT NULL OR answer IS NULL)
) NOT VALID;
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX conduct_entry_disputed ON conduct_entry (id) WHERE status = 'disputed';

ALTER TABLE conduct_finding ADD COLUMN counts_until timestamptz;
