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
INDEX access_at_provider ON access USING btree (provider_id) WHERE (status <> 'ended'::text);
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
    effective_from date,
    decided jsonb,
    held_at timestamp with time zone,
    returned jsonb,
    by_operator boolean NOT NULL DEFAULT false,
    operator_consent_by text,
    decided_by text,
    CONSTRAINT amendment_check CHECK (((refusal IS NOT NULL) = (status = 'refused'::text))),
    CONSTRAINT amendment_decided_by_another CHECK ((decided_by <> proposed_by)),
    CONSTRAINT amendment_kind_check CHECK ((kind = ANY (ARRAY['operator'::text, 'site'::text, 'add_site'::text, 'transfer'::text, 'move'::text]))),
    CONSTRAINT amendment_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id),
    CONSTRAINT amendment_pkey PRIMARY KEY (id),
    CONSTRAINT amendment_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
    CONSTRAINT amendment_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
    CONSTRAINT amendment_status_check CHECK ((status = ANY (ARRAY['proposed'::text, 'waiting'::text, 'granted'::text, 'refused'::text, 'withdrawn'::text]))),
    CONSTRAINT amendment_waits_for_a_day CHECK (((status <> 'waiting'::text) OR (effective_from IS NOT NULL))),
);
INDEX amendment_of_operator ON amendment USING btree (operator_id);
INDEX amendment_of_registration ON amendment USING btree (registration_id) WHERE (status = ANY (ARRAY['proposed'::text, 'waiting'::text]));
INDEX amendment_on_desk ON amendment USING btree (status, id DESC);
UNIQUE INDEX amendment_one_of_operator ON amendment USING btree (operator_id) WHERE ((status = 'proposed'::text) AND (kind = 'operator'::text));
UNIQUE INDEX amendment_one_of_site ON amendment USING btree (site_id) WHERE ((status = 'proposed'::text) AND (site_id IS NOT NULL));
UNIQUE INDEX amendment_open_move ON amendment USING btree (operator_id) WHERE ((status = ANY (ARRAY['proposed'::text, 'waiting'::text])) AND (kind = 'move'::text));
UNIQUE INDEX amendment_open_of_operator ON amendment USING btree (operator_id) WHERE ((status = ANY (ARRAY['proposed'::text, 'waiting'::text])) AND (kind = 'operator'::text));
UNIQUE INDEX amendment_open_of_site ON amendment USING btree (site_id) WHERE ((status = ANY (ARRAY['proposed'::text, 'waiting'::text])) AND (site_id IS NOT NULL));

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

TABLE barred_change (
    seq bigint NOT NULL,
    execution_id uuid NOT NULL,
    change text NOT NULL,
    entry text NOT NULL,
    hash text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT barred_change_change_check CHECK ((change = ANY (ARRAY['listed'::text, 'removed'::text]))),
    CONSTRAINT barred_change_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES execution(id),
    CONSTRAINT barred_change_pkey PRIMARY KEY (seq),
);
INDEX barred_change_of ON barred_change USING btree (execution_id, seq DESC);

TABLE barred_name (
    execution_id uuid NOT NULL,
    domain text NOT NULL,
    site_id uuid NOT NULL,
    below boolean NOT NULL,
    CONSTRAINT barred_name_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES execution(id),
    CONSTRAINT barred_name_pkey PRIMARY KEY (execution_id, domain, site_id),
    CONSTRAINT barred_name_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
);
INDEX barred_name_by_domain ON barred_name USING btree (domain);
INDEX barred_name_of_site ON barred_name USING btree (site_id);

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
    answer jsonb,
    overdue_at timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    undone_because text,
    appeals_open uuid[] NOT NULL DEFAULT '{}'::uuid[],
    fell_at timestamp with time zone,
    CONSTRAINT execution_check CHECK (((confirmed_by IS NULL) OR ((accepted_by IS NOT NULL) AND (confirmed_by <> accepted_by)))),
    CONSTRAINT execution_check1 CHECK (((accepted_by IS NULL) OR (accepted_by <> ALL (signed_by)))),
    CONSTRAINT execution_check2 CHECK (((confirmed_by IS NULL) OR (confirmed_by <> ALL (signed_by)))),
    CONSTRAINT execution_check3 CHECK (((carried_out IS NOT NULL) = (status = ANY (ARRAY['carried_out'::text, 'undone'::text])))),
    CONSTRAINT execution_decision_id_key UNIQUE (decision_id),
    CONSTRAINT execution_pkey PRIMARY KEY (id),
    CONSTRAINT execution_status_check CHECK ((status = ANY (ARRAY['received'::text, 'accepted'::text, 'carried_out'::text, 'declined'::text, 'moot'::text, 'undone'::text]))),
);
INDEX execution_bars ON execution USING btree (operator_id) WHERE ((effect = 'bar'::text) AND (status = 'carried_out'::text));
INDEX execution_found_sites_hit ON execution USING gin (names_hit(subject, carried_out)) WHERE ((status = 'carried_out'::text) AND ((subject ->> 'kind'::text) = 'found_site'::text));
INDEX execution_of_operator ON execution USING btree (operator_id) WHERE (operator_id IS NOT NULL);
INDEX execution_of_site ON execution USING btree (site_id) WHERE (site_id IS NOT NULL);
INDEX execution_on_desk ON execution USING btree (regulator_id, status, id DESC);
INDEX execution_sites_hit ON execution USING gin (names_hit(subject, carried_out)) WHERE ((status = 'carried_out'::text) AND ((subject ->> 'kind'::text) <> 'found_site'::text));

TABLE forwarding (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    by jsonb NOT NULL,
    receiver jsonb NOT NULL,
    statement jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT forwarding_pkey PRIMARY KEY (id),
    CONSTRAINT forwarding_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
);
INDEX forwarding_of_registration ON forwarding USING btree (registration_id);

TABLE handling (
    decision_id uuid NOT NULL,
    effect text NOT NULL,
    subject jsonb NOT NULL,
    authority_id text NOT NULL,
    level text NOT NULL,
    region text,
    since timestamp with time zone,
    fell_at timestamp with time zone,
    identity text,
    CONSTRAINT handling_effect_check CHECK ((effect = ANY (ARRAY['correct'::text, 'penalty'::text]))),
    CONSTRAINT handling_pkey PRIMARY KEY (decision_id),
);
INDEX handling_of_site ON handling USING btree (((subject ->> 'site_id'::text))) WHERE (effect = 'correct'::text);

TABLE hosted (
    provider_id uuid NOT NULL,
    first_batch bigint NOT NULL,
    host text NOT NULL,
    above text[] NOT NULL,
    ips text[] NOT NULL,
    number text,
    hosting_mode text NOT NULL,
    since date,
    CONSTRAINT hosted_pkey PRIMARY KEY (provider_id, first_batch, host),
);

TABLE hosted_finding (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    provider_id uuid NOT NULL,
    host text NOT NULL,
    kind text NOT NULL,
    listed jsonb NOT NULL,
    site_id uuid,
    told_id uuid NOT NULL,
    cure_until timestamp with time zone NOT NULL,
    answer text,
    answered_by text,
    answered_at timestamp with time zone,
    escalated_at timestamp with time zone,
    reasons text,
    found_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    operator_told_at timestamp with time zone,
    CONSTRAINT hosted_finding_check CHECK (((answer IS NULL) = (answered_by IS NULL))),
    CONSTRAINT hosted_finding_check1 CHECK (((status <> 'answered'::text) OR (answer IS NOT NULL))),
    CONSTRAINT hosted_finding_check2 CHECK (((status <> 'escalated'::text) OR (escalated_at IS NOT NULL))),
    CONSTRAINT hosted_finding_dispute CHECK (((status <> ALL (ARRAY['disputed'::text, 'kept'::text])) OR ((answer IS NOT NULL) AND (escalated_at IS NOT NULL)))) NOT VALID,
    CONSTRAINT hosted_finding_kind_check CHECK ((kind = ANY (ARRAY['unregistered'::text, 'number_differs'::text, 'address_differs'::text, 'revoked'::text, 'barred'::text]))),
    CONSTRAINT hosted_finding_pkey PRIMARY KEY (id),
    CONSTRAINT hosted_finding_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
    CONSTRAINT hosted_finding_status_check CHECK ((status = ANY (ARRAY['open'::text, 'answered'::text, 'escalated'::text, 'disputed'::text, 'kept'::text, 'dismissed'::text, 'cured'::text]))) NOT VALID,
);
INDEX hosted_finding_of_site ON hosted_finding USING btree (site_id) WHERE (site_id IS NOT NULL);
INDEX hosted_finding_on_desk ON hosted_finding USING btree (provider_id, status, id DESC);
UNIQUE INDEX hosted_finding_one ON hosted_finding USING btree (provider_id, host, kind) WHERE (status <> 'cured'::text);
INDEX hosted_finding_told ON hosted_finding USING btree (told_id);

TABLE hosted_unread (
    provider_id uuid NOT NULL,
    first_batch bigint NOT NULL,
    host text NOT NULL,
    CONSTRAINT hosted_unread_pkey PRIMARY KEY (provider_id, first_batch, host),
);

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

TABLE inventory (
    provider_id uuid NOT NULL,
    next_sequence bigint NOT NULL DEFAULT 1,
    sending bigint,
    sending_since timestamp with time zone,
    whole bigint,
    whole_at timestamp with time zone,
    whole_records bigint NOT NULL DEFAULT 0,
    whole_hash text,
    looked_to text,
    reconciled_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    closings timestamp with time zone[] NOT NULL DEFAULT '{}'::timestamp with time zone[],
    CONSTRAINT inventory_check CHECK (((sending IS NULL) = (sending_since IS NULL))),
    CONSTRAINT inventory_check1 CHECK (((whole IS NULL) = (whole_at IS NULL))),
    CONSTRAINT inventory_pkey PRIMARY KEY (provider_id),
);

TABLE inventory_batch (
    provider_id uuid NOT NULL,
    sequence bigint NOT NULL,
    first_batch bigint NOT NULL,
    hash bytea NOT NULL,
    records integer NOT NULL,
    closes boolean NOT NULL,
    refused jsonb NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    CONSTRAINT inventory_batch_pkey PRIMARY KEY (provider_id, sequence),
    CONSTRAINT inventory_batch_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES inventory(provider_id),
);

TABLE licence (
    registration_id uuid NOT NULL,
    scope text[] NOT NULL,
    warned_at timestamp with time zone,
    lapsed_at timestamp with time zone,
    CONSTRAINT licence_pkey PRIMARY KEY (registration_id),
    CONSTRAINT licence_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
);

TABLE mark (
    registration_id uuid NOT NULL,
    edition integer NOT NULL,
    jws text NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    CONSTRAINT mark_edition_check CHECK ((edition > 0)),
    CONSTRAINT mark_pkey PRIMARY KEY (registration_id, edition),
    CONSTRAINT mark_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
);

TABLE merger (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    survivor_id uuid NOT NULL,
    merged_id uuid NOT NULL,
    survivor_act_id uuid NOT NULL,
    statement jsonb NOT NULL,
    digest text NOT NULL,
    proposed_by text NOT NULL,
    confirmed_by text,
    confirm_from timestamp with time zone NOT NULL,
    objections jsonb NOT NULL DEFAULT '[]'::jsonb,
    moved jsonb,
    left_behind jsonb,
    proposed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    appeal_until timestamp with time zone,
    appeals_open uuid[] NOT NULL DEFAULT '{}'::uuid[],
    CONSTRAINT merger_check CHECK ((confirmed_by <> proposed_by)),
    CONSTRAINT merger_check1 CHECK ((survivor_id <> merged_id)),
    CONSTRAINT merger_check2 CHECK (((moved IS NOT NULL) = (status = ANY (ARRAY['confirmed'::text, 'undone'::text])))),
    CONSTRAINT merger_check3 CHECK (((confirmed_by IS NOT NULL) = (status = ANY (ARRAY['confirmed'::text, 'undone'::text])))),
    CONSTRAINT merger_merged_id_fkey FOREIGN KEY (merged_id) REFERENCES operator(id),
    CONSTRAINT merger_pkey PRIMARY KEY (id),
    CONSTRAINT merger_status_check CHECK ((status = ANY (ARRAY['proposed'::text, 'confirmed'::text, 'withdrawn'::text, 'undone'::text]))),
    CONSTRAINT merger_survivor_act_id_key UNIQUE (survivor_act_id),
    CONSTRAINT merger_survivor_id_fkey FOREIGN KEY (survivor_id) REFERENCES operator(id),
);
UNIQUE INDEX merger_of_merged ON merger USING btree (merged_id) WHERE (status = ANY (ARRAY['proposed'::text, 'confirmed'::text]));
INDEX merger_of_survivor ON merger USING btree (survivor_id) WHERE (status = 'confirmed'::text);

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
    issuer jsonb,
    execute_by timestamp with time zone,
    overdue boolean NOT NULL DEFAULT false,
    escalated boolean NOT NULL DEFAULT false,
    withdrawn_by jsonb,
    undoes uuid,
    CONSTRAINT order_outcome_pkey PRIMARY KEY (order_id),
);
INDEX order_outcome_of_execution ON order_outcome USING btree (execution_id);
-- issuer: AuthorityRef: the regulator itself, the host province, or a supervisor.

TABLE overlap (
    execution_id uuid NOT NULL,
    site_id uuid NOT NULL,
    operator_id uuid NOT NULL,
    name text NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    found_at timestamp with time zone NOT NULL,
    freed uuid,
    told_before uuid,
    CONSTRAINT overlap_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES execution(id),
    CONSTRAINT overlap_kind_check CHECK ((kind = ANY (ARRAY['same'::text, 'below'::text, 'own'::text]))),
    CONSTRAINT overlap_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id),
    CONSTRAINT overlap_pkey PRIMARY KEY (execution_id, site_id, operator_id, name),
    CONSTRAINT overlap_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
);
INDEX overlap_act ON overlap USING btree (id);
INDEX overlap_own ON overlap USING btree (operator_id) WHERE (kind = 'own'::text);
INDEX overlap_told_before ON overlap USING btree (told_before) WHERE (told_before IS NOT NULL);
-- table: Names of sites that a measure hits which was carried out before; whose they are was told.
-- kind: same: the name that was decided about, somebody else's by now; below: below it; own: of whom it was decided about.
-- freed: An appeal took it out: no order that was made after this id hits it.
-- told_before: The act that its operator was told of while it was its own.

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

TABLE provider_check (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    site_id uuid NOT NULL,
    registration_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    asked jsonb NOT NULL,
    differs text[] NOT NULL DEFAULT '{}'::text[],
    reasons text,
    answered_by text,
    answered_at timestamp with time zone,
    asked_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    amendment_id uuid,
    CONSTRAINT provider_check_check CHECK (((answered_by IS NOT NULL) = (status = ANY (ARRAY['verified'::text, 'mismatch'::text])))),
    CONSTRAINT provider_check_check1 CHECK (((status <> 'mismatch'::text) OR (reasons IS NOT NULL))),
    CONSTRAINT provider_check_pkey PRIMARY KEY (id),
    CONSTRAINT provider_check_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
    CONSTRAINT provider_check_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
    CONSTRAINT provider_check_status_check CHECK ((status = ANY (ARRAY['asked'::text, 'verified'::text, 'mismatch'::text, 'silent'::text, 'closed'::text]))),
);
INDEX provider_check_of_registration ON provider_check USING btree (registration_id);
INDEX provider_check_of_site ON provider_check USING btree (site_id);
UNIQUE INDEX provider_check_open ON provider_check USING btree (site_id, provider_id) WHERE (status = ANY (ARRAY['asked'::text, 'silent'::text]));
INDEX provider_check_waiting ON provider_check USING btree (provider_id, status, id DESC);
-- amendment_id: The change that was proposed; null: the site itself was submitted.

TABLE registrar_task (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    kind text NOT NULL,
    registration_id uuid NOT NULL,
    operator_id uuid NOT NULL,
    region text NOT NULL,
    site_id uuid,
    cause_kind text NOT NULL,
    cause_id uuid NOT NULL,
    says text NOT NULL,
    counters uuid,
    outcome text,
    reasons text,
    answered_by text,
    answered_at timestamp with time zone,
    overdue_at timestamp with time zone,
    opened_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT registrar_task_check CHECK (((counters IS NOT NULL) = (kind = 'take_back'::text))),
    CONSTRAINT registrar_task_check1 CHECK (((status = 'answered'::text) = ((outcome IS NOT NULL) AND (reasons IS NOT NULL) AND (answered_by IS NOT NULL)))),
    CONSTRAINT registrar_task_counters_fkey FOREIGN KEY (counters) REFERENCES registrar_task(id),
    CONSTRAINT registrar_task_counters_key UNIQUE (counters),
    CONSTRAINT registrar_task_kind_check CHECK ((kind = ANY (ARRAY['granted'::text, 'changed'::text, 'item_struck'::text, 'revoked'::text, 'lapsed'::text, 'ended'::text, 'take_back'::text]))),
    CONSTRAINT registrar_task_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id),
    CONSTRAINT registrar_task_pkey PRIMARY KEY (id),
    CONSTRAINT registrar_task_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
    CONSTRAINT registrar_task_status_check CHECK ((status = ANY (ARRAY['open'::text, 'answered'::text, 'withdrawn'::text]))),
);
INDEX registrar_task_of_cause ON registrar_task USING btree (cause_id);
INDEX registrar_task_of_operator ON registrar_task USING btree (operator_id);
INDEX registrar_task_on_desk ON registrar_task USING btree (region, status, id DESC);

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
    by_operator boolean NOT NULL DEFAULT false,
    decided_by text,
    CONSTRAINT registration_check CHECK (((number IS NULL) = (status = ANY (ARRAY['submitted'::text, 'refused'::text])))),
    CONSTRAINT registration_check1 CHECK (((refusal IS NOT NULL) = (status = 'refused'::text))),
    CONSTRAINT registration_decided_by_another CHECK ((decided_by <> submitted_by)) NOT VALID,
    CONSTRAINT registration_kind_check CHECK ((kind = ANY (ARRAY['filing'::text, 'licence'::text]))),
    CONSTRAINT registration_level_check CHECK ((level = ANY (ARRAY['province'::text, 'national'::text]))),
    CONSTRAINT registration_number_key UNIQUE (number),
    CONSTRAINT registration_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operator(id),
    CONSTRAINT registration_pkey PRIMARY KEY (id),
    CONSTRAINT registration_status_check CHECK ((status = ANY (ARRAY['submitted'::text, 'refused'::text, 'active'::text, 'lapsed'::text, 'ended'::text]))),
);
INDEX registration_of_operator ON registration USING btree (operator_id);
INDEX registration_on_desk ON registration USING btree (region, status, id DESC);
UNIQUE INDEX registration_one_filing ON registration USING btree (operator_id, region) WHERE ((kind = 'filing'::text) AND (status = ANY (ARRAY['submitted'::text, 'active'::text])));

TABLE renewal (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    registration_id uuid NOT NULL,
    late boolean NOT NULL,
    valid_until date NOT NULL,
    scope text[] NOT NULL,
    granted_until date,
    reasons text NOT NULL,
    refusal jsonb,
    overdue_at timestamp with time zone,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    by_operator boolean NOT NULL DEFAULT false,
    decided_by text,
    CONSTRAINT renewal_check CHECK (((refusal IS NOT NULL) = (status = 'refused'::text))),
    CONSTRAINT renewal_check1 CHECK (((granted_until IS NOT NULL) = (status = 'granted'::text))),
    CONSTRAINT renewal_decided_by_another CHECK ((decided_by <> asked_by)),
    CONSTRAINT renewal_pkey PRIMARY KEY (id),
    CONSTRAINT renewal_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
    CONSTRAINT renewal_status_check CHECK ((status = ANY (ARRAY['asked'::text, 'granted'::text, 'refused'::text, 'withdrawn'::text]))),
);
INDEX renewal_of_registration ON renewal USING btree (registration_id);
INDEX renewal_on_desk ON renewal USING btree (status, id DESC);
UNIQUE INDEX renewal_one_asked ON renewal USING btree (registration_id) WHERE (status = 'asked'::text);

TABLE review (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    year integer NOT NULL,
    level text NOT NULL,
    region text,
    regulator_id text NOT NULL,
    regulator jsonb NOT NULL,
    opens_at timestamp with time zone NOT NULL,
    opinions_until timestamp with time zone NOT NULL,
    closes_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    entered_to uuid,
    announced_by text NOT NULL,
    announced_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT review_check CHECK (((region IS NOT NULL) = (level = 'province'::text))),
    CONSTRAINT review_check1 CHECK (((closed_at IS NOT NULL) = (status = 'closed'::text))),
    CONSTRAINT review_level_check CHECK ((level = ANY (ARRAY['province'::text, 'national'::text]))),
    CONSTRAINT review_pkey PRIMARY KEY (id),
    CONSTRAINT review_status_check CHECK ((status = ANY (ARRAY['announced'::text, 'open'::text, 'closed'::text]))),
);
UNIQUE INDEX review_one_a_year ON review USING btree (year, level, COALESCE(region, ''::text));

TABLE review_authority (
    id uuid NOT NULL,
    review_id uuid NOT NULL,
    authority_id text NOT NULL,
    authority jsonb NOT NULL,
    opens_at timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    reminded_at timestamp with time zone,
    done_at timestamp with time zone,
    done_by text,
    done_reasons text,
    CONSTRAINT review_authority_check CHECK (((done_at IS NULL) = (done_by IS NULL))),
    CONSTRAINT review_authority_pkey PRIMARY KEY (id),
    CONSTRAINT review_authority_review_id_authority_id_key UNIQUE (review_id, authority_id),
    CONSTRAINT review_authority_review_id_fkey FOREIGN KEY (review_id) REFERENCES review(id),
);

TABLE review_opinion (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    review_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    authority_id text NOT NULL,
    authority jsonb NOT NULL,
    level text NOT NULL,
    region text,
    opinion text NOT NULL,
    decision_id uuid,
    service_item text,
    statement jsonb NOT NULL,
    fell_because text,
    filed_by text NOT NULL,
    filed_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT review_opinion_check CHECK (((decision_id IS NULL) = (opinion = 'pass'::text))),
    CONSTRAINT review_opinion_check1 CHECK (((service_item IS NOT NULL) = (opinion = 'cancel_service'::text))),
    CONSTRAINT review_opinion_opinion_check CHECK ((opinion = ANY (ARRAY['pass'::text, 'cancel_service'::text, 'close_site'::text, 'fail'::text]))),
    CONSTRAINT review_opinion_pkey PRIMARY KEY (id),
    CONSTRAINT review_opinion_review_id_fkey FOREIGN KEY (review_id) REFERENCES review(id),
    CONSTRAINT review_opinion_status_check CHECK ((status = ANY (ARRAY['standing'::text, 'withdrawn'::text, 'fallen'::text]))),
    CONSTRAINT review_opinion_subject_id_fkey FOREIGN KEY (subject_id) REFERENCES review_subject(id),
);
INDEX review_opinion_of_review ON review_opinion USING btree (review_id, authority_id);
INDEX review_opinion_on_decision ON review_opinion USING btree (decision_id) WHERE ((status = 'standing'::text) AND (decision_id IS NOT NULL));
UNIQUE INDEX review_opinion_one ON review_opinion USING btree (subject_id, authority_id) WHERE (status = 'standing'::text);

TABLE review_subject (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    review_id uuid NOT NULL,
    kind text NOT NULL,
    site_id uuid,
    organisation text NOT NULL,
    name text NOT NULL,
    number text,
    level text NOT NULL,
    region text,
    outcome text,
    opinion_id uuid,
    case_id uuid,
    grounds jsonb,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT review_subject_check CHECK (((site_id IS NOT NULL) = (kind = 'site'::text))),
    CONSTRAINT review_subject_check1 CHECK ((((outcome IS NOT NULL) AND (opinion_id IS NOT NULL) AND (grounds IS NOT NULL)) = (status = ANY (ARRAY['vetoed'::text, 'cleared'::text])))),
    CONSTRAINT review_subject_kind_check CHECK ((kind = ANY (ARRAY['site'::text, 'access_provider'::text, 'carrier'::text, 'domain_registrar'::text]))),
    CONSTRAINT review_subject_pkey PRIMARY KEY (id),
    CONSTRAINT review_subject_review_id_fkey FOREIGN KEY (review_id) REFERENCES review(id),
    CONSTRAINT review_subject_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
    CONSTRAINT review_subject_status_check CHECK ((status = ANY (ARRAY['under_review'::text, 'passed'::text, 'vetoed'::text, 'cleared'::text, 'gone'::text]))),
);
INDEX review_subject_by_status ON review_subject USING btree (review_id, status, id);
INDEX review_subject_of_organisation ON review_subject USING btree (organisation, id);
INDEX review_subject_of_site ON review_subject USING btree (site_id, review_id) WHERE (site_id IS NOT NULL);
UNIQUE INDEX review_subject_once ON review_subject USING btree (review_id, kind, COALESCE((site_id)::text, organisation));

TABLE shell_finding (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    site_id uuid NOT NULL,
    since timestamp with time zone NOT NULL,
    cure_until timestamp with time zone NOT NULL,
    says jsonb,
    lapsed_by text,
    found_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    hosted_at timestamp with time zone,
    CONSTRAINT shell_finding_check CHECK (((status <> ALL (ARRAY['lapsed'::text, 'undone'::text])) OR ((lapsed_by IS NOT NULL) AND (says IS NOT NULL)))),
    CONSTRAINT shell_finding_pkey PRIMARY KEY (id),
    CONSTRAINT shell_finding_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id),
    CONSTRAINT shell_finding_status_check CHECK ((status = ANY (ARRAY['open'::text, 'due'::text, 'cured'::text, 'dismissed'::text, 'lapsed'::text, 'undone'::text]))),
);
INDEX shell_finding_on_desk ON shell_finding USING btree (status, id DESC);
UNIQUE INDEX shell_finding_one_open ON shell_finding USING btree (site_id) WHERE (status = ANY (ARRAY['open'::text, 'due'::text, 'lapsed'::text]));

TABLE site (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    registration_id uuid NOT NULL,
    ordinal integer NOT NULL,
    name text NOT NULL,
    service_items text[] NOT NULL,
    status text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    former_numbers text[] NOT NULL DEFAULT '{}'::text[],
    CONSTRAINT site_pkey PRIMARY KEY (id),
    CONSTRAINT site_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES registration(id),
    CONSTRAINT site_registration_id_ordinal_key UNIQUE (registration_id, ordinal),
    CONSTRAINT site_status_check CHECK ((status = ANY (ARRAY['proposed'::text, 'live'::text, 'stopped'::text, 'revoked'::text, 'lapsed'::text, 'ended'::text]))),
);

TABLE site_version (
    site_id uuid NOT NULL,
    version bigint NOT NULL,
    record jsonb NOT NULL,
    cause jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT site_version_pkey PRIMARY KEY (site_id, version),
);

TABLE succession (
    predecessor_id uuid NOT NULL,
    successor_id uuid NOT NULL,
    cause jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT succession_check CHECK ((predecessor_id <> successor_id)),
    CONSTRAINT succession_pkey PRIMARY KEY (predecessor_id),
    CONSTRAINT succession_predecessor_id_fkey FOREIGN KEY (predecessor_id) REFERENCES registration(id),
    CONSTRAINT succession_successor_id_fkey FOREIGN KEY (successor_id) REFERENCES registration(id),
);
INDEX succession_of ON succession USING btree (successor_id);

CREATE OR REPLACE FUNCTION public.names_hit(subject jsonb, carried_out jsonb)
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
    found text[] := '{}';
    name text := subject ->> 'host';
BEGIN
    IF subject ->> 'kind' = 'found_site' THEN
        WHILE name <> '' LOOP
            found := found || name;
            name := CASE WHEN position('.' IN name) > 0 THEN substr(name, position('.' IN name) + 1) END;
        END LOOP;
    ELSIF jsonb_typeof(carried_out -> 'site' -> 'hosts') = 'array' THEN
        found := ARRAY(SELECT jsonb_array_elements_text(carried_out -> 'site' -> 'hosts'));
    END IF;
    RETURN found;
END;
$function$;
