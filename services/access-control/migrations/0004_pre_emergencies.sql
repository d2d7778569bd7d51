-- What providers suspended by themselves, signed; and the restore that goes out when nobody confirmed it (N4.2.5).
CREATE TABLE emergency (
    id            uuid PRIMARY KEY,     -- of the provider's choice: it stands for one statement
    version       bigint NOT NULL DEFAULT 1,
    status        text NOT NULL CHECK (status IN ('reported', 'confirmed', 'replaced', 'lapsed', 'refused')),
    provider_id   uuid NOT NULL REFERENCES provider (id),
    region        text NOT NULL,        -- the provider's province
    host          text NOT NULL,        -- in A-labels
    ground        text NOT NULL,
    reasons       text NOT NULL,
    since         timestamptz NOT NULL,
    reported_at   timestamptz NOT NULL,
    confirm_by    timestamptz NOT NULL,
    kid           text NOT NULL,
    jws           bytea NOT NULL,
    decision_id   uuid,
    ended_because text,
    restore_id    uuid REFERENCES access_order (id),
    changed_at    timestamptz NOT NULL,
    CHECK ((status IN ('confirmed', 'replaced')) <= (decision_id IS NOT NULL)),
    CHECK ((status IN ('lapsed', 'refused')) = (ended_because IS NOT NULL)),
    CHECK (restore_id IS NULL OR status = 'lapsed')
);
CREATE UNIQUE INDEX emergency_one_open ON emergency (provider_id, host) WHERE status IN ('reported', 'confirmed');
CREATE INDEX emergency_of_provider ON emergency (provider_id, id);
CREATE INDEX emergency_of_decision ON emergency (decision_id) WHERE decision_id IS NOT NULL;

-- An emergency stands where an execution would: it is the cause of its restore, whose facts are told under its id.
ALTER TABLE execution ADD COLUMN emergency boolean NOT NULL DEFAULT false;
-- widens execution: a row that no fact of the register made, which older code writes never
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE execution DROP CONSTRAINT execution_check;
ALTER TABLE execution ADD CONSTRAINT execution_check
    CHECK (emergency = (num_nulls(carried_out, undone) = 2)) NOT VALID;
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX IF NOT EXISTS execution_of_decision ON execution (decision_id);
-- widens access_order: a restore of what no order stopped, which older code writes never
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE access_order DROP CONSTRAINT restores_undo;
ALTER TABLE access_order ADD CONSTRAINT restores_undo
    CHECK ((action = 'restore' AND content ->> 'emergency_id' IS NULL) = (undoes IS NOT NULL)) NOT VALID;
