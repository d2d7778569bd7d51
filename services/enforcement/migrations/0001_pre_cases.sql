-- The register as enforcement knows it, cases with their evidence, decisions and what became of them, appeals.

-- Projection of registry-sites: the newest record of each site, as far as cases need it.
CREATE TABLE site (
    site_id             uuid PRIMARY KEY,
    version             integer NOT NULL,
    registration_id     uuid NOT NULL,
    registration_number text NOT NULL,
    registration_status text NOT NULL,
    number              text NOT NULL,
    name                text NOT NULL,
    status              text NOT NULL,
    region              text NOT NULL,
    operator_uscc       text NOT NULL,
    operator_name       text NOT NULL,
    domains             text[] NOT NULL,
    service_items       text[] NOT NULL,
    ips                 inet[] NOT NULL,
    providers           uuid[] NOT NULL,
    changed_at          timestamptz NOT NULL
);
CREATE INDEX site_domains ON site USING gin (domains);
CREATE INDEX site_ips ON site USING gin (ips);
CREATE INDEX site_registration ON site (registration_id);

-- The row of a case is the lock of everything in it: facts are keyed by case, so they must leave in one order.
CREATE TABLE enforcement_case (
    id              uuid PRIMARY KEY,
    version         integer NOT NULL DEFAULT 1,
    status          text NOT NULL CHECK (status IN ('open', 'closed')),
    site_id         uuid NOT NULL,
    registration_id uuid NOT NULL,
    domain          text NOT NULL,
    site_number     text NOT NULL,
    site_name       text NOT NULL,
    operator_uscc   text NOT NULL,
    operator_name   text NOT NULL,
    authority       text NOT NULL,
    region          text NOT NULL,
    level           text NOT NULL CHECK (level IN ('province', 'national')),
    service_item    text NOT NULL,
    alleged_breach  text NOT NULL,
    legal_basis     text[] NOT NULL CHECK (cardinality(legal_basis) > 0),
    opened_by       text NOT NULL,
    opened_at       timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL
);
CREATE INDEX enforcement_case_desk ON enforcement_case (service_item, region, id);
CREATE INDEX enforcement_case_domain ON enforcement_case (domain, id);

CREATE TABLE evidence (
    sha256     text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size       bigint NOT NULL CHECK (size > 0),
    media_type text NOT NULL,
    stored_at  timestamptz NOT NULL
);
CREATE TABLE case_evidence (
    case_id  uuid NOT NULL REFERENCES enforcement_case (id),
    sha256   text NOT NULL REFERENCES evidence (sha256),
    added_by text NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (case_id, sha256)
);
CREATE INDEX case_evidence_sha256 ON case_evidence (sha256);

CREATE TABLE decision (
    id                      uuid PRIMARY KEY,
    case_id                 uuid NOT NULL REFERENCES enforcement_case (id),
    version                 integer NOT NULL DEFAULT 1,
    status                  text NOT NULL CHECK (status IN ('drafted', 'withdrawn', 'released', 'requested', 'executed',
                                                            'declined', 'suspended', 'overturned')),
    measure                 text NOT NULL CHECK (measure IN ('order_correction', 'stop_out_of_scope', 'cancel_service',
                                                             'revoke_and_cut', 'no_breach')),
    legal_basis             text[] NOT NULL CHECK (cardinality(legal_basis) > 0),
    reasons                 text NOT NULL,
    evidence_hashes         text[] NOT NULL CHECK (cardinality(evidence_hashes) > 0),
    evidence_hash           text NOT NULL,
    redress                 jsonb NOT NULL,
    notice                  jsonb,
    cure_until              timestamptz,
    urgent_ground           text,
    impact                  jsonb NOT NULL,
    drafted_by              text NOT NULL,
    drafted_at              timestamptz NOT NULL,
    released_by             text,
    released_at             timestamptz,
    collateral_acknowledged integer,
    request_id              uuid UNIQUE,
    changed_at              timestamptz NOT NULL,
    received_at             timestamptz,
    declined_at             timestamptz,
    decline_legal_basis     text[],
    decline_reasons         text,
    revoked_at              timestamptz,
    revocation_id           uuid,
    reinstated_at           timestamptz,
    CHECK ((notice IS NULL) = (cure_until IS NULL)),
    CHECK (notice IS NULL OR urgent_ground IS NULL),
    CHECK (measure = 'no_breach' OR notice IS NOT NULL OR urgent_ground IS NOT NULL),
    CHECK ((status IN ('drafted', 'withdrawn')) = (released_at IS NULL)),
    CHECK ((released_by IS NULL) = (released_at IS NULL)),
    CHECK (released_by <> drafted_by)
);
CREATE INDEX decision_case ON decision (case_id, id);
CREATE UNIQUE INDEX decision_drafted ON decision (case_id) WHERE status = 'drafted';

-- Orders of the access desk that providers carried out because of a decision.
CREATE TABLE decision_order (
    order_id    uuid PRIMARY KEY,
    decision_id uuid NOT NULL REFERENCES decision (id),
    site_id     uuid NOT NULL,
    provider_id uuid NOT NULL,
    action      text NOT NULL,
    sequence    bigint,
    how         text NOT NULL,
    executed_at timestamptz NOT NULL
);
CREATE INDEX decision_order_decision ON decision_order (decision_id);

CREATE TABLE appeal (
    id          uuid PRIMARY KEY,
    version     integer NOT NULL DEFAULT 1,
    status      text NOT NULL CHECK (status IN ('open', 'upheld', 'rejected')),
    decision_id uuid NOT NULL REFERENCES decision (id),
    case_id     uuid NOT NULL REFERENCES enforcement_case (id),
    grounds     text NOT NULL,
    appellant   text NOT NULL,
    filed_by    text NOT NULL,
    on_behalf   boolean NOT NULL,
    filed_at    timestamptz NOT NULL,
    overdue_at  timestamptz,
    decided_by  text,
    decided_at  timestamptz,
    legal_basis text[],
    reasons     text,
    changed_at  timestamptz NOT NULL,
    CHECK ((status = 'open') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX appeal_open ON appeal (decision_id) WHERE status = 'open';
CREATE INDEX appeal_case ON appeal (case_id, id);
