-- Applications, the decisions on them, and the gap-free numbers of approvals.

CREATE TABLE application (
    id               uuid PRIMARY KEY,
    version          integer NOT NULL DEFAULT 1,
    status           text NOT NULL
                     CHECK (status IN ('submitted', 'granted', 'refused', 'not_required', 'cancelled')),
    operator_uscc    text NOT NULL,
    operator_name    text NOT NULL,
    service_item     text NOT NULL,
    domain           text NOT NULL,
    domain_as_given  text NOT NULL,
    scope_of_service text NOT NULL,
    region           text NOT NULL,
    level            text NOT NULL CHECK (level IN ('province', 'national')),
    submitted_by     text NOT NULL,
    submitted_at     timestamptz NOT NULL,
    overdue_at       timestamptz,
    changed_at       timestamptz NOT NULL,
    authority        text,
    number           text UNIQUE,
    scope            text,
    valid_until      date,
    CHECK ((status IN ('granted', 'cancelled')) = (number IS NOT NULL)),
    CHECK ((number IS NULL) = (scope IS NULL) AND (number IS NULL) = (valid_until IS NULL)),
    CHECK ((status = 'submitted') = (authority IS NULL))
);
COMMENT ON COLUMN application.domain IS 'A-label form, lower case';
COMMENT ON COLUMN application.authority IS 'organisation that decided';

-- The same question is not put twice while it is open.
CREATE UNIQUE INDEX application_open ON application (operator_uscc, service_item, domain) WHERE status = 'submitted';
CREATE INDEX application_operator ON application (operator_uscc, id);
CREATE INDEX application_desk ON application (service_item, region, id);

CREATE TABLE decision (
    id             uuid PRIMARY KEY,
    application_id uuid NOT NULL REFERENCES application (id),
    action         text NOT NULL,
    authority      text NOT NULL,
    decided_by     text NOT NULL,
    decided_at     timestamptz NOT NULL,
    legal_basis    text[] NOT NULL CHECK (cardinality(legal_basis) > 0),
    reasons        text NOT NULL,
    redress        jsonb,
    evidence_hash  text,
    UNIQUE (application_id, action)
);

-- A counter row per authority and year, not a sequence: a sequence leaves a gap whenever a transaction fails.
CREATE TABLE approval_counter (
    authority text NOT NULL,
    year      integer NOT NULL,
    last      integer NOT NULL,
    PRIMARY KEY (authority, year)
);
