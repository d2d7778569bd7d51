-- What an authority asks of the regulator of its level and region, and what it hands over where a crime is suspected.
CREATE TABLE regulator_request (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('open', 'accepted', 'declined', 'withdrawn')),
    case_id      uuid NOT NULL REFERENCES enforcement_case,
    decision_id  uuid REFERENCES decision,   -- the order that was ignored, or what waits to be carried out
    asks         text NOT NULL,              -- an effect
    statement    jsonb NOT NULL,
    documents    text[] NOT NULL CHECK (cardinality(documents) > 0),
    authority    jsonb NOT NULL,             -- who asks
    authority_id text NOT NULL,
    desk         jsonb NOT NULL,             -- the regulator that has it now
    desk_id      text NOT NULL,
    desks        text[] NOT NULL,            -- everybody who has, or had, it
    forwards     jsonb NOT NULL DEFAULT '[]',
    asked_by     text NOT NULL,
    asked_at     timestamptz NOT NULL,
    overdue_at   timestamptz,
    escalated_to text,                       -- the national regulator, where another one was late
    answer       jsonb,
    answered_by  text CHECK (answered_by <> asked_by),
    answered_at  timestamptz,
    leads_to     uuid REFERENCES enforcement_case,  -- the regulator's own case
    changed_at   timestamptz NOT NULL,
    CHECK (desk_id <> authority_id),
    CHECK ((answer IS NULL) = (status IN ('open', 'withdrawn')))
);
CREATE UNIQUE INDEX regulator_request_one_open ON regulator_request (case_id) WHERE status = 'open';
CREATE INDEX regulator_request_of_authority ON regulator_request (authority_id, id DESC);
CREATE INDEX regulator_request_at_desk ON regulator_request USING gin (desks);
CREATE INDEX regulator_request_of_case ON regulator_request (case_id);
CREATE INDEX regulator_request_led_to ON regulator_request (leads_to) WHERE leads_to IS NOT NULL;

-- A list of evidence and its hashes, signed by two people, and nothing else (docs/adr/0013).
CREATE TABLE referral (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('drafted', 'sent', 'received', 'answered', 'withdrawn')),
    case_id      uuid NOT NULL REFERENCES enforcement_case,
    authority    jsonb NOT NULL,
    authority_id text NOT NULL,
    receiver     jsonb NOT NULL,
    receiver_id  text NOT NULL,
    statement    jsonb NOT NULL,
    evidence     text[] NOT NULL CHECK (cardinality(evidence) > 0),
    delay_ground text,                       -- of the profile's list
    tell_at      timestamptz,                -- when whom it is about is told at the latest
    told_at      timestamptz,
    drafted_by   text NOT NULL,
    drafted_at   timestamptz NOT NULL,
    signed_by    text CHECK (signed_by <> drafted_by),
    sent_at      timestamptz,
    received_at  timestamptz,
    outcome      text,
    answer       jsonb,
    changed_at   timestamptz NOT NULL,
    CHECK (receiver_id <> authority_id),
    CHECK ((signed_by IS NULL) = (status IN ('drafted', 'withdrawn'))),
    CHECK ((signed_by IS NULL) = (sent_at IS NULL)),
    CHECK (sent_at IS NULL OR told_at IS NOT NULL OR tell_at IS NOT NULL),  -- told, or a day on which it will be
    CHECK ((delay_ground IS NULL) = (tell_at IS NULL)),
    CHECK (tell_at <= drafted_at + interval '30 days'),                     -- whatever a profile says
    CHECK ((outcome IS NULL) = (status <> 'answered'))
);
CREATE UNIQUE INDEX referral_one_drafted ON referral (case_id, receiver_id) WHERE status = 'drafted';
CREATE INDEX referral_of_case ON referral (case_id);
CREATE INDEX referral_of_authority ON referral (authority_id, id DESC);
CREATE INDEX referral_of_receiver ON referral (receiver_id, id DESC);
CREATE INDEX referral_untold ON referral (case_id) WHERE told_at IS NULL AND status IN ('sent', 'received', 'answered');
