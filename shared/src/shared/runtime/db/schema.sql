-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE audit (
    id bigint NOT NULL GENERATED AS IDENTITY,
    subject text,
    name text,
    organisation text,
    act text NOT NULL,
    resource text NOT NULL,
    outcome text NOT NULL,
    code text,
    detail jsonb NOT NULL DEFAULT '{}'::jsonb,
    at timestamp with time zone NOT NULL,
    trace_id text,
    CONSTRAINT audit_outcome_check CHECK ((outcome = ANY (ARRAY['granted'::text, 'refused'::text]))),
    CONSTRAINT audit_pkey PRIMARY KEY (id),
);
INDEX audit_at ON audit USING btree (at);
INDEX audit_of_subject ON audit USING btree (subject, at);

TABLE calendar_address (
    token_hash bytea NOT NULL,
    subject text NOT NULL,
    organisation text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    CONSTRAINT calendar_address_pkey PRIMARY KEY (token_hash),
    CONSTRAINT calendar_address_subject_organisation_key UNIQUE (subject, organisation),
);

TABLE calendar_version (
    version text NOT NULL,
    digest text NOT NULL,
    years jsonb NOT NULL,
    loaded_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT calendar_version_pkey PRIMARY KEY (version),
);

TABLE caught_up (
    consumer text NOT NULL,
    shard integer NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT caught_up_pkey PRIMARY KEY (consumer, shard),
);

TABLE deadline (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    kind text NOT NULL,
    aggregate_id uuid NOT NULL,
    clock_name text,
    amount integer NOT NULL,
    unit text NOT NULL,
    source text,
    calendar_version text,
    provisional boolean NOT NULL DEFAULT false,
    started_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    suspended_at timestamp with time zone,
    suspended_seconds bigint NOT NULL DEFAULT 0,
    pauses jsonb NOT NULL DEFAULT '[]'::jsonb,
    met_at timestamp with time zone,
    breached_at timestamp with time zone,
    attempts integer NOT NULL DEFAULT 0,
    retry_at timestamp with time zone,
    error text,
    carry_over boolean NOT NULL DEFAULT false,
    stage text NOT NULL DEFAULT 'due'::text,
    shift integer NOT NULL DEFAULT 0,
    shift_unit text,
    pause_reason text,
    moves jsonb NOT NULL DEFAULT '[]'::jsonb,
    CONSTRAINT deadline_pkey PRIMARY KEY (id),
);
INDEX deadline_due ON deadline USING btree (due_at) WHERE ((met_at IS NULL) AND (breached_at IS NULL) AND (suspended_at IS NULL));
INDEX deadline_of_aggregate ON deadline USING btree (aggregate_id);
UNIQUE INDEX deadline_open ON deadline USING btree (kind, aggregate_id) WHERE ((met_at IS NULL) AND (breached_at IS NULL));

TABLE delivery (
    notice_id uuid NOT NULL,
    channel text NOT NULL,
    address text NOT NULL,
    verified boolean NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    retry_at timestamp with time zone,
    proof text,
    error text,
    changed_at timestamp with time zone NOT NULL,
    secret bytea,
    return_token text,
    CONSTRAINT delivery_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'webhook'::text, 'post'::text]))),
    CONSTRAINT delivery_check CHECK (((retry_at IS NOT NULL) = (state = 'queued'::text))),
    CONSTRAINT delivery_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notice(id),
    CONSTRAINT delivery_pkey PRIMARY KEY (notice_id, channel),
    CONSTRAINT delivery_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'delivered'::text, 'failed'::text, 'bounced'::text]))),
);
INDEX delivery_due ON delivery USING btree (retry_at) WHERE (state = 'queued'::text);
UNIQUE INDEX delivery_return ON delivery USING btree (return_token) WHERE (return_token IS NOT NULL);

TABLE document (
    id uuid NOT NULL,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    edition integer NOT NULL,
    issuer text NOT NULL,
    jws text NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    CONSTRAINT document_edition_check CHECK ((edition > 0)),
    CONSTRAINT document_pkey PRIMARY KEY (id),
);
UNIQUE INDEX document_edition ON document USING btree (subject_id, kind, edition);
-- id: random: whoever holds the document can ask after it, and nobody else

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

TABLE history_default PARTITION OF history DEFAULT;

TABLE idempotency (
    subject text NOT NULL,
    key text NOT NULL,
    route text NOT NULL,
    request_hash bytea NOT NULL,
    status integer,
    headers jsonb,
    body bytea,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_pkey PRIMARY KEY (subject, key),
);
INDEX idempotency_created_at ON idempotency USING btree (created_at);

TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    claimed_at timestamp with time zone NOT NULL DEFAULT now(),
    forget_at timestamp with time zone,
    CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id),
);
INDEX inbox_forget_at ON inbox USING btree (forget_at) WHERE (forget_at IS NOT NULL);

TABLE kept_file (
    sha256 text NOT NULL,
    size bigint NOT NULL,
    stored_at timestamp with time zone NOT NULL,
    checked_at timestamp with time zone,
    damaged_at timestamp with time zone,
    CONSTRAINT kept_file_pkey PRIMARY KEY (sha256),
    CONSTRAINT kept_file_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
);
INDEX kept_file_damaged ON kept_file USING btree (damaged_at) WHERE (damaged_at IS NOT NULL);
INDEX kept_file_to_check ON kept_file USING btree (COALESCE(checked_at, stored_at), sha256);

TABLE notice (
    id uuid NOT NULL,
    about_kind text NOT NULL,
    about_id uuid NOT NULL,
    kind text NOT NULL,
    identity text NOT NULL,
    authority_id text NOT NULL,
    document bytea NOT NULL,
    digest text NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    delivered_at timestamp with time zone,
    delivered_by text,
    opened_at timestamp with time zone,
    moved_id uuid,
    answer_by timestamp with time zone,
    challenged_at timestamp with time zone,
    is_copy boolean NOT NULL DEFAULT false,
    passed_on boolean NOT NULL DEFAULT true,
    CONSTRAINT notice_check CHECK (((delivered_at IS NULL) = (delivered_by IS NULL))),
    CONSTRAINT notice_pkey PRIMARY KEY (id),
);
INDEX notice_about ON notice USING btree (about_id, kind);
INDEX notice_of_authority ON notice USING btree (authority_id, id);
INDEX notice_of_recipient ON notice USING btree (identity, id);

TABLE notice_opening (
    notice_id uuid NOT NULL,
    person text NOT NULL,
    name text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    CONSTRAINT notice_opening_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notice(id),
    CONSTRAINT notice_opening_pkey PRIMARY KEY (notice_id, person),
);

TABLE operator_alias (
    merger_id uuid NOT NULL,
    version bigint NOT NULL,
    merged text NOT NULL,
    survivor text NOT NULL,
    stands boolean NOT NULL,
    CONSTRAINT operator_alias_pkey PRIMARY KEY (merger_id),
);
INDEX operator_alias_merged ON operator_alias USING btree (merged) WHERE stands;
INDEX operator_alias_survivor ON operator_alias USING btree (survivor) WHERE stands;

TABLE organisation (
    id text NOT NULL,
    version bigint NOT NULL,
    record jsonb NOT NULL,
    CONSTRAINT organisation_pkey PRIMARY KEY (id),
);

TABLE outbox (
    id bigint NOT NULL GENERATED AS IDENTITY,
    event_id uuid NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    type text NOT NULL,
    value bytea NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    published_at timestamp with time zone,
    CONSTRAINT outbox_pkey PRIMARY KEY (id, created_at),
) PARTITION BY RANGE (created_at);
INDEX outbox_unpublished ON ONLY outbox USING btree (id) WHERE (published_at IS NULL);

TABLE outbox_default PARTITION OF outbox DEFAULT;

TABLE outbox_topic (
    name text NOT NULL,
    CONSTRAINT outbox_topic_pkey PRIMARY KEY (name),
);

TABLE parked (
    id bigint NOT NULL GENERATED AS IDENTITY,
    consumer text NOT NULL,
    key text NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    offset bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    value bytea NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}'::jsonb,
    error text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    parked_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT parked_consumer_event_id_key UNIQUE (consumer, event_id),
    CONSTRAINT parked_pkey PRIMARY KEY (id),
);
INDEX parked_by_key ON parked USING btree (consumer, key, id);

TABLE postal_proof (
    notice_id uuid NOT NULL,
    address text NOT NULL,
    tracking text NOT NULL,
    delivered_on date NOT NULL,
    entered_by text NOT NULL,
    entered_for jsonb NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    confirmed_by text,
    confirmed_for jsonb,
    confirmed_at timestamp with time zone,
    CONSTRAINT postal_proof_check CHECK ((confirmed_by <> entered_by)),
    CONSTRAINT postal_proof_check1 CHECK ((((confirmed_by IS NULL) = (confirmed_at IS NULL)) AND ((confirmed_by IS NULL) = (confirmed_for IS NULL)))),
    CONSTRAINT postal_proof_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notice(id),
    CONSTRAINT postal_proof_pkey PRIMARY KEY (notice_id),
);

TABLE schema_file (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT schema_file_pkey PRIMARY KEY (name),
);

CREATE OR REPLACE FUNCTION public.ensure_month_partitions()
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
DECLARE
    parent text;
    starts date;
    made   integer := 0;
BEGIN
    FOREACH parent IN ARRAY ARRAY['outbox', 'history'] LOOP
        FOR i IN 0..2 LOOP
            starts := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i))::date;
            CONTINUE WHEN to_regclass(format('%I', parent || to_char(starts, '_YYYY_MM'))) IS NOT NULL;
            BEGIN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || to_char(starts, '_YYYY_MM'), parent,
                    starts || ' 00:00:00+00', (starts + interval '1 month')::date || ' 00:00:00+00');
                IF parent = 'outbox' THEN
                    -- Every row is updated once, soon: vacuum early, or the index of unpublished rows fills with the dead.
                    EXECUTE format(
                        'ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)',
                        parent || to_char(starts, '_YYYY_MM'));
                END IF;
                made := made + 1;
            EXCEPTION WHEN check_violation THEN
                RAISE NOTICE 'rows of % are in the default partition of % and stay there', starts, parent;
            END;
        END LOOP;
    END LOOP;
    RETURN made;
END;
$function$;

CREATE OR REPLACE FUNCTION public.idempotency_claim(caller text, chosen text, OUT locked boolean, OUT request_hash bytea, OUT status integer, OUT headers jsonb, OUT body bytea)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
BEGIN
    locked := pg_try_advisory_xact_lock(
        hashtextextended('idempotency' || chr(31) || caller || chr(31) || chosen, 0));
    IF locked THEN
        SELECT i.request_hash, i.status, i.headers, i.body INTO request_hash, status, headers, body
          FROM idempotency i
         WHERE i.subject = caller AND i.key = chosen;
    END IF;
END
$function$;

CREATE OR REPLACE FUNCTION public.keep_file()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    INSERT INTO kept_file (sha256, size, stored_at)
    VALUES (NEW.sha256, NEW.size, (to_jsonb(NEW) ->> TG_ARGV[0])::timestamptz)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END;
$function$;

CREATE OR REPLACE FUNCTION public.same_operator(given text)
 RETURNS text[]
 LANGUAGE sql
 STABLE
AS $function$
    WITH head AS (SELECT survivor FROM operator_alias WHERE merged = given AND stands UNION SELECT given)
    SELECT array_agg(DISTINCT identity) FROM (
        SELECT survivor AS identity FROM head
         UNION ALL
        SELECT merged FROM operator_alias WHERE stands AND survivor IN (SELECT survivor FROM head)) AS one
$function$;
