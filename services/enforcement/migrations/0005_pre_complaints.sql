-- Complaints, the matters that they are merged into, warnings, and suspensions that providers began by themselves
-- (N4.2.4-5, N4.3). Nothing of this burdens anybody: what follows is decided in a case, or not (docs/adr/0013).

-- Everything that was said about one site on one ground, until it is over. Many complain at once: their rows share its
-- lock (FOR SHARE), whoever ends it waits for them, and nobody's complaint comes to something that is over.
CREATE TABLE matter (
    id            uuid PRIMARY KEY,
    version       bigint NOT NULL DEFAULT 1,
    status        text NOT NULL CHECK (status IN ('open', 'triaged', 'in_case', 'ended')),
    key           text NOT NULL,        -- site:<id>, or host:<the registrable name> where no site bears it
    ground        text NOT NULL,        -- of the profile's catalogue
    host          text NOT NULL,        -- the name that was complained of first, in A-labels
    site_id       uuid,
    region        text,                 -- none for a name in no register: any industry regulator may take it up
    level         text NOT NULL,
    service_items text[] NOT NULL,
    grade         text,
    authority     jsonb,                -- AuthorityRef: whose it is, since somebody graded it
    authority_id  text,
    case_id       uuid REFERENCES enforcement_case (id),
    outcome       text,
    statement     jsonb,                -- what complainants read, in its public form
    overdue_at    timestamptz,
    came_at       timestamptz NOT NULL,
    ended_at      timestamptz,
    changed_at    timestamptz NOT NULL,
    CHECK ((status = 'open') = (grade IS NULL)),
    CHECK ((grade IS NULL) = (authority_id IS NULL)),
    CHECK ((status = 'in_case') <= (case_id IS NOT NULL)),
    CHECK ((status = 'ended') = (ended_at IS NOT NULL)),
    CHECK ((status = 'ended') = (outcome IS NOT NULL)),
    CHECK ((status = 'ended') = (statement IS NOT NULL))
);
CREATE UNIQUE INDEX matter_one_open ON matter (key, ground) WHERE status <> 'ended';
CREATE INDEX matter_queue ON matter (region, status, id);
CREATE INDEX matter_of_case ON matter (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX matter_over ON matter (ended_at) WHERE ended_at IS NOT NULL;

-- Who complained is not here, but for an address if they want an answer, and the office that complained in its own
-- name; both are forgotten when the complaint is over. Nothing says from where somebody wrote.
CREATE TABLE complaint (
    id           uuid PRIMARY KEY,
    matter_id    uuid NOT NULL REFERENCES matter (id),
    reference    text NOT NULL UNIQUE,
    secret_hash  bytea NOT NULL UNIQUE,  -- SHA-256 of 256 random bits
    source       text NOT NULL,          -- public, access_provider or industry_body
    host         text NOT NULL,
    said         text NOT NULL,
    organisation text,
    email        text,
    came_at      timestamptz NOT NULL,
    answer_due   boolean NOT NULL DEFAULT false,
    answered_at  timestamptz,
    forgotten_at timestamptz
);
CREATE INDEX complaint_of_matter ON complaint (matter_id, id);
CREATE INDEX complaint_to_answer ON complaint (id) WHERE answer_due;
CREATE INDEX complaint_to_forget ON complaint (matter_id) WHERE email IS NOT NULL OR organisation IS NOT NULL;

CREATE TABLE complaint_file (
    complaint_id uuid NOT NULL REFERENCES complaint (id),
    sha256       text NOT NULL,
    size         bigint NOT NULL,
    media_type   text NOT NULL,
    added_at     timestamptz NOT NULL,
    PRIMARY KEY (complaint_id, sha256)
);

-- A letter under the industry code: no effect, no entry anywhere.
CREATE TABLE warning (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('sent', 'answered')),
    matter_id    uuid NOT NULL UNIQUE REFERENCES matter (id),
    host         text NOT NULL,
    identity     text NOT NULL,
    party        jsonb NOT NULL,
    authority    jsonb NOT NULL,
    authority_id text NOT NULL,
    statement    jsonb NOT NULL,
    answer_by    timestamptz,
    sent_by      text NOT NULL,
    sent_at      timestamptz NOT NULL,
    answer       text,
    answered_at  timestamptz,
    changed_at   timestamptz NOT NULL,
    CHECK ((status = 'answered') = (answer IS NOT NULL)),
    CHECK ((answer IS NULL) = (answered_at IS NULL))
);
CREATE INDEX warning_of_party ON warning (identity, id);
CREATE INDEX warning_of_authority ON warning (authority_id, id);

-- What a provider suspended by itself, as access-control reported it.
CREATE TABLE emergency (
    id            uuid PRIMARY KEY,
    version       bigint NOT NULL DEFAULT 1,
    status        text NOT NULL CHECK (status IN ('open', 'confirmed', 'lapsed', 'refused')),
    provider_id   uuid NOT NULL,
    provider      jsonb NOT NULL,
    host          text NOT NULL,
    site_id       uuid,
    identity      text NOT NULL,        -- whom it hits: an operator's key, or the provider's id for a found site
    operator      jsonb NOT NULL,
    region        text,
    level         text NOT NULL,
    service_items text[] NOT NULL,
    ground        text NOT NULL,
    reasons       text NOT NULL,
    since         timestamptz NOT NULL,
    reported_at   timestamptz NOT NULL,
    confirm_by    timestamptz NOT NULL,
    decision_id   uuid REFERENCES decision (id),
    authority     jsonb,
    authority_id  text,
    ended_because text,
    statement     jsonb,
    changed_at    timestamptz NOT NULL,
    CHECK ((status = 'confirmed') <= (decision_id IS NOT NULL)),
    CHECK ((decision_id IS NULL) = (authority_id IS NULL)),
    CHECK ((status IN ('lapsed', 'refused')) = (ended_because IS NOT NULL))
);
CREATE INDEX emergency_queue ON emergency (region, status, id);
CREATE INDEX emergency_of_identity ON emergency (identity, id);
CREATE INDEX emergency_of_decision ON emergency (decision_id) WHERE decision_id IS NOT NULL;
