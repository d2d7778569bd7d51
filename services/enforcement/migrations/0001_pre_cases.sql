-- Cases, evidence, decisions, appeals; and what enforcement knows of the register, of providers and of others' acts.

CREATE TABLE enforcement_case (
    id             uuid PRIMARY KEY,
    version        bigint NOT NULL DEFAULT 1,
    status         text NOT NULL CHECK (status IN ('open', 'ended')),
    outcome        text CHECK (outcome IN ('no_breach', 'corrected', 'executed', 'discontinued')),
    subject        jsonb NOT NULL,
    site_id        uuid,
    provider_id    uuid,
    identity       text NOT NULL,       -- whom it burdens: an operator's key, or a provider's id
    operator       jsonb NOT NULL,
    hosts          text[] NOT NULL,
    service_item   text,
    ground         text NOT NULL,       -- of the profile's catalogue
    alleged_breach text NOT NULL,
    legal_basis    text[] NOT NULL CHECK (cardinality(legal_basis) > 0),
    authority      jsonb NOT NULL,
    authority_id   text NOT NULL,
    region         text,
    level          text NOT NULL,
    opened_by      text NOT NULL,
    opened_at      timestamptz NOT NULL,
    took_part      text[] NOT NULL DEFAULT '{}',  -- organisations that execute or review: they may read it
    changed_at     timestamptz NOT NULL,
    CHECK ((outcome IS NULL) = (status = 'open'))
);
CREATE INDEX case_of_authority ON enforcement_case (authority_id, id DESC);
CREATE INDEX case_of_site ON enforcement_case (site_id) WHERE site_id IS NOT NULL;

CREATE TABLE evidence (
    sha256     text PRIMARY KEY,
    size       bigint NOT NULL,
    stored_at  timestamptz NOT NULL
);

-- Who files the same bytes learns nothing of other cases: media type and times are this case's own.
CREATE TABLE case_evidence (
    case_id    uuid NOT NULL REFERENCES enforcement_case,
    sha256     text NOT NULL REFERENCES evidence,
    media_type text NOT NULL,
    added_by   text NOT NULL,
    added_at   timestamptz NOT NULL,
    PRIMARY KEY (case_id, sha256)
);
CREATE INDEX case_evidence_by_hash ON case_evidence (sha256);

CREATE TABLE decision (
    id              uuid PRIMARY KEY,
    version         bigint NOT NULL DEFAULT 1,
    status          text NOT NULL CHECK (status IN ('drafted', 'withdrawn', 'released', 'executed', 'declined', 'ignored',
                                                    'ended', 'suspended', 'overturned')),
    case_id         uuid NOT NULL REFERENCES enforcement_case,
    effect          text NOT NULL,
    grounds         jsonb NOT NULL,     -- Grounds, whole
    evidence_hashes text[] NOT NULL CHECK (cardinality(evidence_hashes) > 0),
    until           timestamptz,
    correct_by      timestamptz,
    urgent_ground   text,
    drafted_by      text NOT NULL,
    drafted_at      timestamptz NOT NULL,
    released_by     text CHECK (released_by <> drafted_by),
    released_at     timestamptz,
    site            jsonb,              -- FrozenSite, as it was at release
    preview         jsonb,              -- Preview, as it was signed
    execution       jsonb,              -- ExecutionState, as far as the regulator said
    ended_because   text,
    changed_at      timestamptz NOT NULL,
    CHECK ((released_by IS NULL) = (status IN ('drafted', 'withdrawn'))),
    CHECK ((released_by IS NULL) = (released_at IS NULL)),
    CHECK ((effect IN ('suspend_access', 'bar')) = (until IS NOT NULL)),  -- nothing without an end (docs/adr/0004)
    CHECK ((effect = 'correct') = (correct_by IS NOT NULL))
);
CREATE UNIQUE INDEX decision_one_drafted ON decision (case_id) WHERE status = 'drafted';
CREATE INDEX decision_of_case ON decision (case_id);

CREATE TABLE appeal (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('open', 'upheld', 'rejected')),
    service      text NOT NULL,
    kind         text NOT NULL,
    act_id       uuid NOT NULL,
    identity     text NOT NULL,
    appellant    jsonb NOT NULL,
    authority_id text NOT NULL,
    authority    jsonb NOT NULL,
    body_id      text NOT NULL,
    body         jsonb NOT NULL,
    grounds      text NOT NULL,
    consent      text,
    stay         text NOT NULL CHECK (stay IN ('none', 'asked', 'granted', 'refused')),
    filed_by     text NOT NULL,
    filed_at     timestamptz NOT NULL,
    overdue_at   timestamptz,
    statement    jsonb,
    decided_by   text,
    decided_at   timestamptz,
    changed_at   timestamptz NOT NULL,
    CHECK (body_id <> authority_id),
    CHECK ((decided_at IS NULL) = (status = 'open'))
);
-- An act is challenged once, and once more when it was done again or when somebody else had challenged it.
CREATE UNIQUE INDEX appeal_one_open ON appeal (act_id) WHERE status = 'open' AND overdue_at IS NULL;
CREATE INDEX appeal_of_act ON appeal (act_id, id);
CREATE INDEX appeal_of_body ON appeal (body_id, id DESC);
CREATE INDEX appeal_of_operator ON appeal (identity, id DESC);

-- Acts of other departments that an operator was told of, and from when its time to appeal runs.
CREATE TABLE foreign_act (
    act_id       uuid PRIMARY KEY,
    service      text NOT NULL,
    kind         text NOT NULL,
    identity     text NOT NULL,
    operator     jsonb NOT NULL,
    grounds      jsonb NOT NULL,
    issued_at    timestamptz NOT NULL,
    delivered_at timestamptz
);

CREATE TABLE order_outcome (
    order_id     uuid PRIMARY KEY,
    decision_id  uuid NOT NULL,
    provider_id  uuid NOT NULL,
    action       text NOT NULL,
    outcome      text NOT NULL,
    detail       text,
    at           timestamptz NOT NULL
);
CREATE INDEX order_outcome_of_decision ON order_outcome (decision_id);

-- The register as enforcement knows it, found by name and by address.
CREATE TABLE site (
    site_id      uuid PRIMARY KEY,
    version      bigint NOT NULL,
    status       text NOT NULL,
    record       jsonb NOT NULL,        -- SiteRecordedV1, whole
    operator_id  uuid NOT NULL,
    region       text NOT NULL,
    level        text NOT NULL,
    domains      text[] NOT NULL,
    registrables text[] NOT NULL,
    ips          text[] NOT NULL,
    changed_at   timestamptz NOT NULL
);
CREATE INDEX site_of_operator ON site ((record->'operator'->>'identity'), changed_at);
CREATE INDEX site_by_domain ON site USING gin (domains);
CREATE INDEX site_by_registrable ON site USING gin (registrables);
CREATE INDEX site_by_address ON site USING gin (ips);

CREATE TABLE provider (
    provider_id uuid PRIMARY KEY,
    version     bigint NOT NULL,
    name        text NOT NULL,
    region      text NOT NULL
);
