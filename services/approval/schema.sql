-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE application (
    id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    status text NOT NULL,
    operator_uscc text NOT NULL,
    operator_name text NOT NULL,
    service_item text NOT NULL,
    domain text NOT NULL,
    domain_as_given text NOT NULL,
    scope_of_service text NOT NULL,
    region text NOT NULL,
    level text NOT NULL,
    submitted_by text NOT NULL,
    submitted_at timestamp with time zone NOT NULL,
    overdue_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    authority text,
    number text,
    scope text,
    valid_until date,
    CONSTRAINT application_check CHECK (((status = ANY (ARRAY['granted'::text, 'cancelled'::text])) = (number IS NOT NULL))),
    CONSTRAINT application_check1 CHECK ((((number IS NULL) = (scope IS NULL)) AND ((number IS NULL) = (valid_until IS NULL)))),
    CONSTRAINT application_check2 CHECK (((status = 'submitted'::text) = (authority IS NULL))),
    CONSTRAINT application_level_check CHECK ((level = ANY (ARRAY['province'::text, 'national'::text]))),
    CONSTRAINT application_number_key UNIQUE (number),
    CONSTRAINT application_pkey PRIMARY KEY (id),
    CONSTRAINT application_status_check CHECK ((status = ANY (ARRAY['submitted'::text, 'granted'::text, 'refused'::text, 'not_required'::text, 'cancelled'::text]))),
);
INDEX application_desk ON application USING btree (service_item, region, id);
UNIQUE INDEX application_open ON application USING btree (operator_uscc, service_item, domain) WHERE (status = 'submitted'::text);
INDEX application_operator ON application USING btree (operator_uscc, id);
-- domain: A-label form, lower case
-- authority: organisation that decided

TABLE approval_counter (
    authority text NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL,
    CONSTRAINT approval_counter_pkey PRIMARY KEY (authority, year),
);

TABLE decision (
    id uuid NOT NULL,
    application_id uuid NOT NULL,
    action text NOT NULL,
    authority text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    legal_basis text[] NOT NULL,
    reasons text NOT NULL,
    redress jsonb,
    evidence_hash text,
    CONSTRAINT decision_application_id_action_key UNIQUE (application_id, action),
    CONSTRAINT decision_application_id_fkey FOREIGN KEY (application_id) REFERENCES application(id),
    CONSTRAINT decision_legal_basis_check CHECK ((cardinality(legal_basis) > 0)),
    CONSTRAINT decision_pkey PRIMARY KEY (id),
);
