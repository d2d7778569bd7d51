-- Providers, their keys, the orders sent to them and the receipts they signed.

CREATE TABLE provider (
    id             uuid PRIMARY KEY,
    name           text NOT NULL,
    licence_number text NOT NULL,
    region         text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('access_provider', 'carrier', 'public_network')),
    contact        text NOT NULL,
    head           bigint NOT NULL DEFAULT 0 CHECK (head >= 0),
    registered_by  text NOT NULL,
    registered_at  timestamptz NOT NULL
);
COMMENT ON COLUMN provider.head IS 'Last sequence number given out; the row lock keeps the sequence free of gaps.';

CREATE TABLE provider_key (
    provider_id uuid NOT NULL REFERENCES provider (id),
    kid         text NOT NULL,
    jwk         jsonb NOT NULL,
    thumbprint  text NOT NULL UNIQUE,
    added_by    text NOT NULL,
    added_at    timestamptz NOT NULL,
    revoked_by  text,
    revoked_at  timestamptz,
    PRIMARY KEY (provider_id, kid),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
COMMENT ON TABLE provider_key IS 'Never deleted: a revoked key stays, so that what it signed can still be judged.';
CREATE INDEX provider_key_kid ON provider_key (kid);

CREATE TABLE access_order (
    id              uuid PRIMARY KEY,
    provider_id     uuid NOT NULL REFERENCES provider (id),
    site_id         uuid NOT NULL,
    registration_id uuid NOT NULL,
    revocation_id   uuid NOT NULL,
    decision_id     uuid,
    region          text NOT NULL,
    action          text NOT NULL CHECK (action IN ('cut_off', 'suspend', 'restore', 'stop_billing', 'resume_billing')),
    status          text NOT NULL CHECK (status IN ('drafted', 'released', 'received', 'executed', 'partly',
                                                    'impossible', 'contested', 'withdrawn', 'superseded')),
    overdue         boolean NOT NULL DEFAULT false,
    content         jsonb NOT NULL,
    undoes          uuid UNIQUE REFERENCES access_order (id),
    undone_by       uuid UNIQUE REFERENCES access_order (id),
    drafted_at      timestamptz NOT NULL,
    release_at      timestamptz NOT NULL,
    sequence        bigint,
    issued_at       timestamptz,
    execute_by      timestamptz,
    jws             bytea,
    digest          text,
    kid             text,
    version         integer NOT NULL DEFAULT 1,
    changed_at      timestamptz NOT NULL,
    UNIQUE (revocation_id, site_id, provider_id, action),
    UNIQUE (provider_id, sequence),
    CONSTRAINT out_means_signed CHECK (
        (status IN ('drafted', 'withdrawn')) = (sequence IS NULL)
        AND num_nulls(sequence, issued_at, execute_by, jws, digest, kid) IN (0, 6)
    ),
    CHECK (undoes IS NULL OR action IN ('restore', 'resume_billing'))
);
COMMENT ON COLUMN access_order.content IS 'The document without number and times; a restore copies the site from it.';
COMMENT ON COLUMN access_order.jws IS 'The signed bytes, exactly as every provider door hands them out.';
COMMENT ON COLUMN access_order.undone_by IS 'The released order that takes this one back; null: this one is in force.';
CREATE INDEX access_order_registration ON access_order (registration_id, revocation_id);
CREATE INDEX access_order_site ON access_order (site_id, id);
CREATE INDEX access_order_status ON access_order (status, id);
CREATE INDEX access_order_provider ON access_order (provider_id, id);
CREATE INDEX access_order_in_force ON access_order (provider_id, sequence)
    WHERE action IN ('cut_off', 'suspend') AND sequence IS NOT NULL AND undone_by IS NULL;

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
COMMENT ON COLUMN receipt.moved IS 'False: the order was superseded, so the receipt is kept and changes nothing.';
CREATE INDEX receipt_order ON receipt (order_id, recorded_at);
CREATE UNIQUE INDEX receipt_executed_once ON receipt (order_id) WHERE outcome = 'executed';
