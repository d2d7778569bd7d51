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
    returned_by text,
    text_used jsonb,
    drafted_on jsonb,
    since_draft jsonb,
    CONSTRAINT decision_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT decision_check CHECK ((released_by <> drafted_by)),
    CONSTRAINT decision_check2 CHECK (((released_by IS NULL) = (released_at IS NULL))),
    CONSTRAINT decision_check3 CHECK (((effect = ANY (ARRAY['suspend_access'::text, 'bar'::text])) = (until IS NOT NULL))),
    CONSTRAINT decision_check4 CHECK (((effect = 'correct'::text) = (correct_by IS NOT NULL))),
    CONSTRAINT decision_evidence_hashes_check CHECK ((cardinality(evidence_hashes) > 0)),
    CONSTRAINT decision_pkey PRIMARY KEY (id),
    CONSTRAINT decision_released_by_somebody CHECK (((released_by IS NULL) = (status = ANY (ARRAY['drafted'::text, 'returned'::text, 'withdrawn'::text])))),
    CONSTRAINT decision_returned_by_another CHECK ((((returned_by IS NOT NULL) = (status = 'returned'::text)) AND (returned_by <> drafted_by))),
    CONSTRAINT decision_status_check CHECK ((status = ANY (ARRAY['drafted'::text, 'returned'::text, 'withdrawn'::text, 'released'::text, 'executed'::text, 'declined'::text, 'ignored'::text, 'ended'::text, 'suspended'::text, 'overturned'::text]))),
);
INDEX decision_of_case ON decision USING btree (case_id);
UNIQUE INDEX decision_one_drafted ON decision USING btree (case_id) WHERE (status = 'drafted'::text);
UNIQUE INDEX decision_one_unreleased ON decision USING btree (case_id) WHERE (status = ANY (ARRAY['drafted'::text, 'returned'::text]));

TABLE decision_remark (
    id uuid NOT NULL,
    decision_id uuid NOT NULL,
    kind text NOT NULL,
    reasons text NOT NULL,
    by text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT decision_remark_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES decision(id),
    CONSTRAINT decision_remark_kind_check CHECK ((kind = ANY (ARRAY['comment'::text, 'return'::text, 'answer'::text]))),
    CONSTRAINT decision_remark_pkey PRIMARY KEY (id),
);
INDEX decision_remark_of ON decision_remark USING btree (decision_id, id);

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
    supervisor jsonb,
    CONSTRAINT provider_pkey PRIMARY KEY (provider_id),
);

TABLE served_name (
    site_id uuid NOT NULL,
    ip text NOT NULL,
    name text NOT NULL,
    CONSTRAINT served_name_pkey PRIMARY KEY (site_id, ip, name),
);
INDEX served_name_at ON served_name USING btree (ip, site_id);
INDEX served_name_backwards ON served_name USING btree (ip, reverse(name) COLLATE "C");

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
TRIGGER site_served AFTER INSERT OR UPDATE ON public.site FOR EACH ROW EXECUTE FUNCTION keep_served_names();

CREATE OR REPLACE FUNCTION public.keep_served_names()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.status, OLD.domains, OLD.ips) IS NOT DISTINCT FROM (NEW.status, NEW.domains, NEW.ips) THEN
            RETURN NULL;
        END IF;
        DELETE FROM served_name
         WHERE site_id = NEW.site_id
           AND NOT (NEW.status IN ('live', 'stopped') AND ip = ANY (NEW.ips) AND name = ANY (NEW.domains));
    END IF;
    IF NEW.status IN ('live', 'stopped') THEN
        INSERT INTO served_name (site_id, ip, name)
        SELECT NEW.site_id, ip, name FROM unnest(NEW.ips) AS ip, unnest(NEW.domains) AS name
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $function$;
