-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE access (
    id uuid NOT NULL,
    site_id uuid NOT NULL,
    ordinal integer NOT NULL,
    provider_id uuid NOT NULL,
    ips text[] NOT NULL,
    hosting_mode text NOT NULL,
    region text NOT NULL,
    CONSTRAINT access_pkey PRIMARY KEY (id),
    CONSTRAINT access_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
);
INDEX access_by_site ON access USING btree (site_id);

TABLE approval (
    application_id uuid NOT NULL,
    operator_uscc text NOT NULL,
    service_item text NOT NULL,
    domain text NOT NULL,
    status text NOT NULL,
    number text,
    valid_until date,
    CONSTRAINT approval_pkey PRIMARY KEY (application_id),
    CONSTRAINT approval_status_check CHECK ((status = ANY (ARRAY['granted'::text, 'not_required'::text, 'refused'::text, 'cancelled'::text]))),
);
INDEX approval_by_operator ON approval USING btree (operator_uscc);

TABLE dedicated_ip (
    ip text NOT NULL,
    site_id uuid NOT NULL,
    operator_id uuid NOT NULL,
    CONSTRAINT dedicated_ip_pkey PRIMARY KEY (ip),
    CONSTRAINT dedicated_ip_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
);
INDEX dedicated_ip_by_site ON dedicated_ip USING btree (site_id);
-- table: Addresses of a server of its own; a shared host's address serves many operators and is not here.

TABLE import (
    id uuid NOT NULL,
    started_by text NOT NULL,
    filename text,
    status text NOT NULL,
    records integer NOT NULL DEFAULT 0,
    accepted integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    rejected integer NOT NULL DEFAULT 0,
    started_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT import_pkey PRIMARY KEY (id),
    CONSTRAINT import_status_check CHECK ((status = ANY (ARRAY['running'::text, 'done'::text, 'interrupted'::text]))),
);

TABLE import_rejection (
    import_id uuid NOT NULL,
    line integer NOT NULL,
    raw text NOT NULL,
    code text NOT NULL,
    field text,
    message text NOT NULL,
    CONSTRAINT import_rejection_import_id_fkey FOREIGN KEY (import_id) REFERENCES import(id),
    CONSTRAINT import_rejection_pkey PRIMARY KEY (import_id, line),
);

TABLE number_counter (
    region text NOT NULL,
    kind text NOT NULL,
    last bigint NOT NULL,
    CONSTRAINT number_counter_pkey PRIMARY KEY (region, kind),
);

TABLE operator (
    id uuid NOT NULL,
    uscc text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    region text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT operator_kind_check CHECK ((kind = ANY (ARRAY['company'::text, 'institution'::text, 'person'::text]))),
    CONSTRAINT operator_pkey PRIMARY KEY (id),
    CONSTRAINT operator_uscc_key UNIQUE (uscc),
);

TABLE provider (
    id uuid NOT NULL,
    name text NOT NULL,
    licence_number text NOT NULL,
    kind text NOT NULL,
    region text NOT NULL,
    CONSTRAINT provider_pkey PRIMARY KEY (id),
);

TABLE registration (
    id uuid NOT NULL,
    operator_id uuid NOT NULL,
    kind text NOT NULL,
    level text NOT NULL,
    region text NOT NULL,
    status text NOT NULL,
    number text,
    version integer NOT NULL DEFAULT 1,
    measure jsonb,
    refusal jsonb,
    overdue_at timestamp with time zone,
    submitted_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT registration_check CHECK (((number IS NULL) = (status = ANY (ARRAY['submitted'::text, 'refused'::text])))),
    CONSTRAINT registration_check1 CHECK (((measure IS NOT NULL) = (status = 'revoked'::text))),
    CONSTRAINT registration_kind_check CHECK ((kind = ANY (ARRAY['filing'::text, 'licence'::text]))),
    CONSTRAINT registration_number_key UNIQUE (number),
    CONSTRAINT registration_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id),
    CONSTRAINT registration_pkey PRIMARY KEY (id),
    CONSTRAINT registration_status_check CHECK ((status = ANY (ARRAY['submitted'::text, 'refused'::text, 'active'::text, 'revoked'::text]))),
);
INDEX registration_by_operator ON registration USING btree (operator_id);
INDEX registration_by_status ON registration USING btree (status, id DESC);

TABLE revocation (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    request_id uuid,
    decision_id uuid,
    measure jsonb NOT NULL,
    status text NOT NULL,
    drafted_by text NOT NULL,
    drafted_at timestamp with time zone NOT NULL,
    confirmed_by text,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT revocation_check CHECK ((confirmed_by <> drafted_by)),
    CONSTRAINT revocation_pkey PRIMARY KEY (id),
    CONSTRAINT revocation_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
    CONSTRAINT revocation_request_id_fkey FOREIGN KEY (request_id) REFERENCES revocation_request(id),
    CONSTRAINT revocation_status_check CHECK ((status = ANY (ARRAY['drafted'::text, 'confirmed'::text, 'withdrawn'::text, 'moot'::text, 'undone'::text]))),
);
INDEX revocation_by_decision ON revocation USING btree (decision_id);
INDEX revocation_by_status ON revocation USING btree (status, id DESC);
UNIQUE INDEX revocation_one_in_progress ON revocation USING btree (registration_id) WHERE (status = ANY (ARRAY['drafted'::text, 'confirmed'::text]));

TABLE revocation_request (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    region text,
    decision_id uuid NOT NULL,
    case_id uuid NOT NULL,
    measure jsonb NOT NULL,
    status text NOT NULL,
    answer text,
    received_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT revocation_request_decision_id_key UNIQUE (decision_id),
    CONSTRAINT revocation_request_pkey PRIMARY KEY (id),
    CONSTRAINT revocation_request_status_check CHECK ((status = ANY (ARRAY['received'::text, 'accepted'::text, 'declined'::text, 'moot'::text]))),
);
INDEX revocation_request_by_status ON revocation_request USING btree (status, id DESC);

TABLE site (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    ordinal integer NOT NULL,
    name text NOT NULL,
    service_items text[] NOT NULL,
    version integer NOT NULL DEFAULT 1,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT site_pkey PRIMARY KEY (id),
    CONSTRAINT site_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
    CONSTRAINT site_registration_id_ordinal_key UNIQUE (registration_id, ordinal),
);

TABLE site_domain (
    domain text NOT NULL,
    raw text NOT NULL,
    site_id uuid NOT NULL,
    ordinal integer NOT NULL,
    CONSTRAINT site_domain_pkey PRIMARY KEY (domain),
    CONSTRAINT site_domain_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
);
INDEX site_domain_by_site ON site_domain USING btree (site_id);
-- table: A refused registration gives its domains back; a revoked one keeps them, to be restored exactly.

TABLE undone_decision (
    decision_id uuid NOT NULL,
    legal_basis text[] NOT NULL,
    reasons text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT undone_decision_pkey PRIMARY KEY (decision_id),
);
-- table: Decisions overturned or suspended on appeal; a request that comes late is moot at once.
