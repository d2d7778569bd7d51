-- Providers and their keys, the executions that lie on hosts, the orders sent for them, instructions to supervisors,
-- the receipts that providers signed, and their conduct records.

CREATE TABLE provider (
    id             uuid PRIMARY KEY,
    version        bigint NOT NULL DEFAULT 1,
    status         text NOT NULL DEFAULT 'active' CHECK (status = 'active'),
    name           text NOT NULL,
    licence_number text NOT NULL UNIQUE,  -- in its normal form: one licence registers once
    region         text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('access_provider', 'carrier', 'public_network')),
    contact        text NOT NULL,
    supervisor     jsonb CHECK (supervisor IS NULL OR kind = 'public_network'),  -- AuthorityRef
    head           bigint NOT NULL DEFAULT 0 CHECK (head >= 0),
    registered_by  text NOT NULL,
    registered_at  timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL
);
COMMENT ON COLUMN provider.head IS 'Last sequence number given out; the row lock keeps the sequence free of gaps.';

CREATE TABLE provider_key (
    id          uuid PRIMARY KEY,
    version     bigint NOT NULL DEFAULT 1,
    status      text NOT NULL CHECK (status IN ('in_use', 'revoked')),
    provider_id uuid NOT NULL REFERENCES provider (id),
    kid         text NOT NULL,
    jwk         jsonb NOT NULL,
    thumbprint  text NOT NULL UNIQUE,
    added_by    text NOT NULL,
    added_at    timestamptz NOT NULL,
    revoked_by  text,
    revoked_at  timestamptz,
    changed_at  timestamptz NOT NULL,
    UNIQUE (provider_id, kid),
    CHECK ((status = 'revoked') = (revoked_at IS NOT NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
COMMENT ON TABLE provider_key IS 'Never deleted: a revoked key stays, so that what it signed can still be judged.';
CREATE INDEX provider_key_kid ON provider_key (kid);

CREATE TABLE execution (
    id          uuid PRIMARY KEY,
    decision_id uuid NOT NULL,
    carried_out jsonb,  -- ExecutionCarriedOutV1
    undone      jsonb,  -- ExecutionUndoneV1
    heard_at    timestamptz NOT NULL,
    CHECK (num_nulls(carried_out, undone) < 2)
);
COMMENT ON TABLE execution IS
    'What the register carried out. Its row is held by whoever tells of its orders: facts of one key keep their order.';

CREATE TABLE access_order (
    id             uuid PRIMARY KEY,
    version        bigint NOT NULL DEFAULT 1,
    status         text NOT NULL CHECK (status IN (
                       'instructed', 'drafted', 'released', 'received', 'executed', 'partly', 'impossible', 'contested',
                       'accepted', 'upheld', 'lapsed', 'withdrawn', 'superseded')),
    execution_id   uuid NOT NULL REFERENCES execution (id),
    decision_id    uuid NOT NULL,
    provider_id    uuid NOT NULL REFERENCES provider (id),
    site_id        uuid,
    hosts          text[] NOT NULL,
    action         text NOT NULL CHECK (action IN ('cut_off', 'suspend', 'restore')),
    attempt        integer NOT NULL CHECK (attempt >= 1),
    content        jsonb NOT NULL,
    issuer_id      text NOT NULL,
    regulator_id   text NOT NULL,
    supervisor_id  text,
    regions        text[] NOT NULL,
    overdue        boolean NOT NULL DEFAULT false,
    escalated_at   timestamptz,
    answer         jsonb,
    undoes         uuid UNIQUE REFERENCES access_order (id),
    undone_by      uuid UNIQUE REFERENCES access_order (id),
    instruction_id uuid UNIQUE,
    reissues       uuid UNIQUE REFERENCES access_order (id),
    reissued_as    uuid UNIQUE REFERENCES access_order (id),
    reissued_by    text,
    withdrawn_by   text,
    taken_back_by  text,
    drafted_at     timestamptz NOT NULL,
    release_at     timestamptz,
    until          timestamptz,
    sequence       bigint,
    issued_at      timestamptz,
    execute_by     timestamptz,
    jws            bytea,
    digest         text,
    kid            text,
    changed_at     timestamptz NOT NULL,
    UNIQUE (execution_id, provider_id, action, attempt),
    UNIQUE (provider_id, sequence),
    CONSTRAINT out_means_signed CHECK (
        (status IN ('instructed', 'drafted', 'withdrawn')) = (sequence IS NULL)
        AND num_nulls(sequence, issued_at, execute_by, jws, digest, kid) IN (0, 6)
    ),
    CONSTRAINT suspensions_end CHECK ((action = 'suspend') = (until IS NOT NULL)),
    CONSTRAINT restores_undo CHECK ((action = 'restore') = (undoes IS NOT NULL)),
    CONSTRAINT two_people_send_again CHECK (
        num_nulls(reissues, reissued_by, taken_back_by) IN (0, 3) AND reissued_by <> taken_back_by
    ),
    CONSTRAINT instructed_by_somebody CHECK (status <> 'instructed' OR instruction_id IS NOT NULL)
);
COMMENT ON COLUMN access_order.content IS 'What it says without number and times; a restore copies the site from it.';
COMMENT ON COLUMN access_order.regions IS 'Provinces of its provider, its issuer and who decided: whose officials see it.';
COMMENT ON COLUMN access_order.jws IS 'The signed bytes, exactly as every provider door hands them out.';
COMMENT ON COLUMN access_order.undone_by IS 'The released order that takes this one back; null: this one is in force.';
COMMENT ON COLUMN access_order.taken_back_by IS 'Who withdrew the order that this one sends again: another person.';
CREATE INDEX access_order_execution ON access_order (execution_id);
CREATE INDEX access_order_site ON access_order (site_id, id);
CREATE INDEX access_order_status ON access_order (status, id);
CREATE INDEX access_order_provider ON access_order (provider_id, id);
CREATE INDEX access_order_in_force ON access_order (provider_id, sequence)
    WHERE action IN ('cut_off', 'suspend') AND sequence IS NOT NULL AND undone_by IS NULL;

CREATE TABLE instruction (
    id              uuid PRIMARY KEY,
    version         bigint NOT NULL DEFAULT 1,
    status          text NOT NULL CHECK (status IN ('received', 'acknowledged', 'issued', 'objected', 'withdrawn')),
    order_id        uuid NOT NULL UNIQUE REFERENCES access_order (id),
    provider_id     uuid NOT NULL REFERENCES provider (id),
    execution_id    uuid NOT NULL REFERENCES execution (id),
    decision_id     uuid NOT NULL,
    regulator       jsonb NOT NULL,
    regulator_id    text NOT NULL,
    supervisor      jsonb NOT NULL,
    supervisor_id   text NOT NULL,
    jws             bytea NOT NULL,
    issue_by        timestamptz NOT NULL,
    overdue         boolean NOT NULL DEFAULT false,
    acknowledged_by text,
    acknowledged_at timestamptz,
    issued_by       text,
    objection       text,
    answer          jsonb,
    received_at     timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    CONSTRAINT two_people_issue CHECK (issued_by <> acknowledged_by),
    CHECK ((status = 'issued') = (issued_by IS NOT NULL)),
    CHECK (status NOT IN ('acknowledged', 'issued') OR acknowledged_by IS NOT NULL)
);
CREATE INDEX instruction_of_supervisor ON instruction (supervisor_id, id);

CREATE TABLE receipt (
    provider_id uuid NOT NULL REFERENCES provider (id),
    receipt_id  uuid NOT NULL,
    order_id    uuid NOT NULL REFERENCES access_order (id),
    outcome     text NOT NULL CHECK (outcome IN ('received', 'executed', 'partly', 'impossible', 'contested')),
    at          timestamptz NOT NULL,
    how         text,
    why         text,
    kid         text NOT NULL,
    jws         bytea NOT NULL,
    door        text NOT NULL CHECK (door IN ('http', 'kafka')),
    moved       boolean NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (provider_id, receipt_id)
);
COMMENT ON COLUMN receipt.moved IS 'False: the order was taken back or had lapsed: the receipt is kept, and changes nothing.';
CREATE INDEX receipt_order ON receipt (order_id, recorded_at);
CREATE UNIQUE INDEX receipt_executed_once ON receipt (order_id) WHERE outcome = 'executed';

CREATE TABLE conduct_entry (
    id               uuid PRIMARY KEY,
    version          bigint NOT NULL DEFAULT 1,
    status           text NOT NULL CHECK (status IN ('standing', 'undone')),
    provider_id      uuid NOT NULL REFERENCES provider (id),
    decision_id      uuid NOT NULL UNIQUE,
    grounds          jsonb NOT NULL,
    entered_at       timestamptz NOT NULL,
    undone_because   text,
    undone_by        jsonb,  -- AuthorityRef
    undone_statement jsonb,
    changed_at       timestamptz NOT NULL,
    CHECK (num_nulls(undone_because, undone_by, undone_statement) = CASE status WHEN 'undone' THEN 0 ELSE 3 END)
);
CREATE INDEX conduct_entry_provider ON conduct_entry (provider_id, id);
