-- What a provider says to a finding in its conduct record, and what a person of the regulator says to that (ADR 20).
ALTER TABLE conduct_finding
    ADD COLUMN dispute     text,
    ADD COLUMN disputed_at timestamptz,
    ADD COLUMN answer      text,
    ADD COLUMN answered_at timestamptz;
-- widens conduct_finding: bounds of columns that older code never writes
ALTER TABLE conduct_finding ADD CONSTRAINT conduct_finding_dispute CHECK (
    (dispute IS NULL) = (disputed_at IS NULL) AND (answer IS NULL) = (answered_at IS NULL)
    AND (dispute IS NOT NULL OR answer IS NULL)
) NOT VALID;
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX conduct_finding_disputed ON conduct_finding (finding_id)
 WHERE disputed_at IS NOT NULL AND answered_at IS NULL AND closed_at IS NULL;
