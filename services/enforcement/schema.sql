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
    assigned_to text,
    assigned_at timestamp with time zone,
    CONSTRAINT appeal_check CHECK ((body_id <> authority_id)),
    CONSTRAINT appeal_check1 CHECK (((decided_at IS NULL) = (status = 'open'::text))),
    CONSTRAINT appeal_pkey PRIMARY KEY (id),
    CONSTRAINT appeal_status_check CHECK ((status = ANY (ARRAY['open'::text, 'upheld'::text, 'rejected'::text, 'withdrawn'::text, 'refused'::text]))),
    CONSTRAINT appeal_stay_check CHECK ((stay = ANY (ARRAY['none'::text, 'asked'::text, 'granted'::text, 'refused'::text]))),
);
INDEX appeal_counted ON appeal USING btree (authority_id, filed_at) INCLUDE (status, overdue_at, decided_at);
INDEX appeal_of_act ON appeal USING btree (act_id, id);
INDEX appeal_of_body ON appeal USING btree (body_id, id DESC);
INDEX appeal_of_operator ON appeal USING btree (identity, id DESC);
UNIQUE INDEX appeal_one_open ON appeal USING btree (act_id) WHERE ((status = 'open'::text) AND (overdue_at IS NULL));

TABLE appeal_paper (
    appeal_id uuid NOT NULL,
    sha256 text NOT NULL,
    side text NOT NULL,
    title text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    confidential text,
    handed_by text NOT NULL,
    handed_at timestamp with time zone NOT NULL,
    CONSTRAINT appeal_paper_appeal_id_fkey FOREIGN KEY (appeal_id) REFERENCES appeal(id),
    CONSTRAINT appeal_paper_pkey PRIMARY KEY (appeal_id, sha256),
    CONSTRAINT appeal_paper_side_check CHECK ((side = ANY (ARRAY['appellant'::text, 'authority'::text, 'body'::text]))),
);

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
    ignored_evidence text[] NOT NULL DEFAULT '{}'::text[],
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

TABLE hearing (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    appeal_id uuid NOT NULL,
    takes_place timestamp with time zone NOT NULL,
    place text NOT NULL,
    invited_by text NOT NULL,
    invited_at timestamp with time zone NOT NULL,
    present text[] NOT NULL DEFAULT '{}'::text[],
    minutes text,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT hearing_appeal_id_fkey FOREIGN KEY (appeal_id) REFERENCES appeal(id),
    CONSTRAINT hearing_appeal_id_minutes_fkey FOREIGN KEY (appeal_id, minutes) REFERENCES appeal_paper(appeal_id, sha256),
    CONSTRAINT hearing_check CHECK (((minutes IS NOT NULL) = (status = 'held'::text))),
    CONSTRAINT hearing_pkey PRIMARY KEY (id),
    CONSTRAINT hearing_status_check CHECK ((status = ANY (ARRAY['invited'::text, 'held'::text, 'cancelled'::text]))),
);
INDEX hearing_of_appeal ON hearing USING btree (appeal_id, id);
UNIQUE INDEX hearing_one_invited ON hearing USING btree (appeal_id) WHERE (status = 'invited'::text);

TABLE history (
    id bigint NOT NULL GENERATED AS IDENTITY,
    aggregate text NOT NULL,
    aggregate_id uuid NOT NULL,
    action text NOT NULL,
    from_status text,
    to_status text NOT NULL,
    subject text NOT NULL,
    name text NOT NULL,
    organisation text NOT NULL,
    why text NOT NULL,
    at timestamp with time zone NOT NULL,
    trace_id text,
    person text,
    CONSTRAINT history_pkey PRIMARY KEY (id, at),
) PARTITION BY RANGE (at);
INDEX history_of_aggregate ON ONLY history USING btree (aggregate_id, id);
INDEX history_of_person ON ONLY history USING btree (COALESCE(person, subject), organisation);

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

TABLE referral (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    case_id uuid NOT NULL,
    authority jsonb NOT NULL,
    authority_id text NOT NULL,
    receiver jsonb NOT NULL,
    receiver_id text NOT NULL,
    statement jsonb NOT NULL,
    evidence text[] NOT NULL,
    delay_ground text,
    tell_at timestamp with time zone,
    told_at timestamp with time zone,
    drafted_by text NOT NULL,
    drafted_at timestamp with time zone NOT NULL,
    signed_by text,
    sent_at timestamp with time zone,
    received_at timestamp with time zone,
    outcome text,
    answer jsonb,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT referral_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT referral_check CHECK ((signed_by <> drafted_by)),
    CONSTRAINT referral_check1 CHECK ((receiver_id <> authority_id)),
    CONSTRAINT referral_check2 CHECK (((signed_by IS NULL) = (status = ANY (ARRAY['drafted'::text, 'withdrawn'::text])))),
    CONSTRAINT referral_check3 CHECK (((signed_by IS NULL) = (sent_at IS NULL))),
    CONSTRAINT referral_check4 CHECK (((sent_at IS NULL) OR (told_at IS NOT NULL) OR (tell_at IS NOT NULL))),
    CONSTRAINT referral_check5 CHECK (((delay_ground IS NULL) = (tell_at IS NULL))),
    CONSTRAINT referral_check6 CHECK ((tell_at <= (drafted_at + '30 days'::interval))),
    CONSTRAINT referral_check7 CHECK (((outcome IS NULL) = (status <> 'answered'::text))),
    CONSTRAINT referral_evidence_check CHECK ((cardinality(evidence) > 0)),
    CONSTRAINT referral_pkey PRIMARY KEY (id),
    CONSTRAINT referral_status_check CHECK ((status = ANY (ARRAY['drafted'::text, 'sent'::text, 'received'::text, 'answered'::text, 'withdrawn'::text]))),
);
INDEX referral_of_authority ON referral USING btree (authority_id, id DESC);
INDEX referral_of_case ON referral USING btree (case_id);
INDEX referral_of_receiver ON referral USING btree (receiver_id, id DESC);
UNIQUE INDEX referral_one_drafted ON referral USING btree (case_id, receiver_id) WHERE (status = 'drafted'::text);
INDEX referral_untold ON referral USING btree (case_id) WHERE ((told_at IS NULL) AND (status = ANY (ARRAY['sent'::text, 'received'::text, 'answered'::text])));

TABLE regulator_request (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    case_id uuid NOT NULL,
    decision_id uuid,
    asks text NOT NULL,
    statement jsonb NOT NULL,
    documents text[] NOT NULL,
    authority jsonb NOT NULL,
    authority_id text NOT NULL,
    desk jsonb NOT NULL,
    desk_id text NOT NULL,
    desks text[] NOT NULL,
    forwards jsonb NOT NULL DEFAULT '[]'::jsonb,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    overdue_at timestamp with time zone,
    escalated_to text,
    answer jsonb,
    answered_by text,
    answered_at timestamp with time zone,
    leads_to uuid,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT regulator_request_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT regulator_request_check CHECK ((answered_by <> asked_by)),
    CONSTRAINT regulator_request_check1 CHECK ((desk_id <> authority_id)),
    CONSTRAINT regulator_request_check2 CHECK (((answer IS NULL) = (status = ANY (ARRAY['open'::text, 'withdrawn'::text])))),
    CONSTRAINT regulator_request_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES decision(id),
    CONSTRAINT regulator_request_documents_check CHECK ((cardinality(documents) > 0)),
    CONSTRAINT regulator_request_leads_to_fkey FOREIGN KEY (leads_to) REFERENCES enforcement_case(id),
    CONSTRAINT regulator_request_pkey PRIMARY KEY (id),
    CONSTRAINT regulator_request_status_check CHECK ((status = ANY (ARRAY['open'::text, 'accepted'::text, 'declined'::text, 'withdrawn'::text]))),
);
INDEX regulator_request_at_desk ON regulator_request USING gin (desks);
INDEX regulator_request_led_to ON regulator_request USING btree (leads_to) WHERE (leads_to IS NOT NULL);
INDEX regulator_request_of_authority ON regulator_request USING btree (authority_id, id DESC);
INDEX regulator_request_of_case ON regulator_request USING btree (case_id);
UNIQUE INDEX regulator_request_one_open ON regulator_request USING btree (case_id) WHERE (status = 'open'::text);

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
