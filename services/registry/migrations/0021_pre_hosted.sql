-- What each provider says that it hosts (N4.2.2), list by list, and where that and the register differ.

CREATE TABLE inventory (
    provider_id   uuid PRIMARY KEY,
    next_sequence bigint NOT NULL DEFAULT 1,
    sending       bigint,               -- the first batch of the list that is being sent
    sending_since timestamptz,
    whole         bigint,               -- the first batch of the list that holds
    whole_at      timestamptz,
    whole_records bigint NOT NULL DEFAULT 0,
    whole_hash    text,
    looked_to     text COLLATE "C",     -- how far the look that runs has come; none: none runs
    reconciled_at timestamptz,
    changed_at    timestamptz NOT NULL,
    CHECK ((sending IS NULL) = (sending_since IS NULL)),
    CHECK ((whole IS NULL) = (whole_at IS NULL))
);

CREATE TABLE inventory_batch (
    provider_id uuid NOT NULL REFERENCES inventory,
    sequence    bigint NOT NULL,
    first_batch bigint NOT NULL,        -- of its list
    hash        bytea NOT NULL,         -- SHA-256 of its bytes
    records     integer NOT NULL,
    closes      boolean NOT NULL,
    refused     jsonb NOT NULL,         -- the records that were not taken, and why
    taken_at    timestamptz NOT NULL,
    PRIMARY KEY (provider_id, sequence)
);

CREATE TABLE hosted (
    provider_id  uuid NOT NULL,
    first_batch  bigint NOT NULL,       -- of the list it is in
    host         text COLLATE "C" NOT NULL,
    above        text[] NOT NULL,       -- the name itself and those above it, down to the registrable one
    ips          text[] NOT NULL,
    number       text,
    hosting_mode text NOT NULL,
    since        date,
    PRIMARY KEY (provider_id, first_batch, host)
);

CREATE TABLE hosted_finding (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('open', 'answered', 'escalated', 'dismissed', 'cured')),
    provider_id  uuid NOT NULL,
    host         text COLLATE "C" NOT NULL,
    kind         text NOT NULL
                 CHECK (kind IN ('unregistered', 'number_differs', 'address_differs', 'revoked', 'barred')),
    listed       jsonb NOT NULL,        -- the record as it was listed when it was found
    site_id      uuid REFERENCES site,
    told_id      uuid NOT NULL,         -- what the notice is about that told of it, with others found at the same time
    cure_until   timestamptz NOT NULL,
    answer       text,
    answered_by  text,
    answered_at  timestamptz,
    escalated_at timestamptz,
    reasons      text,                  -- of whoever dismissed it or insisted
    found_at     timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    CHECK ((answer IS NULL) = (answered_by IS NULL)),
    CHECK (status <> 'answered' OR answer IS NOT NULL),
    CHECK (status <> 'escalated' OR escalated_at IS NOT NULL)
);
CREATE UNIQUE INDEX hosted_finding_one ON hosted_finding (provider_id, host, kind) WHERE status <> 'cured';
CREATE INDEX hosted_finding_on_desk ON hosted_finding (provider_id, status, id DESC);
CREATE INDEX hosted_finding_of_site ON hosted_finding (site_id) WHERE site_id IS NOT NULL;
CREATE INDEX hosted_finding_told ON hosted_finding (told_id);
