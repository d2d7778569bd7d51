-- The file of a case: who works on it, what is to be done until when, whereto it went, what others hold (ADR 13).
ALTER TABLE enforcement_case
    ADD COLUMN claimed_by   text,        -- who works on it; takes no right from anybody
    ADD COLUMN claimed_at   timestamptz,
    ADD COLUMN ended_at     timestamptz,
    ADD COLUMN held_because text;        -- why its evidence is kept whatever the retention says
UPDATE enforcement_case SET ended_at = changed_at WHERE status = 'ended';
-- widens enforcement_case: an outcome more, which older code shows and writes never
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE enforcement_case DROP CONSTRAINT enforcement_case_outcome_check;
-- squawk-ignore constraint-missing-not-valid -- nothing is released, so the table is small
ALTER TABLE enforcement_case ADD CONSTRAINT enforcement_case_outcome_check
    CHECK (outcome IN ('no_breach', 'corrected', 'executed', 'transferred', 'discontinued'));
-- squawk-ignore constraint-missing-not-valid -- the same
ALTER TABLE enforcement_case ADD CONSTRAINT enforcement_case_claimed CHECK ((claimed_by IS NULL) = (claimed_at IS NULL));

-- Lists go by the time of opening: each index is one way to narrow them, in their order.
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX case_by_time ON enforcement_case (opened_at DESC, id DESC);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_of_authority_by_time ON enforcement_case (authority_id, opened_at DESC, id DESC);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_of_authority_open ON enforcement_case (authority_id, opened_at DESC, id DESC) WHERE status = 'open';
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_of_item_by_time ON enforcement_case (service_item, opened_at DESC, id DESC);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_open_of_desk ON enforcement_case (region, service_item, opened_at DESC, id DESC) WHERE status = 'open';
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_of_desk ON enforcement_case (region, service_item, opened_at DESC, id DESC);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_open_by_time ON enforcement_case (opened_at DESC, id DESC) WHERE status = 'open';
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_of_ground ON enforcement_case (ground, opened_at DESC, id DESC);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_of_region ON enforcement_case (region, opened_at DESC, id DESC);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_claimed ON enforcement_case (claimed_by, opened_at DESC, id DESC) WHERE claimed_by IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_took_part ON enforcement_case USING gin (took_part);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX case_of_operator ON enforcement_case (identity, opened_at DESC, id DESC);
-- Who read what of a case.
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX IF NOT EXISTS audit_of_resource ON audit (resource, id);

CREATE TABLE case_task (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('open', 'done', 'cancelled')),
    case_id      uuid NOT NULL REFERENCES enforcement_case,
    decision_id  uuid REFERENCES decision,  -- of a follow-up: the order to correct whose date has passed
    authority_id text NOT NULL,
    what         text NOT NULL,
    due_at       timestamptz NOT NULL,
    assignee     text,
    overdue_at   timestamptz,
    opened_by    text NOT NULL,
    opened_at    timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL
);
CREATE INDEX task_of_case ON case_task (case_id, id);
CREATE INDEX task_of_authority ON case_task (authority_id, id DESC);
CREATE INDEX task_overdue ON case_task (case_id) WHERE status = 'open' AND overdue_at IS NOT NULL;
CREATE UNIQUE INDEX task_follow_up ON case_task (decision_id) WHERE decision_id IS NOT NULL;

-- A case that was transferred has ended here, and goes on at the receiver under an id of its own.
CREATE TABLE case_transfer (
    from_case  uuid PRIMARY KEY REFERENCES enforcement_case,
    to_case    uuid NOT NULL UNIQUE REFERENCES enforcement_case,
    by         jsonb NOT NULL,  -- AuthorityRef
    receiver   jsonb NOT NULL,  -- AuthorityRef
    statement  jsonb NOT NULL,
    at         timestamptz NOT NULL,
    CHECK (from_case <> to_case)
);

-- Cases that an officer put side by side: one row for both directions.
CREATE TABLE case_link (
    one     uuid NOT NULL REFERENCES enforcement_case,
    other   uuid NOT NULL REFERENCES enforcement_case,
    reasons text NOT NULL,
    by      text NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (one, other),
    CHECK (one < other)
);
CREATE INDEX link_of_other ON case_link (other);

-- What another authority holds of a case: asked with a date, answered with a statement.
CREATE TABLE case_opinion (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('asked', 'answered', 'withdrawn')),
    case_id      uuid NOT NULL REFERENCES enforcement_case,
    authority_id text NOT NULL,
    authority    jsonb NOT NULL,
    asked_id     text NOT NULL CHECK (asked_id <> authority_id),
    asked        jsonb NOT NULL,
    office_id    text NOT NULL,               -- who settles what differs
    question     text NOT NULL,
    we_hold      text NOT NULL CHECK (we_hold IN ('breach', 'no_breach')),
    answer_by    timestamptz NOT NULL,
    overdue_at   timestamptz,
    position     text CHECK (position IN ('breach', 'no_breach', 'not_ours')),
    statement    jsonb,
    conflicts    boolean NOT NULL DEFAULT false,
    asked_by     text NOT NULL,
    asked_at     timestamptz NOT NULL,
    answered_by  text,
    answered_at  timestamptz,
    changed_at   timestamptz NOT NULL,
    CHECK ((position IS NULL) = (status <> 'answered'))
);
CREATE INDEX opinion_of_case ON case_opinion (case_id, id);
CREATE INDEX opinion_of_authority ON case_opinion (authority_id, id DESC);
CREATE INDEX opinion_of_asked ON case_opinion (asked_id, id DESC);
CREATE INDEX opinion_of_office ON case_opinion (office_id, id DESC) WHERE conflicts;
CREATE UNIQUE INDEX opinion_one_asked ON case_opinion (case_id, asked_id) WHERE status = 'asked';

-- Advice in writing, kept with the case; no decision rests on it.
CREATE TABLE case_settlement (
    id         uuid PRIMARY KEY,
    case_id    uuid NOT NULL REFERENCES enforcement_case,
    office     jsonb NOT NULL,  -- AuthorityRef
    position   text NOT NULL CHECK (position IN ('breach', 'no_breach')),
    statement  jsonb NOT NULL,
    settled_by text NOT NULL,
    settled_at timestamptz NOT NULL
);
CREATE INDEX settlement_of_case ON case_settlement (case_id, id);
