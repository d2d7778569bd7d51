-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE access_order (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    execution_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    site_id uuid,
    hosts text[] NOT NULL,
    action text NOT NULL,
    attempt integer NOT NULL,
    content jsonb NOT NULL,
    issuer_id text NOT NULL,
    regulator_id text NOT NULL,
    supervisor_id text,
    regions text[] NOT NULL,
    overdue boolean NOT NULL DEFAULT false,
    escalated_at timestamp with time zone,
    answer jsonb,
    undoes uuid,
    undone_by uuid,
    instruction_id uuid,
    reissues uuid,
    reissued_as uuid,
    reissued_by text,
    withdrawn_by text,
    taken_back_by text,
    drafted_at timestamp with time zone NOT NULL,
    release_at timestamp with time zone,
    until timestamp with time zone,
    sequence bigint,
    issued_at timestamp with time zone,
    execute_by timestamp with time zone,
    jws bytea,
    digest text,
    kid text,
    changed_at timestamp with time zone NOT NULL,
    reissue_asked_by text,
    reissue_asked_at timestamp with time zone,
    reissue_reasons text,
    asked_by text,
    decided_at timestamp with time zone,
    urgent boolean NOT NULL DEFAULT false,
    trial boolean NOT NULL DEFAULT false,
    CONSTRAINT access_order_action_check CHECK ((action = ANY (ARRAY['cut_off'::text, 'suspend'::text, 'restore'::text]))),
    CONSTRAINT access_order_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT access_order_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES execution(id),
    CONSTRAINT access_order_execution_id_provider_id_action_attempt_key UNIQUE (execution_id, provider_id, action, attempt),
    CONSTRAINT access_order_instruction_id_key UNIQUE (instruction_id),
    CONSTRAINT access_order_pkey PRIMARY KEY (id),
    CONSTRAINT access_order_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
    CONSTRAINT access_order_provider_id_sequence_key UNIQUE (provider_id, sequence),
    CONSTRAINT access_order_reissued_as_fkey FOREIGN KEY (reissued_as) REFERENCES access_order(id),
    CONSTRAINT access_order_reissued_as_key UNIQUE (reissued_as),
    CONSTRAINT access_order_reissues_fkey FOREIGN KEY (reissues) REFERENCES access_order(id),
    CONSTRAINT access_order_reissues_key UNIQUE (reissues),
    CONSTRAINT access_order_status_check CHECK ((status = ANY (ARRAY['instructed'::text, 'drafted'::text, 'queued'::text, 'released'::text, 'received'::text, 'executed'::text, 'partly'::text, 'impossible'::text, 'contested'::text, 'accepted'::text, 'upheld'::text, 'lapsed'::text, 'withdrawn'::text, 'superseded'::text]))) NOT VALID,
    CONSTRAINT access_order_undoes_fkey FOREIGN KEY (undoes) REFERENCES access_order(id),
    CONSTRAINT access_order_undoes_key UNIQUE (undoes),
    CONSTRAINT access_order_undone_by_fkey FOREIGN KEY (undone_by) REFERENCES access_order(id),
    CONSTRAINT access_order_undone_by_key UNIQUE (undone_by),
    CONSTRAINT another_one_asked CHECK (((asked_by <> reissued_by) AND (asked_by <> taken_back_by))) NOT VALID,
    CONSTRAINT instructed_by_somebody CHECK (((status <> 'instructed'::text) OR (instruction_id IS NOT NULL))),
    CONSTRAINT out_means_signed CHECK ((((status = ANY (ARRAY['instructed'::text, 'drafted'::text, 'queued'::text, 'withdrawn'::text])) = (sequence IS NULL)) AND (num_nulls(sequence, issued_at, execute_by, jws, digest, kid) = ANY (ARRAY[0, 6])))) NOT VALID,
    CONSTRAINT restores_undo CHECK ((((action = 'restore'::text) AND ((content ->> 'emergency_id'::text) IS NULL)) = (undoes IS NOT NULL))) NOT VALID,
    CONSTRAINT restores_wait_for_nobody CHECK (((status <> 'queued'::text) OR (action <> 'restore'::text))) NOT VALID,
    CONSTRAINT suspensions_end CHECK (((action = 'suspend'::text) = (until IS NOT NULL))),
    CONSTRAINT trials_at_sandboxes FOREIGN KEY (provider_id, trial) REFERENCES provider(id, sandbox) NOT VALID,
    CONSTRAINT trials_by_the_sandbox CHECK ((trial = (issuer_id = 'sandbox'::text))) NOT VALID,
    CONSTRAINT two_people_send_again CHECK (((num_nulls(reissues, reissued_by, taken_back_by) = ANY (ARRAY[0, 3])) AND (reissued_by <> taken_back_by))),
);
INDEX access_order_execution ON access_order USING btree (execution_id);
INDEX access_order_in_force ON access_order USING btree (provider_id, sequence) WHERE ((action = ANY (ARRAY['cut_off'::text, 'suspend'::text])) AND (sequence IS NOT NULL) AND (undone_by IS NULL));
INDEX access_order_issued ON access_order USING btree (issued_at) WHERE ((issued_at IS NOT NULL) AND (NOT trial));
INDEX access_order_provider ON access_order USING btree (provider_id, id);
INDEX access_order_queue ON access_order USING btree (provider_id, urgent DESC, COALESCE(decided_at, drafted_at), id) WHERE (status = 'queued'::text);
INDEX access_order_sent ON access_order USING btree (provider_id, issued_at) WHERE ((action <> 'restore'::text) AND (sequence IS NOT NULL));
INDEX access_order_site ON access_order USING btree (site_id, id);
INDEX access_order_status ON access_order USING btree (status, id);
-- content: What it says without number and times; a restore copies the site from it.
-- regions: Provinces of its provider, its issuer and who decided: whose officials see it.
-- undone_by: The released order that takes this one back; null: this one is in force.
-- taken_back_by: Who withdrew the order that this one sends again: another person.
-- jws: The signed bytes, exactly as every provider door hands them out.
-- decided_at: When the decision was released: its place in a queue. Null: drafted_at.

TABLE conduct_entry (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    provider_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    grounds jsonb NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    undone_because text,
    undone_by jsonb,
    undone_statement jsonb,
    changed_at timestamp with time zone NOT NULL,
    counts_until timestamp with time zone,
    dispute text,
    disputed_at timestamp with time zone,
    answer text,
    answered_at timestamp with time zone,
    CONSTRAINT conduct_entry_check CHECK ((num_nulls(undone_because, undone_by, undone_statement) =
CASE status
    WHEN 'undone'::text THEN 0
    ELSE 3
END)),
    CONSTRAINT conduct_entry_decision_id_key UNIQUE (decision_id),
    CONSTRAINT conduct_entry_dispute CHECK ((((dispute IS NULL) = (disputed_at IS NULL)) AND ((answer IS NULL) = (answered_at IS NULL)) AND ((status <> ALL (ARRAY['disputed'::text, 'kept'::text])) OR (dispute IS NOT NULL)) AND ((status <> 'kept'::text) OR (answer IS NOT NULL)) AND ((status <> 'disputed'::text) OR (answer IS NULL)) AND ((dispute IS NOT NULL) OR (answer IS NULL)))) NOT VALID,
    CONSTRAINT conduct_entry_pkey PRIMARY KEY (id),
    CONSTRAINT conduct_entry_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
    CONSTRAINT conduct_entry_status_check CHECK ((status = ANY (ARRAY['standing'::text, 'disputed'::text, 'kept'::text, 'undone'::text]))) NOT VALID,
);
INDEX conduct_entry_disputed ON conduct_entry USING btree (id) WHERE (status = 'disputed'::text);
INDEX conduct_entry_provider ON conduct_entry USING btree (provider_id, id);

TABLE conduct_finding (
    finding_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    kind text NOT NULL,
    host text NOT NULL,
    authority jsonb NOT NULL,
    statement jsonb NOT NULL,
    found_at timestamp with time zone NOT NULL,
    escalated_at timestamp with time zone NOT NULL,
    because text,
    closing jsonb,
    closed_at timestamp with time zone,
    counts_until timestamp with time zone,
    dispute text,
    disputed_at timestamp with time zone,
    answer text,
    answered_at timestamp with time zone,
    CONSTRAINT conduct_finding_because_check CHECK ((because = ANY (ARRAY['cured'::text, 'dismissed'::text]))),
    CONSTRAINT conduct_finding_check CHECK (((because IS NULL) = (closed_at IS NULL))),
    CONSTRAINT conduct_finding_dispute CHECK ((((dispute IS NULL) = (disputed_at IS NULL)) AND ((answer IS NULL) = (answered_at IS NULL)) AND ((dispute IS NOT NULL) OR (answer IS NULL)))) NOT VALID,
    CONSTRAINT conduct_finding_pkey PRIMARY KEY (finding_id),
    CONSTRAINT conduct_finding_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
);
INDEX conduct_finding_disputed ON conduct_finding USING btree (finding_id) WHERE ((disputed_at IS NOT NULL) AND (answered_at IS NULL) AND (closed_at IS NULL));
INDEX conduct_finding_of_provider ON conduct_finding USING btree (provider_id, escalated_at DESC);

TABLE emergency (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    provider_id uuid NOT NULL,
    region text NOT NULL,
    host text NOT NULL,
    ground text NOT NULL,
    reasons text NOT NULL,
    since timestamp with time zone NOT NULL,
    reported_at timestamp with time zone NOT NULL,
    confirm_by timestamp with time zone NOT NULL,
    kid text NOT NULL,
    jws bytea NOT NULL,
    decision_id uuid,
    ended_because text,
    restore_id uuid,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT emergency_check CHECK (((status = ANY (ARRAY['confirmed'::text, 'replaced'::text])) <= (decision_id IS NOT NULL))),
    CONSTRAINT emergency_check1 CHECK (((status = ANY (ARRAY['lapsed'::text, 'refused'::text])) = (ended_because IS NOT NULL))),
    CONSTRAINT emergency_check2 CHECK (((restore_id IS NULL) OR (status = 'lapsed'::text))),
    CONSTRAINT emergency_pkey PRIMARY KEY (id),
    CONSTRAINT emergency_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
    CONSTRAINT emergency_restore_id_fkey FOREIGN KEY (restore_id) REFERENCES access_order(id),
    CONSTRAINT emergency_status_check CHECK ((status = ANY (ARRAY['reported'::text, 'confirmed'::text, 'replaced'::text, 'lapsed'::text, 'refused'::text]))),
);
INDEX emergency_of_decision ON emergency USING btree (decision_id) WHERE (decision_id IS NOT NULL);
INDEX emergency_of_provider ON emergency USING btree (provider_id, id);
UNIQUE INDEX emergency_one_open ON emergency USING btree (provider_id, host) WHERE (status = ANY (ARRAY['reported'::text, 'confirmed'::text]));

TABLE execution (
    id uuid NOT NULL,
    decision_id uuid NOT NULL,
    carried_out jsonb,
    undone jsonb,
    heard_at timestamp with time zone NOT NULL,
    emergency boolean NOT NULL DEFAULT false,
    trial boolean NOT NULL DEFAULT false,
    CONSTRAINT execution_check CHECK ((((emergency OR trial) = (num_nulls(carried_out, undone) = 2)) AND (NOT (emergency AND trial)))) NOT VALID,
    CONSTRAINT execution_pkey PRIMARY KEY (id),
);
INDEX execution_of_decision ON execution USING btree (decision_id);
-- table: What the register carried out. Its row is held by whoever tells of its orders: facts of one key keep their order.

TABLE instruction (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    order_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    execution_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    regulator jsonb NOT NULL,
    regulator_id text NOT NULL,
    supervisor jsonb NOT NULL,
    supervisor_id text NOT NULL,
    jws bytea NOT NULL,
    issue_by timestamp with time zone NOT NULL,
    overdue boolean NOT NULL DEFAULT false,
    acknowledged_by text,
    acknowledged_at timestamp with time zone,
    issued_by text,
    objection text,
    answer jsonb,
    received_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT instruction_check CHECK (((status = 'issued'::text) = (issued_by IS NOT NULL))),
    CONSTRAINT instruction_check1 CHECK (((status <> ALL (ARRAY['acknowledged'::text, 'issued'::text])) OR (acknowledged_by IS NOT NULL))),
    CONSTRAINT instruction_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES execution(id),
    CONSTRAINT instruction_order_id_fkey FOREIGN KEY (order_id) REFERENCES access_order(id),
    CONSTRAINT instruction_order_id_key UNIQUE (order_id),
    CONSTRAINT instruction_pkey PRIMARY KEY (id),
    CONSTRAINT instruction_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
    CONSTRAINT instruction_status_check CHECK ((status = ANY (ARRAY['received'::text, 'acknowledged'::text, 'issued'::text, 'objected'::text, 'withdrawn'::text]))),
    CONSTRAINT two_people_issue CHECK ((issued_by <> acknowledged_by)),
);
INDEX instruction_of_supervisor ON instruction USING btree (supervisor_id, id);

TABLE observation (
    order_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    host text NOT NULL,
    address text NOT NULL,
    port integer NOT NULL,
    outcome text NOT NULL,
    status integer,
    ours boolean NOT NULL,
    CONSTRAINT observation_check CHECK (((outcome = ANY (ARRAY['no_answer'::text, 'refused'::text])) = (status IS NULL))),
    CONSTRAINT observation_check1 CHECK (((status IS NULL) = (port = 0))),
    CONSTRAINT observation_check2 CHECK (((outcome ~~ 'unavailable%'::text) OR (NOT ours))),
    CONSTRAINT observation_order_id_fkey FOREIGN KEY (order_id) REFERENCES access_order(id),
    CONSTRAINT observation_outcome_check CHECK ((outcome = ANY (ARRAY['served'::text, 'unavailable_with_link'::text, 'unavailable_without_link'::text, 'other'::text, 'no_answer'::text, 'refused'::text]))),
    CONSTRAINT observation_pkey PRIMARY KEY (order_id, at, host, address, port),
);
INDEX observation_at ON observation USING btree (at);
-- ours: Whether a link of the answer is the register entry of this order.

TABLE observed_difference (
    id bigint NOT NULL GENERATED AS IDENTITY,
    order_id uuid NOT NULL,
    kind text NOT NULL,
    since timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    names text[] NOT NULL,
    told_at timestamp with time zone,
    closed_at timestamp with time zone,
    CONSTRAINT observed_difference_kind_check CHECK ((kind = ANY (ARRAY['restored_but_cut'::text, 'cut_but_served'::text, 'cut_without_reason'::text, 'cut_without_order'::text]))),
    CONSTRAINT observed_difference_order_id_fkey FOREIGN KEY (order_id) REFERENCES access_order(id),
    CONSTRAINT observed_difference_pkey PRIMARY KEY (id),
);
UNIQUE INDEX observed_difference_open ON observed_difference USING btree (order_id, kind) WHERE (closed_at IS NULL);
INDEX observed_difference_order ON observed_difference USING btree (order_id);

TABLE overlap (
    id uuid NOT NULL,
    execution_id uuid NOT NULL,
    names text[] NOT NULL,
    not_before timestamp with time zone,
    heard_at timestamp with time zone NOT NULL,
    CONSTRAINT overlap_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES execution(id),
);
INDEX overlap_execution ON overlap USING btree (execution_id);
UNIQUE INDEX overlap_once ON overlap USING btree (id, ((not_before IS NULL)));
-- not_before: Until then nothing of it that is not out goes out. Null: the names are not meant any more.

TABLE probing (
    order_id uuid NOT NULL,
    begins_at timestamp with time zone NOT NULL,
    looks integer NOT NULL DEFAULT 0,
    next_at timestamp with time zone,
    CONSTRAINT probing_order_id_fkey FOREIGN KEY (order_id) REFERENCES access_order(id),
    CONSTRAINT probing_pkey PRIMARY KEY (order_id),
);
INDEX probing_next ON probing USING btree (next_at) WHERE (next_at IS NOT NULL);
-- begins_at: The executed receipt; of a restore without one, when it was due.
-- next_at: Null: nobody looks any more.

TABLE provider (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'active'::text,
    name text NOT NULL,
    licence_number text NOT NULL,
    region text NOT NULL,
    kind text NOT NULL,
    contact text NOT NULL,
    supervisor jsonb,
    head bigint NOT NULL DEFAULT 0,
    registered_by text NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    daily_capacity integer,
    branches jsonb NOT NULL DEFAULT '[]'::jsonb,
    sandbox boolean NOT NULL DEFAULT false,
    CONSTRAINT at_least_one_a_day CHECK ((daily_capacity >= 1)),
    CONSTRAINT provider_check CHECK (((supervisor IS NULL) OR (kind = 'public_network'::text))),
    CONSTRAINT provider_head_check CHECK ((head >= 0)),
    CONSTRAINT provider_kind_check CHECK ((kind = ANY (ARRAY['access_provider'::text, 'carrier'::text, 'public_network'::text]))),
    CONSTRAINT provider_or_sandbox UNIQUE (id, sandbox),
    CONSTRAINT provider_pkey PRIMARY KEY (id),
    CONSTRAINT provider_status_check CHECK ((status = ANY (ARRAY['active'::text, 'unlicensed'::text, 'closed'::text]))) NOT VALID,
);
-- head: Last sequence number given out; the row lock keeps the sequence free of gaps.
-- daily_capacity: Orders to stop hosting that go out to it within any 24 hours, as it declares; null: it declares no bound.
-- branches: For other provinces: region and contact, as the provider says.
-- sandbox: Set when it is entered, and never changed.

TABLE provider_key (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    provider_id uuid NOT NULL,
    kid text NOT NULL,
    jwk jsonb NOT NULL,
    thumbprint text NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    revoked_by text,
    revoked_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    added_reasons text,
    revoked_reasons text,
    revoked_by_authority jsonb,
    CONSTRAINT provider_key_check CHECK (((status = 'revoked'::text) = (revoked_at IS NOT NULL))),
    CONSTRAINT provider_key_check1 CHECK (((revoked_at IS NULL) = (revoked_by IS NULL))),
    CONSTRAINT provider_key_pkey PRIMARY KEY (id),
    CONSTRAINT provider_key_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
    CONSTRAINT provider_key_provider_id_kid_key UNIQUE (provider_id, kid),
    CONSTRAINT provider_key_status_check CHECK ((status = ANY (ARRAY['in_use'::text, 'revoked'::text]))),
    CONSTRAINT provider_key_thumbprint_key UNIQUE (thumbprint),
    CONSTRAINT revoked_by_others_with_reasons CHECK (((revoked_by_authority IS NULL) OR ((revoked_reasons IS NOT NULL) AND (revoked_at IS NOT NULL)))) NOT VALID,
);
INDEX provider_key_kid ON provider_key USING btree (kid);
-- table: Never deleted: a revoked key stays, so that what it signed can still be judged.

TABLE provider_licence (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    provider_id uuid NOT NULL,
    kind text NOT NULL,
    number text NOT NULL,
    provinces text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    entered_by text NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT provider_licence_check CHECK ((valid_until >= valid_from)),
    CONSTRAINT provider_licence_pkey PRIMARY KEY (id),
    CONSTRAINT provider_licence_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
    CONSTRAINT provider_licence_status_check CHECK ((status = ANY (ARRAY['held'::text, 'given_up'::text]))),
);
INDEX provider_licence_number ON provider_licence USING btree (number);
INDEX provider_licence_of ON provider_licence USING btree (provider_id, id);

TABLE provider_webhook (
    provider_id uuid NOT NULL,
    url text NOT NULL,
    after bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    retry_at timestamp with time zone NOT NULL,
    error text,
    delivered_at timestamp with time zone,
    set_by text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT provider_webhook_after_check CHECK ((after >= 0)),
    CONSTRAINT provider_webhook_pkey PRIMARY KEY (provider_id),
    CONSTRAINT provider_webhook_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
);
-- after: The last sequence number that its address took.
-- retry_at: Not before; also how long it is left to the process that took it up.

TABLE receipt (
    provider_id uuid NOT NULL,
    receipt_id uuid NOT NULL,
    order_id uuid NOT NULL,
    outcome text NOT NULL,
    at timestamp with time zone NOT NULL,
    how text,
    why text,
    kid text NOT NULL,
    jws bytea NOT NULL DEFAULT '\x'::bytea,
    door text NOT NULL,
    moved boolean NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    batch text,
    CONSTRAINT receipt_door_check CHECK ((door = ANY (ARRAY['http'::text, 'kafka'::text]))),
    CONSTRAINT receipt_of_a_document CHECK (((batch IS NULL) = (jws <> '\x'::bytea))) NOT VALID,
    CONSTRAINT receipt_order_id_fkey FOREIGN KEY (order_id) REFERENCES access_order(id),
    CONSTRAINT receipt_outcome_check CHECK ((outcome = ANY (ARRAY['received'::text, 'executed'::text, 'partly'::text, 'impossible'::text, 'contested'::text]))),
    CONSTRAINT receipt_pkey PRIMARY KEY (provider_id, receipt_id),
    CONSTRAINT receipt_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
);
INDEX receipt_executed_at ON receipt USING btree (recorded_at) WHERE (outcome = 'executed'::text);
UNIQUE INDEX receipt_executed_once ON receipt USING btree (order_id) WHERE (outcome = 'executed'::text);
INDEX receipt_order ON receipt USING btree (order_id, recorded_at);
-- moved: False: the order was taken back or had lapsed: the receipt is kept, and changes nothing.

TABLE receipt_batch (
    provider_id uuid NOT NULL,
    digest text NOT NULL,
    kid text NOT NULL,
    jws bytea NOT NULL,
    door text NOT NULL,
    results jsonb NOT NULL,
    counter bytea NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT receipt_batch_door_check CHECK ((door = ANY (ARRAY['http'::text, 'kafka'::text]))),
    CONSTRAINT receipt_batch_pkey PRIMARY KEY (provider_id, digest),
    CONSTRAINT receipt_batch_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
);
