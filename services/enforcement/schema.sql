-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE appeal (
    id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    status text NOT NULL,
    decision_id uuid NOT NULL,
    case_id uuid NOT NULL,
    grounds text NOT NULL,
    appellant text NOT NULL,
    filed_by text NOT NULL,
    on_behalf boolean NOT NULL,
    filed_at timestamp with time zone NOT NULL,
    overdue_at timestamp with time zone,
    decided_by text,
    decided_at timestamp with time zone,
    legal_basis text[],
    reasons text,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT appeal_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT appeal_check CHECK (((status = 'open'::text) = (decided_at IS NULL))),
    CONSTRAINT appeal_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES decision(id),
    CONSTRAINT appeal_pkey PRIMARY KEY (id),
    CONSTRAINT appeal_status_check CHECK ((status = ANY (ARRAY['open'::text, 'upheld'::text, 'rejected'::text]))),
);
INDEX appeal_case ON appeal USING btree (case_id, id);
UNIQUE INDEX appeal_open ON appeal USING btree (decision_id) WHERE (status = 'open'::text);

TABLE case_evidence (
    case_id uuid NOT NULL,
    sha256 text NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT case_evidence_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT case_evidence_pkey PRIMARY KEY (case_id, sha256),
    CONSTRAINT case_evidence_sha256_fkey FOREIGN KEY (sha256) REFERENCES evidence(sha256),
);
INDEX case_evidence_sha256 ON case_evidence USING btree (sha256);

TABLE decision (
    id uuid NOT NULL,
    case_id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    status text NOT NULL,
    measure text NOT NULL,
    legal_basis text[] NOT NULL,
    reasons text NOT NULL,
    evidence_hashes text[] NOT NULL,
    evidence_hash text NOT NULL,
    redress jsonb NOT NULL,
    notice jsonb,
    cure_until timestamp with time zone,
    urgent_ground text,
    impact jsonb NOT NULL,
    drafted_by text NOT NULL,
    drafted_at timestamp with time zone NOT NULL,
    released_by text,
    released_at timestamp with time zone,
    collateral_acknowledged integer,
    request_id uuid,
    changed_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone,
    declined_at timestamp with time zone,
    decline_legal_basis text[],
    decline_reasons text,
    revoked_at timestamp with time zone,
    revocation_id uuid,
    reinstated_at timestamp with time zone,
    CONSTRAINT decision_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT decision_check CHECK (((notice IS NULL) = (cure_until IS NULL))),
    CONSTRAINT decision_check1 CHECK (((notice IS NULL) OR (urgent_ground IS NULL))),
    CONSTRAINT decision_check2 CHECK (((measure = 'no_breach'::text) OR (notice IS NOT NULL) OR (urgent_ground IS NOT NULL))),
    CONSTRAINT decision_check3 CHECK (((status = ANY (ARRAY['drafted'::text, 'withdrawn'::text])) = (released_at IS NULL))),
    CONSTRAINT decision_check4 CHECK (((released_by IS NULL) = (released_at IS NULL))),
    CONSTRAINT decision_check5 CHECK ((released_by <> drafted_by)),
    CONSTRAINT decision_evidence_hashes_check CHECK ((cardinality(evidence_hashes) > 0)),
    CONSTRAINT decision_legal_basis_check CHECK ((cardinality(legal_basis) > 0)),
    CONSTRAINT decision_measure_check CHECK ((measure = ANY (ARRAY['order_correction'::text, 'stop_out_of_scope'::text, 'cancel_service'::text, 'revoke_and_cut'::text, 'no_breach'::text]))),
    CONSTRAINT decision_pkey PRIMARY KEY (id),
    CONSTRAINT decision_request_id_key UNIQUE (request_id),
    CONSTRAINT decision_status_check CHECK ((status = ANY (ARRAY['drafted'::text, 'withdrawn'::text, 'released'::text, 'requested'::text, 'executed'::text, 'declined'::text, 'suspended'::text, 'overturned'::text]))),
);
INDEX decision_case ON decision USING btree (case_id, id);
UNIQUE INDEX decision_drafted ON decision USING btree (case_id) WHERE (status = 'drafted'::text);

TABLE decision_order (
    order_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    site_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    action text NOT NULL,
    sequence bigint,
    how text NOT NULL,
    executed_at timestamp with time zone NOT NULL,
    CONSTRAINT decision_order_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES decision(id),
    CONSTRAINT decision_order_pkey PRIMARY KEY (order_id),
);
INDEX decision_order_decision ON decision_order USING btree (decision_id);

TABLE enforcement_case (
    id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    status text NOT NULL,
    site_id uuid NOT NULL,
    registration_id uuid NOT NULL,
    domain text NOT NULL,
    site_number text NOT NULL,
    site_name text NOT NULL,
    operator_uscc text NOT NULL,
    operator_name text NOT NULL,
    authority text NOT NULL,
    region text NOT NULL,
    level text NOT NULL,
    service_item text NOT NULL,
    alleged_breach text NOT NULL,
    legal_basis text[] NOT NULL,
    opened_by text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT enforcement_case_legal_basis_check CHECK ((cardinality(legal_basis) > 0)),
    CONSTRAINT enforcement_case_level_check CHECK ((level = ANY (ARRAY['province'::text, 'national'::text]))),
    CONSTRAINT enforcement_case_pkey PRIMARY KEY (id),
    CONSTRAINT enforcement_case_status_check CHECK ((status = ANY (ARRAY['open'::text, 'closed'::text]))),
);
INDEX enforcement_case_desk ON enforcement_case USING btree (service_item, region, id);
INDEX enforcement_case_domain ON enforcement_case USING btree (domain, id);

TABLE evidence (
    sha256 text NOT NULL,
    size bigint NOT NULL,
    media_type text NOT NULL,
    stored_at timestamp with time zone NOT NULL,
    CONSTRAINT evidence_pkey PRIMARY KEY (sha256),
    CONSTRAINT evidence_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT evidence_size_check CHECK ((size > 0)),
);

TABLE site (
    site_id uuid NOT NULL,
    version integer NOT NULL,
    registration_id uuid NOT NULL,
    registration_number text NOT NULL,
    registration_status text NOT NULL,
    number text NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    region text NOT NULL,
    operator_uscc text NOT NULL,
    operator_name text NOT NULL,
    domains text[] NOT NULL,
    service_items text[] NOT NULL,
    ips inet[] NOT NULL,
    providers uuid[] NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT site_pkey PRIMARY KEY (site_id),
);
INDEX site_domains ON site USING gin (domains);
INDEX site_ips ON site USING gin (ips);
INDEX site_registration ON site USING btree (registration_id);
