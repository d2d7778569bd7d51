-- What a provider disputes of its record does not count until a person answered (docs/adr/0020); an operator is told
-- seldom; records that nobody could read; how often a list is closed.
-- widens hosted_finding: a finding in the record that its provider disputes, and one that a person kept, are new.
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE hosted_finding DROP CONSTRAINT hosted_finding_status_check;
ALTER TABLE hosted_finding ADD CONSTRAINT hosted_finding_status_check
    CHECK (status IN ('open', 'answered', 'escalated', 'disputed', 'kept', 'dismissed', 'cured')) NOT VALID;
ALTER TABLE hosted_finding ADD CONSTRAINT hosted_finding_dispute CHECK (
    status NOT IN ('disputed', 'kept') OR (answer IS NOT NULL AND escalated_at IS NOT NULL)
) NOT VALID;
ALTER TABLE hosted_finding ADD COLUMN operator_told_at timestamptz;  -- whose site it is about

ALTER TABLE inventory ADD COLUMN closings timestamptz[] NOT NULL DEFAULT '{}';  -- those of the last day

-- Names of refused records: the list has them, and says nothing of them that can be compared.
CREATE TABLE hosted_unread (
    provider_id uuid NOT NULL,
    first_batch bigint NOT NULL,        -- of the list it is in
    host        text COLLATE "C" NOT NULL,
    PRIMARY KEY (provider_id, first_batch, host)
);
