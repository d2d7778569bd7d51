-- The register: operators, their filings and licences, sites, accesses, claims; amendments; executions of decisions; imports.

CREATE TABLE operator (
    id          uuid PRIMARY KEY,
    version     bigint NOT NULL DEFAULT 1,
    status      text NOT NULL DEFAULT 'known' CHECK (status = 'known'),
    identity    text NOT NULL UNIQUE,   -- credit code, or p: and a keyed hash of a person's number
    document    text NOT NULL CHECK (document IN ('credit_code', 'legacy_code', 'resident_id')),
    kind        text NOT NULL CHECK (kind IN ('company', 'institution', 'person')),
    region      text NOT NULL,
    particulars jsonb NOT NULL,         -- name, domicile, representative, person in charge
    address     jsonb NOT NULL,         -- for service of notices
    entered_by  text NOT NULL,
    confirmed_by text CHECK (confirmed_by <> entered_by),  -- who vouched for a legacy code
    created_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL
);

-- Every version of the particulars, with its cause; never changed.
CREATE TABLE operator_version (
    operator_id uuid NOT NULL REFERENCES operator,
    version     bigint NOT NULL,
    particulars jsonb NOT NULL,
    cause       jsonb NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (operator_id, version)
);

CREATE TABLE registration (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    operator_id  uuid NOT NULL REFERENCES operator,
    kind         text NOT NULL CHECK (kind IN ('filing', 'licence')),
    level        text NOT NULL CHECK (level IN ('province', 'national')),
    region       text NOT NULL,
    status       text NOT NULL CHECK (status IN ('submitted', 'refused', 'active', 'ended')),
    number       text UNIQUE,
    refusal      jsonb,                 -- Refusal: grounds and every reason's code
    valid_from   date,
    valid_until  date,
    last_ordinal integer NOT NULL DEFAULT 0,
    overdue_at   timestamptz,
    submitted_by text NOT NULL,
    submitted_at timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    CHECK ((number IS NULL) = (status IN ('submitted', 'refused'))),
    CHECK ((refusal IS NOT NULL) = (status = 'refused'))
);
CREATE UNIQUE INDEX registration_one_filing ON registration (operator_id, region)
    WHERE kind = 'filing' AND status IN ('submitted', 'active');
CREATE INDEX registration_of_operator ON registration (operator_id);
CREATE INDEX registration_on_desk ON registration (region, status, id DESC);

CREATE TABLE site (
    id              uuid PRIMARY KEY,
    version         bigint NOT NULL DEFAULT 1,
    registration_id uuid NOT NULL REFERENCES registration,
    ordinal         integer NOT NULL,
    name            text NOT NULL,
    service_items   text[] NOT NULL,
    status          text NOT NULL CHECK (status IN ('proposed', 'live', 'stopped', 'revoked', 'ended')),
    changed_at      timestamptz NOT NULL,
    UNIQUE (registration_id, ordinal)
);

-- Every version of a site as it was told, with its cause; never changed. Restoring is going back to one of them.
CREATE TABLE site_version (
    site_id uuid NOT NULL,
    version bigint NOT NULL,
    record  jsonb NOT NULL,
    cause   jsonb NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (site_id, version)
);

-- Which site a name belongs to. Claimed by an undecided application until claimed_until; then whoever asks may have it.
CREATE TABLE claim (
    domain        text NOT NULL,
    raw           text NOT NULL,
    registrable   text NOT NULL,
    site_id       uuid NOT NULL REFERENCES site,
    operator_id   uuid NOT NULL,
    amendment_id  uuid,
    place         integer NOT NULL,
    status        text NOT NULL CHECK (status IN ('claimed', 'live', 'released')),
    claimed_until timestamptz,
    CHECK ((claimed_until IS NOT NULL) = (status = 'claimed'))
);
CREATE UNIQUE INDEX claim_held ON claim (domain) WHERE status IN ('claimed', 'live');
CREATE INDEX claim_of_site ON claim (site_id);
CREATE INDEX claim_below ON claim (registrable) WHERE status = 'live';

CREATE TABLE access (
    id            uuid PRIMARY KEY,
    site_id       uuid NOT NULL REFERENCES site,
    operator_id   uuid NOT NULL,        -- the site's; written again when that is transferred
    place         integer NOT NULL,
    provider_id   uuid NOT NULL,
    ips           text[] NOT NULL,
    hosting_mode  text NOT NULL CHECK (hosting_mode IN ('virtual_host', 'dedicated', 'colocation', 'cloud')),
    region        text NOT NULL,
    status        text NOT NULL CHECK (status IN ('live', 'stopped', 'ended')),
    claimed_until timestamptz           -- of a site that is asked for; then others may have the addresses
);
CREATE INDEX access_of_site ON access (site_id);
CREATE INDEX access_by_address ON access USING gin (ips) WHERE status <> 'ended';
CREATE INDEX access_alone ON access USING gin (ips) WHERE status <> 'ended' AND hosting_mode = 'dedicated';

-- A row to lock for each address: whoever writes or gives away an access holds those of its addresses.
CREATE TABLE address (ip text PRIMARY KEY);

CREATE TABLE number_counter (
    region text NOT NULL,
    kind   text NOT NULL,
    last   bigint NOT NULL,
    PRIMARY KEY (region, kind)
);

-- What an operator proposes to change, and what the regulator says to it.
CREATE TABLE amendment (
    id              uuid PRIMARY KEY,
    version         bigint NOT NULL DEFAULT 1,
    status          text NOT NULL CHECK (status IN ('proposed', 'granted', 'refused', 'withdrawn')),
    kind            text NOT NULL CHECK (kind IN ('operator', 'site', 'add_site', 'transfer')),
    operator_id     uuid NOT NULL REFERENCES operator,
    registration_id uuid REFERENCES registration,
    site_id         uuid REFERENCES site,
    base_version    bigint NOT NULL,    -- of what it changes
    proposal        jsonb NOT NULL,
    consent_by      text,               -- transfer: who of the receiving operator agreed
    refusal         jsonb,
    overdue_at      timestamptz,
    proposed_by     text NOT NULL,
    proposed_at     timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    CHECK ((refusal IS NOT NULL) = (status = 'refused'))
);
CREATE UNIQUE INDEX amendment_one_of_site ON amendment (site_id) WHERE status = 'proposed' AND site_id IS NOT NULL;
CREATE UNIQUE INDEX amendment_one_of_operator ON amendment (operator_id) WHERE status = 'proposed' AND kind = 'operator';
CREATE INDEX amendment_on_desk ON amendment (status, id DESC);

-- A decision of enforcement on the regulator's desk: carried out by two people, or declined; undone when it falls.
CREATE TABLE execution (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('received', 'accepted', 'carried_out', 'declined', 'moot', 'undone')),
    decision_id  uuid NOT NULL UNIQUE,
    case_id      uuid NOT NULL,
    effect       text NOT NULL,
    subject      jsonb NOT NULL,
    site_id      uuid,
    operator_id  uuid,
    service_item text,
    decision     jsonb NOT NULL,        -- the fact, whole
    regulator_id text NOT NULL,
    regulator    jsonb NOT NULL,
    authority_id text NOT NULL,
    region       text,
    level        text NOT NULL,
    signed_by    text[] NOT NULL,       -- who drafted and released the decision: none of them signs here
    until        timestamptz,
    accepted_by  text,
    confirmed_by text,
    carried_out  jsonb,                 -- the fact, whole
    items_before text[],                -- of the site, before one was struck: undoing gives that one back
    bar_from     timestamptz,
    appeal_open  boolean NOT NULL DEFAULT false,
    answer       jsonb,                 -- Statement of a decline, or why it was undone
    overdue_at   timestamptz,
    received_at  timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    CHECK (confirmed_by IS NULL OR accepted_by IS NOT NULL AND confirmed_by <> accepted_by),
    CHECK (accepted_by IS NULL OR accepted_by <> ALL (signed_by)),
    CHECK (confirmed_by IS NULL OR confirmed_by <> ALL (signed_by)),
    CHECK ((carried_out IS NOT NULL) = (status IN ('carried_out', 'undone')))
);
CREATE INDEX execution_on_desk ON execution (regulator_id, status, id DESC);
CREATE INDEX execution_of_site ON execution (site_id) WHERE site_id IS NOT NULL;
CREATE INDEX execution_bars ON execution (operator_id) WHERE effect = 'bar' AND status = 'carried_out';

-- Copies of what others own.
CREATE TABLE approval (
    approval_id  uuid PRIMARY KEY,
    version      bigint NOT NULL,
    live         boolean NOT NULL,
    identity     text NOT NULL,
    service_item text NOT NULL,
    domain       text NOT NULL,
    level        text NOT NULL,
    region       text,
    number       text
);
CREATE INDEX approval_of_operator ON approval (identity, service_item);

CREATE TABLE provider (
    id             uuid PRIMARY KEY,
    version        bigint NOT NULL,
    name           text NOT NULL,
    licence_number text NOT NULL,
    kind           text NOT NULL,
    region         text NOT NULL,
    status         text NOT NULL
);

-- What became of the orders that executions sent out.
CREATE TABLE order_outcome (
    order_id     uuid PRIMARY KEY,
    execution_id uuid NOT NULL,
    provider_id  uuid NOT NULL,
    action       text NOT NULL,
    outcome      text NOT NULL,
    detail       text,
    at           timestamptz NOT NULL
);
CREATE INDEX order_outcome_of_execution ON order_outcome (execution_id);

CREATE TABLE import (
    id              uuid PRIMARY KEY,
    organisation_id text NOT NULL,
    started_by      text NOT NULL,
    filename        text,
    status          text NOT NULL CHECK (status IN ('running', 'done', 'interrupted')),
    records         integer NOT NULL DEFAULT 0,
    accepted        integer NOT NULL DEFAULT 0,
    unchanged       integer NOT NULL DEFAULT 0,
    rejected        integer NOT NULL DEFAULT 0,
    findings        integer NOT NULL DEFAULT 0,
    started_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL
);

CREATE TABLE import_result (
    import_id uuid NOT NULL REFERENCES import,
    line      integer NOT NULL,
    place     integer NOT NULL,         -- among what is said of this line
    kind      text NOT NULL CHECK (kind IN ('rejected', 'finding')),
    raw       text NOT NULL,
    code      text NOT NULL,
    field     text,
    message   text NOT NULL,
    PRIMARY KEY (import_id, line, place)
);
