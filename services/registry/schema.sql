-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE access (
    id uuid NOT NULL,
    site_id uuid NOT NULL,
    operator_id uuid NOT NULL,
    place integer NOT NULL,
    provider_id uuid NOT NULL,
    ips text[] NOT NULL,
    hosting_mode text NOT NULL,
    region text NOT NULL,
    status text NOT NULL,
    claimed_until timestamp with time zone,
    CONSTRAINT access_hosting_mode_check CHECK ((hosting_mode = ANY (ARRAY['virtual_host'::text, 'dedicated'::text, 'colocation'::text, 'cloud'::text]))),
    CONSTRAINT access_pkey PRIMARY KEY (id),
    CONSTRAINT access_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
    CONSTRAINT access_status_check CHECK ((status = ANY (ARRAY['live'::text, 'stopped'::text, 'ended'::text]))),
);
INDEX access_alone ON access USING gin (ips) WHERE ((status <> 'ended'::text) AND (hosting_mode = 'dedicated'::text));
INDEX access_by_address ON access USING gin (ips) WHERE (status <> 'ended'::text);
INDEX access_of_site ON access USING btree (site_id);

TABLE address (
    ip text NOT NULL,
    CONSTRAINT address_pkey PRIMARY KEY (ip),
);

TABLE address_code (
    operator_id uuid NOT NULL,
    email text NOT NULL,
    code_hash bytea NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    since timestamp with time zone NOT NULL,
    sent integer NOT NULL DEFAULT 1,
    CONSTRAINT address_code_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id),
    CONSTRAINT address_code_pkey PRIMARY KEY (operator_id),
);

TABLE amendment (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    kind text NOT NULL,
    operator_id uuid NOT NULL,
    registration_id uuid,
    site_id uuid,
    base_version bigint NOT NULL,
    proposal jsonb NOT NULL,
    consent_by text,
    refusal jsonb,
    overdue_at timestamp with time zone,
    proposed_by text NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT amendment_check CHECK (((refusal IS NOT NULL) = (status = 'refused'::text))),
    CONSTRAINT amendment_kind_check CHECK ((kind = ANY (ARRAY['operator'::text, 'site'::text, 'add_site'::text, 'transfer'::text]))),
    CONSTRAINT amendment_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id),
    CONSTRAINT amendment_pkey PRIMARY KEY (id),
    CONSTRAINT amendment_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
    CONSTRAINT amendment_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
    CONSTRAINT amendment_status_check CHECK ((status = ANY (ARRAY['proposed'::text, 'granted'::text, 'refused'::text, 'withdrawn'::text]))),
);
INDEX amendment_on_desk ON amendment USING btree (status, id DESC);
UNIQUE INDEX amendment_one_of_operator ON amendment USING btree (operator_id) WHERE ((status = 'proposed'::text) AND (kind = 'operator'::text));
UNIQUE INDEX amendment_one_of_site ON amendment USING btree (site_id) WHERE ((status = 'proposed'::text) AND (site_id IS NOT NULL));

TABLE approval (
    approval_id uuid NOT NULL,
    version bigint NOT NULL,
    live boolean NOT NULL,
    identity text NOT NULL,
    service_item text NOT NULL,
    domain text NOT NULL,
    level text NOT NULL,
    region text,
    number text,
    CONSTRAINT approval_pkey PRIMARY KEY (approval_id),
);
INDEX approval_of_operator ON approval USING btree (identity, service_item);

TABLE claim (
    domain text NOT NULL,
    raw text NOT NULL,
    registrable text NOT NULL,
    site_id uuid NOT NULL,
    operator_id uuid NOT NULL,
    amendment_id uuid,
    place integer NOT NULL,
    status text NOT NULL,
    claimed_until timestamp with time zone,
    CONSTRAINT claim_check CHECK (((claimed_until IS NOT NULL) = (status = 'claimed'::text))),
    CONSTRAINT claim_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
    CONSTRAINT claim_status_check CHECK ((status = ANY (ARRAY['claimed'::text, 'live'::text, 'released'::text]))),
);
INDEX claim_below ON claim USING btree (registrable) WHERE (status = 'live'::text);
UNIQUE INDEX claim_held ON claim USING btree (domain) WHERE (status = ANY (ARRAY['claimed'::text, 'live'::text]));
INDEX claim_of_site ON claim USING btree (site_id);

TABLE execution (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    decision_id uuid NOT NULL,
    case_id uuid NOT NULL,
    effect text NOT NULL,
    subject jsonb NOT NULL,
    site_id uuid,
    operator_id uuid,
    service_item text,
    decision jsonb NOT NULL,
    regulator_id text NOT NULL,
    regulator jsonb NOT NULL,
    authority_id text NOT NULL,
    region text,
    level text NOT NULL,
    signed_by text[] NOT NULL,
    until timestamp with time zone,
    accepted_by text,
    confirmed_by text,
    carried_out jsonb,
    items_before text[],
    bar_from timestamp with time zone,
    appeal_open boolean NOT NULL DEFAULT false,
    answer jsonb,
    overdue_at timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT execution_check CHECK (((confirmed_by IS NULL) OR ((accepted_by IS NOT NULL) AND (confirmed_by <> accepted_by)))),
    CONSTRAINT execution_check1 CHECK (((accepted_by IS NULL) OR (accepted_by <> ALL (signed_by)))),
    CONSTRAINT execution_check2 CHECK (((confirmed_by IS NULL) OR (confirmed_by <> ALL (signed_by)))),
    CONSTRAINT execution_check3 CHECK (((carried_out IS NOT NULL) = (status = ANY (ARRAY['carried_out'::text, 'undone'::text])))),
    CONSTRAINT execution_decision_id_key UNIQUE (decision_id),
    CONSTRAINT execution_pkey PRIMARY KEY (id),
    CONSTRAINT execution_status_check CHECK ((status = ANY (ARRAY['received'::text, 'accepted'::text, 'carried_out'::text, 'declined'::text, 'moot'::text, 'undone'::text]))),
);
INDEX execution_bars ON execution USING btree (operator_id) WHERE ((effect = 'bar'::text) AND (status = 'carried_out'::text));
INDEX execution_of_site ON execution USING btree (site_id) WHERE (site_id IS NOT NULL);
INDEX execution_on_desk ON execution USING btree (regulator_id, status, id DESC);

TABLE import (
    id uuid NOT NULL,
    organisation_id text NOT NULL,
    started_by text NOT NULL,
    filename text,
    status text NOT NULL,
    records integer NOT NULL DEFAULT 0,
    accepted integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    rejected integer NOT NULL DEFAULT 0,
    findings integer NOT NULL DEFAULT 0,
    started_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    media_type text,
    charset text,
    recognised boolean NOT NULL DEFAULT false,
    dry_run boolean NOT NULL DEFAULT false,
    keeps_all boolean NOT NULL DEFAULT false,
    bytes_read bigint NOT NULL DEFAULT 0,
    total_bytes bigint,
    next_row bigint NOT NULL DEFAULT 1,
    taken_hash bytea,
    run integer NOT NULL DEFAULT 1,
    CONSTRAINT import_pkey PRIMARY KEY (id),
    CONSTRAINT import_status_check CHECK ((status = ANY (ARRAY['running'::text, 'done'::text, 'interrupted'::text]))),
);

TABLE import_result (
    import_id uuid NOT NULL,
    line integer NOT NULL,
    place integer NOT NULL,
    kind text NOT NULL,
    raw text NOT NULL,
    code text NOT NULL,
    field text,
    message text NOT NULL,
    value text,
    CONSTRAINT import_result_import_id_fkey FOREIGN KEY (import_id) REFERENCES import(id),
    CONSTRAINT import_result_kind_check CHECK ((kind = ANY (ARRAY['rejected'::text, 'finding'::text]))),
    CONSTRAINT import_result_pkey PRIMARY KEY (import_id, line, place),
);

TABLE import_taken (
    import_id uuid NOT NULL,
    line integer NOT NULL,
    kind text NOT NULL,
    site_id uuid,
    number text,
    CONSTRAINT import_taken_import_id_fkey FOREIGN KEY (import_id) REFERENCES import(id),
    CONSTRAINT import_taken_kind_check CHECK ((kind = ANY (ARRAY['accepted'::text, 'unchanged'::text]))),
    CONSTRAINT import_taken_pkey PRIMARY KEY (import_id, line),
);

TABLE number_counter (
    region text NOT NULL,
    kind text NOT NULL,
    last bigint NOT NULL,
    CONSTRAINT number_counter_pkey PRIMARY KEY (region, kind),
);

TABLE operator (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'known'::text,
    identity text NOT NULL,
    document text NOT NULL,
    kind text NOT NULL,
    region text NOT NULL,
    particulars jsonb NOT NULL,
    address jsonb NOT NULL,
    entered_by text NOT NULL,
    confirmed_by text,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT operator_check CHECK ((confirmed_by <> entered_by)),
    CONSTRAINT operator_document_check CHECK ((document = ANY (ARRAY['credit_code'::text, 'legacy_code'::text, 'resident_id'::text]))),
    CONSTRAINT operator_identity_key UNIQUE (identity),
    CONSTRAINT operator_kind_check CHECK ((kind = ANY (ARRAY['company'::text, 'institution'::text, 'person'::text]))),
    CONSTRAINT operator_pkey PRIMARY KEY (id),
    CONSTRAINT operator_status_check CHECK ((status = 'known'::text)),
);

TABLE operator_version (
    operator_id uuid NOT NULL,
    version bigint NOT NULL,
    particulars jsonb NOT NULL,
    cause jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT operator_version_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id),
    CONSTRAINT operator_version_pkey PRIMARY KEY (operator_id, version),
);

TABLE order_outcome (
    order_id uuid NOT NULL,
    execution_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    action text NOT NULL,
    outcome text NOT NULL,
    detail text,
    at timestamp with time zone NOT NULL,
    CONSTRAINT order_outcome_pkey PRIMARY KEY (order_id),
);
INDEX order_outcome_of_execution ON order_outcome USING btree (execution_id);

TABLE provider (
    id uuid NOT NULL,
    version bigint NOT NULL,
    name text NOT NULL,
    licence_number text NOT NULL,
    kind text NOT NULL,
    region text NOT NULL,
    status text NOT NULL,
    CONSTRAINT provider_pkey PRIMARY KEY (id),
);

TABLE registration (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    operator_id uuid NOT NULL,
    kind text NOT NULL,
    level text NOT NULL,
    region text NOT NULL,
    status text NOT NULL,
    number text,
    refusal jsonb,
    valid_from date,
    valid_until date,
    last_ordinal integer NOT NULL DEFAULT 0,
    overdue_at timestamp with time zone,
    submitted_by text NOT NULL,
    submitted_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT registration_check CHECK (((number IS NULL) = (status = ANY (ARRAY['submitted'::text, 'refused'::text])))),
    CONSTRAINT registration_check1 CHECK (((refusal IS NOT NULL) = (status = 'refused'::text))),
    CONSTRAINT registration_kind_check CHECK ((kind = ANY (ARRAY['filing'::text, 'licence'::text]))),
    CONSTRAINT registration_level_check CHECK ((level = ANY (ARRAY['province'::text, 'national'::text]))),
    CONSTRAINT registration_number_key UNIQUE (number),
    CONSTRAINT registration_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id),
    CONSTRAINT registration_pkey PRIMARY KEY (id),
    CONSTRAINT registration_status_check CHECK ((status = ANY (ARRAY['submitted'::text, 'refused'::text, 'active'::text, 'ended'::text]))),
);
INDEX registration_of_operator ON registration USING btree (operator_id);
INDEX registration_on_desk ON registration USING btree (region, status, id DESC);
UNIQUE INDEX registration_one_filing ON registration USING btree (operator_id, region) WHERE ((kind = 'filing'::text) AND (status = ANY (ARRAY['submitted'::text, 'active'::text])));

TABLE site (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    registration_id uuid NOT NULL,
    ordinal integer NOT NULL,
    name text NOT NULL,
    service_items text[] NOT NULL,
    status text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT site_pkey PRIMARY KEY (id),
    CONSTRAINT site_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
    CONSTRAINT site_registration_id_ordinal_key UNIQUE (registration_id, ordinal),
    CONSTRAINT site_status_check CHECK ((status = ANY (ARRAY['proposed'::text, 'live'::text, 'stopped'::text, 'revoked'::text, 'ended'::text]))),
);

TABLE site_version (
    site_id uuid NOT NULL,
    version bigint NOT NULL,
    record jsonb NOT NULL,
    cause jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT site_version_pkey PRIMARY KEY (site_id, version),
);
