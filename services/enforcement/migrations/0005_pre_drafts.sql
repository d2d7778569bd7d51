-- A draft is read by others before it is released: who of the authority said what of it, and who returned it. What
-- stood around it is kept as it was, so that whoever releases sees what changed. And what a network's supervisor is.
-- widens decision: a status more, which older code writes never; one that is returned is no more released than a draft
ALTER TABLE decision ADD COLUMN returned_by text;  -- the person; none once its drafter answered
ALTER TABLE decision ADD COLUMN text_used jsonb;   -- TextRef: the standard text that it was made from
ALTER TABLE decision ADD COLUMN drafted_on jsonb;  -- Surroundings, as they were at the draft
ALTER TABLE decision ADD COLUMN since_draft jsonb; -- SinceDraft, as it was signed at the release
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE decision DROP CONSTRAINT decision_status_check;
-- squawk-ignore ban-drop-constraint -- the same
ALTER TABLE decision DROP CONSTRAINT decision_check1;
-- squawk-ignore constraint-missing-not-valid -- nothing is released, so the table is small
ALTER TABLE decision ADD CONSTRAINT decision_status_check
    CHECK (status IN ('drafted', 'returned', 'withdrawn', 'released', 'executed', 'declined', 'ignored', 'ended',
                      'suspended', 'overturned'));
-- squawk-ignore constraint-missing-not-valid -- the same
ALTER TABLE decision ADD CONSTRAINT decision_released_by_somebody
    CHECK ((released_by IS NULL) = (status IN ('drafted', 'returned', 'withdrawn')));
-- squawk-ignore constraint-missing-not-valid -- the same
ALTER TABLE decision ADD CONSTRAINT decision_returned_by_another
    CHECK ((returned_by IS NOT NULL) = (status = 'returned') AND returned_by <> drafted_by);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE UNIQUE INDEX decision_one_unreleased ON decision (case_id) WHERE status IN ('drafted', 'returned');

CREATE TABLE decision_remark (
    id          uuid PRIMARY KEY,
    decision_id uuid NOT NULL REFERENCES decision,
    kind        text NOT NULL CHECK (kind IN ('comment', 'return', 'answer')),
    reasons     text NOT NULL,
    by          text NOT NULL,          -- the person
    at          timestamptz NOT NULL
);
CREATE INDEX decision_remark_of ON decision_remark (decision_id, id);

ALTER TABLE provider ADD COLUMN supervisor jsonb;  -- AuthorityRef, of a public-interest network
