-- Approvals from the application on, the decisions on them, and the counters of their numbers.

CREATE TABLE approval (
    id                uuid PRIMARY KEY,
    version           bigint NOT NULL DEFAULT 1,
    status            text NOT NULL
                      CHECK (status IN ('submitted', 'returned', 'resubmitted', 'granted', 'renewing', 'refused',
                                        'not_required', 'lapsed', 'ended')),
    operator_identity text NOT NULL,
    operator_name     text NOT NULL,
    service_item      text NOT NULL,
    domain            text NOT NULL,
    domain_as_given   text NOT NULL,
    scope_of_service  text NOT NULL,
    level             text NOT NULL CHECK (level IN ('province', 'national')),
    region            text,
    email             text,
    submitted_at      timestamptz NOT NULL,
    changed_at        timestamptz NOT NULL,
    overdue_at        timestamptz,
    missing           jsonb NOT NULL DEFAULT '[]',
    answer            text,
    authority         jsonb,
    number            text UNIQUE,
    scope             text,
    valid_from        date,
    valid_until       date,
    warned_at         timestamptz,
    renewal_until     date,
    CHECK ((level = 'province') = (region IS NOT NULL)),
    CHECK ((status IN ('granted', 'renewing', 'lapsed', 'ended')) = (number IS NOT NULL)),
    CHECK ((number IS NULL) = (scope IS NULL) AND (number IS NULL) = (valid_from IS NULL)
           AND (number IS NULL) = (valid_until IS NULL)),
    CHECK ((status IN ('submitted', 'returned', 'resubmitted')) = (authority IS NULL)),
    CHECK (status <> 'renewing' OR renewal_until IS NOT NULL)
);
COMMENT ON COLUMN approval.domain IS 'A-label form, lower case';
COMMENT ON COLUMN approval.authority IS 'AuthorityRef of who decided last';
COMMENT ON COLUMN approval.missing IS 'what it was returned for';
COMMENT ON COLUMN approval.email IS 'address for service besides the inbox, as the applicant gave it';
COMMENT ON COLUMN approval.renewal_until IS 'last day that the renewal on the desk asks for';

-- The same question is not put twice while it is open.
CREATE UNIQUE INDEX approval_open ON approval (operator_identity, service_item, domain)
    WHERE status IN ('submitted', 'returned', 'resubmitted');
CREATE INDEX approval_operator ON approval (operator_identity, id);
CREATE INDEX approval_desk ON approval (service_item, region, id);

CREATE TABLE decision (
    id          uuid NOT NULL,
    approval_id uuid NOT NULL REFERENCES approval (id),
    action      text NOT NULL,
    grounds     jsonb NOT NULL,
    findings    jsonb NOT NULL DEFAULT '[]',
    asked       date,
    undone_at   timestamptz,
    undone_why  text,
    PRIMARY KEY (id, approval_id),
    CHECK ((undone_at IS NULL) = (undone_why IS NULL))
);
COMMENT ON COLUMN decision.id IS 'where a case decided: the id of that decision, which may end several approvals';
COMMENT ON COLUMN decision.asked IS 'last day that a refused renewal had asked for';
CREATE INDEX decision_of_approval ON decision (approval_id, id);

-- A counter row per mark and year, not a sequence: a sequence leaves a gap whenever a transaction fails.
CREATE TABLE approval_counter (
    mark text NOT NULL,
    year integer NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (mark, year)
);
