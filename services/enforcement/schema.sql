-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE appeal (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    service text NOT NULL,
    kind text NOT NULL,
    act_id uuid NOT NULL,
    identity text NOT NULL,
    appellant jsonb NOT NULL,
    authority_id text NOT NULL,
    authority jsonb NOT NULL,
    body_id text NOT NULL,
    body jsonb NOT NULL,
    grounds text NOT NULL,
    consent text,
    stay text NOT NULL,
    filed_by text NOT NULL,
    filed_at timestamp with time zone NOT NULL,
    overdue_at timestamp with time zone,
    statement jsonb,
    decided_by text,
    decided_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT appeal_check CHECK ((body_id <> authority_id)),
    CONSTRAINT appeal_check1 CHECK (((decided_at IS NULL) = (status = 'open'::text))),
    CONSTRAINT appeal_pkey PRIMARY KEY (id),
    CONSTRAINT appeal_status_check CHECK ((status = ANY (ARRAY['open'::text, 'upheld'::text, 'rejected'::text]))),
    CONSTRAINT appeal_stay_check CHECK ((stay = ANY (ARRAY['none'::text, 'asked'::text, 'granted'::text, 'refused'::text]))),
);
INDEX appeal_of_act ON appeal USING btree (act_id, id);
INDEX appeal_of_body ON appeal USING btree (body_id, id DESC);
INDEX appeal_of_operator ON appeal USING btree (identity, id DESC);
UNIQUE INDEX appeal_one_open ON appeal USING btree (act_id) WHERE ((status = 'open'::text) AND (overdue_at IS NULL));

TABLE case_evidence (
    case_id uuid NOT NULL,
    sha256 text NOT NULL,
    media_type text NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    confidential text,
    CONSTRAINT case_evidence_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT case_evidence_pkey PRIMARY KEY (case_id, sha256),
    CONSTRAINT case_evidence_sha256_fkey FOREIGN KEY (sha256) REFERENCES evidence(sha256),
);
INDEX case_evidence_by_hash ON case_evidence USING btree (sha256);

TABLE decision (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    case_id uuid NOT NULL,
    effect text NOT NULL,
    grounds jsonb NOT NULL,
    evidence_hashes text[] NOT NULL,
    until timestamp with time zone,
    correct_by timestamp with time zone,
    urgent_ground text,
    drafted_by text NOT NULL,
    drafted_at timestamp with time zone NOT NULL,
    released_by text,
    released_at timestamp with time zone,
    site jsonb,
    preview jsonb,
    execution jsonb,
    ended_because text,
    changed_at timestamp with time zone NOT NULL,
    suspended_because text,
    CONSTRAINT decision_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT decision_check CHECK ((released_by <> drafted_by)),
    CONSTRAINT decision_check1 CHECK (((released_by IS NULL) = (status = ANY (ARRAY['drafted'::text, 'withdrawn'::text])))),
    CONSTRAINT decision_check2 CHECK (((released_by IS NULL) = (released_at IS NULL))),
    CONSTRAINT decision_check3 CHECK (((effect = ANY (ARRAY['suspend_access'::text, 'bar'::text])) = (until IS NOT NULL))),
    CONSTRAINT decision_check4 CHECK (((effect = 'correct'::text) = (correct_by IS NOT NULL))),
    CONSTRAINT decision_evidence_hashes_check CHECK ((cardinality(evidence_hashes) > 0)),
    CONSTRAINT decision_pkey PRIMARY KEY (id),
    CONSTRAINT decision_status_check CHECK ((status = ANY (ARRAY['drafted'::text, 'withdrawn'::text, 'released'::text, 'executed'::text, 'declined'::text, 'ignored'::text, 'ended'::text, 'suspended'::text, 'overturned'::text]))),
);
INDEX decision_of_case ON decision USING btree (case_id);
UNIQUE INDEX decision_one_drafted ON decision USING btree (case_id) WHERE (status = 'drafted'::text);

TABLE enforcement_case (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    outcome text,
    subject jsonb NOT NULL,
    site_id uuid,
    provider_id uuid,
    identity text NOT NULL,
    operator jsonb NOT NULL,
    hosts text[] NOT NULL,
    service_item text,
    ground text NOT NULL,
    alleged_breach text NOT NULL,
    legal_basis text[] NOT NULL,
    authority jsonb NOT NULL,
    authority_id text NOT NULL,
    region text,
    level text NOT NULL,
    opened_by text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    took_part text[] NOT NULL DEFAULT '{}'::text[],
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT enforcement_case_check CHECK (((outcome IS NULL) = (status = 'open'::text))),
    CONSTRAINT enforcement_case_legal_basis_check CHECK ((cardinality(legal_basis) > 0)),
    CONSTRAINT enforcement_case_outcome_check CHECK ((outcome = ANY (ARRAY['no_breach'::text, 'corrected'::text, 'executed'::text, 'discontinued'::text]))),
    CONSTRAINT enforcement_case_pkey PRIMARY KEY (id),
    CONSTRAINT enforcement_case_status_check CHECK ((status = ANY (ARRAY['open'::text, 'ended'::text]))),
);
INDEX case_of_authority ON enforcement_case USING btree (authority_id, id DESC);
INDEX case_of_host ON enforcement_case USING gin (hosts);
INDEX case_of_site ON enforcement_case USING btree (site_id) WHERE (site_id IS NOT NULL);
INDEX case_of_subject ON enforcement_case USING btree (subject);

TABLE evidence (
    sha256 text NOT NULL,
    size bigint NOT NULL,
    stored_at timestamp with time zone NOT NULL,
    CONSTRAINT evidence_pkey PRIMARY KEY (sha256),
);

TABLE foreign_act (
    act_id uuid NOT NULL,
    service text NOT NULL,
    kind text NOT NULL,
    identity text NOT NULL,
    operator jsonb NOT NULL,
    grounds jsonb NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    delivered_at timestamp with time zone,
    notice_id uuid,
    CONSTRAINT foreign_act_pkey PRIMARY KEY (act_id),
);

TABLE name_subscription (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    identity text NOT NULL,
    host text NOT NULL,
    channel text NOT NULL,
    address text NOT NULL,
    secret bytea,
    method text NOT NULL,
    challenge text NOT NULL,
    subscribed_by text NOT NULL,
    subscribed_at timestamp with time zone NOT NULL,
    proven_at timestamp with time zone,
    looked_at timestamp with time zone,
    look_at timestamp with time zone,
    looks integer NOT NULL DEFAULT 0,
    missing text,
    ended_because text,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT name_subscription_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'webhook'::text]))),
    CONSTRAINT name_subscription_check CHECK (((ended_because IS NOT NULL) = (status = 'ended'::text))),
    CONSTRAINT name_subscription_check1 CHECK (((status <> 'active'::text) OR (proven_at IS NOT NULL))),
    CONSTRAINT name_subscription_check2 CHECK (((status <> 'ended'::text) OR (look_at IS NULL))),
    CONSTRAINT name_subscription_check3 CHECK (((secret IS NOT NULL) = (channel = 'webhook'::text))),
    CONSTRAINT name_subscription_method_check CHECK ((method = ANY (ARRAY['dns'::text, 'file'::text]))),
    CONSTRAINT name_subscription_pkey PRIMARY KEY (id),
    CONSTRAINT name_subscription_status_check CHECK ((status = ANY (ARRAY['proving'::text, 'active'::text, 'ended'::text]))),
);
INDEX name_subscription_due ON name_subscription USING btree (look_at) WHERE (look_at IS NOT NULL);
INDEX name_subscription_of_name ON name_subscription USING btree (host) WHERE (status = 'active'::text);
INDEX name_subscription_of_owner ON name_subscription USING btree (identity, id DESC);
UNIQUE INDEX name_subscription_once ON name_subscription USING btree (identity, host, channel, address) WHERE (status <> 'ended'::text);

TABLE order_outcome (
    order_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    action text NOT NULL,
    outcome text NOT NULL,
    detail text,
    at timestamp with time zone NOT NULL,
    CONSTRAINT order_outcome_pkey PRIMARY KEY (order_id),
);
INDEX order_outcome_of_decision ON order_outcome USING btree (decision_id);

TABLE provider (
    provider_id uuid NOT NULL,
    version bigint NOT NULL,
    name text NOT NULL,
    region text NOT NULL,
    CONSTRAINT provider_pkey PRIMARY KEY (provider_id),
);

TABLE site (
    site_id uuid NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    record jsonb NOT NULL,
    operator_id uuid NOT NULL,
    region text NOT NULL,
    level text NOT NULL,
    domains text[] NOT NULL,
    registrables text[] NOT NULL,
    ips text[] NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT site_pkey PRIMARY KEY (site_id),
);
INDEX site_by_address ON site USING gin (ips);
INDEX site_by_domain ON site USING gin (domains);
INDEX site_by_registrable ON site USING gin (registrables);
INDEX site_of_operator ON site USING btree ((((record -> 'operator'::text) ->> 'identity'::text)), changed_at);
