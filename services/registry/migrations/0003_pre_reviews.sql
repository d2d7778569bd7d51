-- The annual review (P3.3): a cycle, whose opinion is asked, who is reviewed, and what was said. ADR 10: no measure is born here.
CREATE TABLE review (
    id             uuid PRIMARY KEY,
    version        bigint NOT NULL DEFAULT 1,
    status         text NOT NULL CHECK (status IN ('announced', 'open', 'closed')),
    year           integer NOT NULL,
    level          text NOT NULL CHECK (level IN ('province', 'national')),
    region         text,
    regulator_id   text NOT NULL,
    regulator      jsonb NOT NULL,
    opens_at       timestamptz NOT NULL,
    opinions_until timestamptz NOT NULL,
    closes_at      timestamptz NOT NULL,
    closed_at      timestamptz,
    entered_to     uuid,  -- while it opens: the last site that is under review so far
    announced_by   text NOT NULL,
    announced_at   timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL,
    CHECK ((region IS NOT NULL) = (level = 'province')),
    CHECK ((closed_at IS NOT NULL) = (status = 'closed'))
);
CREATE UNIQUE INDEX review_one_a_year ON review (year, level, coalesce(region, ''));

CREATE TABLE review_authority (
    id           uuid PRIMARY KEY,
    review_id    uuid NOT NULL REFERENCES review,
    authority_id text NOT NULL,
    authority    jsonb NOT NULL,
    opens_at     timestamptz NOT NULL,
    until        timestamptz NOT NULL,
    reminded_at  timestamptz,
    done_at      timestamptz,
    done_by      text,
    done_reasons text,
    UNIQUE (review_id, authority_id),
    CHECK ((done_at IS NULL) = (done_by IS NULL))
);

CREATE TABLE review_subject (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('under_review', 'passed', 'vetoed', 'cleared', 'gone')),
    review_id    uuid NOT NULL REFERENCES review,
    kind         text NOT NULL CHECK (kind IN ('site', 'access_provider', 'carrier', 'domain_registrar')),
    site_id      uuid REFERENCES site,
    organisation text NOT NULL,
    name         text NOT NULL,
    number       text,
    level        text NOT NULL,
    region       text,
    outcome      text,
    opinion_id   uuid,
    case_id      uuid,
    grounds      jsonb,
    changed_at   timestamptz NOT NULL,
    CHECK ((site_id IS NOT NULL) = (kind = 'site')),
    CHECK ((outcome IS NOT NULL AND opinion_id IS NOT NULL AND grounds IS NOT NULL) = (status IN ('vetoed', 'cleared')))
);
CREATE UNIQUE INDEX review_subject_once ON review_subject (review_id, kind, coalesce(site_id::text, organisation));
CREATE INDEX review_subject_by_status ON review_subject (review_id, status, id);
CREATE INDEX review_subject_of_site ON review_subject (site_id, review_id) WHERE site_id IS NOT NULL;
CREATE INDEX review_subject_of_organisation ON review_subject (organisation, id);

CREATE TABLE review_opinion (
    id           uuid PRIMARY KEY,
    version      bigint NOT NULL DEFAULT 1,
    status       text NOT NULL CHECK (status IN ('standing', 'withdrawn', 'fallen')),
    review_id    uuid NOT NULL REFERENCES review,
    subject_id   uuid NOT NULL REFERENCES review_subject,
    authority_id text NOT NULL,
    authority    jsonb NOT NULL,
    level        text NOT NULL,
    region       text,
    opinion      text NOT NULL CHECK (opinion IN ('pass', 'cancel_service', 'close_site', 'fail')),
    decision_id  uuid,
    service_item text,
    statement    jsonb NOT NULL,
    fell_because text,
    filed_by     text NOT NULL,
    filed_at     timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    CHECK ((decision_id IS NULL) = (opinion = 'pass')),
    CHECK ((service_item IS NOT NULL) = (opinion = 'cancel_service'))
);
CREATE UNIQUE INDEX review_opinion_one ON review_opinion (subject_id, authority_id) WHERE status = 'standing';
CREATE INDEX review_opinion_of_review ON review_opinion (review_id, authority_id);
CREATE INDEX review_opinion_on_decision ON review_opinion (decision_id) WHERE status = 'standing' AND decision_id IS NOT NULL;

-- What authorities did that the register does not carry out, and an opinion can rest on: ignored orders to correct, penalties.
CREATE TABLE handling (
    decision_id  uuid PRIMARY KEY,
    effect       text NOT NULL CHECK (effect IN ('correct', 'penalty')),
    subject      jsonb NOT NULL,
    authority_id text NOT NULL,
    level        text NOT NULL,
    region       text,
    since        timestamptz,
    fell_at      timestamptz
);
CREATE INDEX handling_of_site ON handling ((subject ->> 'site_id')) WHERE effect = 'correct';

ALTER TABLE execution ADD COLUMN undone_because text;
