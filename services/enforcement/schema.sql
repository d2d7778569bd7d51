-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE address_code (
    id uuid NOT NULL,
    identity text NOT NULL,
    address text NOT NULL,
    mailbox text NOT NULL,
    code text NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    wrong integer NOT NULL DEFAULT 0,
    confirmed_at timestamp with time zone,
    CONSTRAINT address_code_pkey PRIMARY KEY (id),
);
INDEX address_code_of ON address_code USING btree (identity, address, sent_at);
INDEX address_code_to ON address_code USING btree (mailbox, sent_at);

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
    filed_as text,
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
    handed_for text,
    CONSTRAINT appeal_paper_appeal_id_fkey FOREIGN KEY (appeal_id) REFERENCES appeal(id),
    CONSTRAINT appeal_paper_pkey PRIMARY KEY (appeal_id, sha256),
    CONSTRAINT appeal_paper_side_check CHECK ((side = ANY (ARRAY['appellant'::text, 'authority'::text, 'body'::text]))),
);
INDEX appeal_paper_by_hash ON appeal_paper USING btree (sha256);
TRIGGER appeal_paper_kept AFTER INSERT ON public.appeal_paper FOR EACH ROW EXECUTE FUNCTION keep_file('handed_at');

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
INDEX audit_of_resource ON audit USING btree (resource, id);
INDEX audit_of_subject ON audit USING btree (subject, at);

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

TABLE case_link (
    one uuid NOT NULL,
    other uuid NOT NULL,
    reasons text NOT NULL,
    by text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT case_link_check CHECK ((one < other)),
    CONSTRAINT case_link_one_fkey FOREIGN KEY (one) REFERENCES enforcement_case(id),
    CONSTRAINT case_link_other_fkey FOREIGN KEY (other) REFERENCES enforcement_case(id),
    CONSTRAINT case_link_pkey PRIMARY KEY (one, other),
);
INDEX link_of_other ON case_link USING btree (other);

TABLE case_opinion (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    case_id uuid NOT NULL,
    authority_id text NOT NULL,
    authority jsonb NOT NULL,
    asked_id text NOT NULL,
    asked jsonb NOT NULL,
    office_id text NOT NULL,
    question text NOT NULL,
    we_hold text NOT NULL,
    answer_by timestamp with time zone NOT NULL,
    overdue_at timestamp with time zone,
    position text,
    statement jsonb,
    conflicts boolean NOT NULL DEFAULT false,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    answered_by text,
    answered_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT case_opinion_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT case_opinion_check CHECK ((asked_id <> authority_id)),
    CONSTRAINT case_opinion_check1 CHECK ((("position" IS NULL) = (status <> 'answered'::text))),
    CONSTRAINT case_opinion_pkey PRIMARY KEY (id),
    CONSTRAINT case_opinion_position_check CHECK (("position" = ANY (ARRAY['breach'::text, 'no_breach'::text, 'not_ours'::text]))),
    CONSTRAINT case_opinion_status_check CHECK ((status = ANY (ARRAY['asked'::text, 'answered'::text, 'withdrawn'::text]))),
    CONSTRAINT case_opinion_we_hold_check CHECK ((we_hold = ANY (ARRAY['breach'::text, 'no_breach'::text]))),
);
INDEX opinion_of_asked ON case_opinion USING btree (asked_id, id DESC);
INDEX opinion_of_authority ON case_opinion USING btree (authority_id, id DESC);
INDEX opinion_of_case ON case_opinion USING btree (case_id, id);
INDEX opinion_of_office ON case_opinion USING btree (office_id, id DESC) WHERE conflicts;
UNIQUE INDEX opinion_one_asked ON case_opinion USING btree (case_id, asked_id) WHERE (status = 'asked'::text);

TABLE case_part (
    organisation text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    CONSTRAINT case_part_id_fkey FOREIGN KEY (id) REFERENCES enforcement_case(id),
    CONSTRAINT case_part_pkey PRIMARY KEY (organisation, opened_at, id),
);

TABLE case_settlement (
    id uuid NOT NULL,
    case_id uuid NOT NULL,
    office jsonb NOT NULL,
    position text NOT NULL,
    statement jsonb NOT NULL,
    settled_by text NOT NULL,
    settled_at timestamp with time zone NOT NULL,
    CONSTRAINT case_settlement_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT case_settlement_pkey PRIMARY KEY (id),
    CONSTRAINT case_settlement_position_check CHECK (("position" = ANY (ARRAY['breach'::text, 'no_breach'::text]))),
);
INDEX settlement_of_case ON case_settlement USING btree (case_id, id);

TABLE case_task (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    case_id uuid NOT NULL,
    decision_id uuid,
    authority_id text NOT NULL,
    what text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    assignee text,
    overdue_at timestamp with time zone,
    opened_by text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT case_task_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT case_task_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES decision(id),
    CONSTRAINT case_task_pkey PRIMARY KEY (id),
    CONSTRAINT case_task_status_check CHECK ((status = ANY (ARRAY['open'::text, 'done'::text, 'cancelled'::text]))),
);
UNIQUE INDEX task_follow_up ON case_task USING btree (decision_id) WHERE (decision_id IS NOT NULL);
INDEX task_of_authority ON case_task USING btree (authority_id, id DESC);
INDEX task_of_case ON case_task USING btree (case_id, id);
INDEX task_overdue ON case_task USING btree (case_id) WHERE ((status = 'open'::text) AND (overdue_at IS NOT NULL));

TABLE case_transfer (
    from_case uuid NOT NULL,
    to_case uuid NOT NULL,
    by jsonb NOT NULL,
    receiver jsonb NOT NULL,
    statement jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT case_transfer_check CHECK ((from_case <> to_case)),
    CONSTRAINT case_transfer_from_case_fkey FOREIGN KEY (from_case) REFERENCES enforcement_case(id),
    CONSTRAINT case_transfer_pkey PRIMARY KEY (from_case),
    CONSTRAINT case_transfer_to_case_fkey FOREIGN KEY (to_case) REFERENCES enforcement_case(id),
    CONSTRAINT case_transfer_to_case_key UNIQUE (to_case),
);

TABLE complaint (
    id uuid NOT NULL,
    matter_id uuid NOT NULL,
    reference text NOT NULL,
    secret_hash bytea NOT NULL,
    source text NOT NULL,
    host text NOT NULL,
    said text NOT NULL,
    organisation text,
    email text,
    came_at timestamp with time zone NOT NULL,
    answer_due boolean NOT NULL DEFAULT false,
    answered_at timestamp with time zone,
    forgotten_at timestamp with time zone,
    transfer_due boolean NOT NULL DEFAULT false,
    CONSTRAINT complaint_matter_id_fkey FOREIGN KEY (matter_id) REFERENCES matter(id),
    CONSTRAINT complaint_pkey PRIMARY KEY (id),
    CONSTRAINT complaint_reference_key UNIQUE (reference),
    CONSTRAINT complaint_secret_hash_key UNIQUE (secret_hash),
);
INDEX complaint_of_matter ON complaint USING btree (matter_id, id);
INDEX complaint_to_answer ON complaint USING btree (id) WHERE answer_due;
INDEX complaint_to_forget ON complaint USING btree (matter_id) WHERE ((email IS NOT NULL) OR (organisation IS NOT NULL));
INDEX complaint_to_tell ON complaint USING btree (id) WHERE transfer_due;

TABLE complaint_file (
    complaint_id uuid NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    media_type text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT complaint_file_complaint_id_fkey FOREIGN KEY (complaint_id) REFERENCES complaint(id),
    CONSTRAINT complaint_file_pkey PRIMARY KEY (complaint_id, sha256),
);
INDEX complaint_file_by_hash ON complaint_file USING btree (sha256);
TRIGGER complaint_file_kept AFTER INSERT ON public.complaint_file FOR EACH ROW EXECUTE FUNCTION keep_file('added_at');

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
    ignored_evidence text[] NOT NULL DEFAULT '{}'::text[],
    executed_by text[] NOT NULL DEFAULT '{}'::text[],
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

TABLE emergency (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    provider_id uuid NOT NULL,
    provider jsonb NOT NULL,
    host text NOT NULL,
    site_id uuid,
    identity text NOT NULL,
    operator jsonb NOT NULL,
    region text,
    level text NOT NULL,
    service_items text[] NOT NULL,
    ground text NOT NULL,
    reasons text NOT NULL,
    since timestamp with time zone NOT NULL,
    reported_at timestamp with time zone NOT NULL,
    confirm_by timestamp with time zone NOT NULL,
    decision_id uuid,
    authority jsonb,
    authority_id text,
    ended_because text,
    statement jsonb,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT emergency_check CHECK (((status = 'confirmed'::text) <= (decision_id IS NOT NULL))),
    CONSTRAINT emergency_check1 CHECK (((decision_id IS NULL) = (authority_id IS NULL))),
    CONSTRAINT emergency_check2 CHECK (((status = ANY (ARRAY['lapsed'::text, 'refused'::text])) = (ended_because IS NOT NULL))),
    CONSTRAINT emergency_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES decision(id),
    CONSTRAINT emergency_pkey PRIMARY KEY (id),
    CONSTRAINT emergency_status_check CHECK ((status = ANY (ARRAY['open'::text, 'confirmed'::text, 'lapsed'::text, 'refused'::text]))),
);
INDEX emergency_of_decision ON emergency USING btree (decision_id) WHERE (decision_id IS NOT NULL);
INDEX emergency_of_identity ON emergency USING btree (identity, id);
INDEX emergency_queue ON emergency USING btree (region, status, id);

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
    claimed_by text,
    claimed_at timestamp with time zone,
    ended_at timestamp with time zone,
    held_because text,
    CONSTRAINT enforcement_case_check CHECK (((outcome IS NULL) = (status = 'open'::text))),
    CONSTRAINT enforcement_case_claimed CHECK (((claimed_by IS NULL) = (claimed_at IS NULL))),
    CONSTRAINT enforcement_case_legal_basis_check CHECK ((cardinality(legal_basis) > 0)),
    CONSTRAINT enforcement_case_outcome_check CHECK ((outcome = ANY (ARRAY['no_breach'::text, 'corrected'::text, 'executed'::text, 'transferred'::text, 'discontinued'::text]))),
    CONSTRAINT enforcement_case_pkey PRIMARY KEY (id),
    CONSTRAINT enforcement_case_status_check CHECK ((status = ANY (ARRAY['open'::text, 'ended'::text]))),
);
INDEX case_below_name ON enforcement_case USING gin (names_above(hosts));
INDEX case_by_time ON enforcement_case USING btree (opened_at DESC, id DESC);
INDEX case_claimed ON enforcement_case USING btree (claimed_by, opened_at DESC, id DESC) WHERE (claimed_by IS NOT NULL);
INDEX case_of_authority ON enforcement_case USING btree (authority_id, id DESC);
INDEX case_of_authority_by_time ON enforcement_case USING btree (authority_id, opened_at DESC, id DESC);
INDEX case_of_authority_open ON enforcement_case USING btree (authority_id, opened_at DESC, id DESC) WHERE (status = 'open'::text);
INDEX case_of_desk ON enforcement_case USING btree (region, service_item, opened_at DESC, id DESC);
INDEX case_of_ground ON enforcement_case USING btree (ground, opened_at DESC, id DESC);
INDEX case_of_host ON enforcement_case USING gin (hosts);
INDEX case_of_item_by_time ON enforcement_case USING btree (service_item, opened_at DESC, id DESC);
INDEX case_of_operator ON enforcement_case USING btree (identity, opened_at DESC, id DESC);
INDEX case_of_region ON enforcement_case USING btree (region, opened_at DESC, id DESC);
INDEX case_of_site ON enforcement_case USING btree (site_id) WHERE (site_id IS NOT NULL);
INDEX case_of_subject ON enforcement_case USING btree (subject);
INDEX case_open_by_time ON enforcement_case USING btree (opened_at DESC, id DESC) WHERE (status = 'open'::text);
INDEX case_open_of_desk ON enforcement_case USING btree (region, service_item, opened_at DESC, id DESC) WHERE (status = 'open'::text);
INDEX case_took_part ON enforcement_case USING gin (took_part);
TRIGGER case_parts AFTER INSERT OR UPDATE OF took_part ON public.enforcement_case FOR EACH ROW WHEN ((cardinality(new.took_part) > 0)) EXECUTE FUNCTION keep_case_parts();

TABLE evidence (
    sha256 text NOT NULL,
    size bigint NOT NULL,
    stored_at timestamp with time zone NOT NULL,
    checked_at timestamp with time zone,
    damaged_at timestamp with time zone,
    deleted_at timestamp with time zone,
    deleted_why text,
    removed_at timestamp with time zone,
    judge_at timestamp with time zone,
    CONSTRAINT evidence_deleted CHECK (((deleted_at IS NULL) = (deleted_why IS NULL))),
    CONSTRAINT evidence_pkey PRIMARY KEY (sha256),
);
INDEX evidence_damaged ON evidence USING btree (damaged_at) WHERE (damaged_at IS NOT NULL);
INDEX evidence_to_check ON evidence USING btree (COALESCE(checked_at, stored_at), sha256) WHERE (deleted_at IS NULL);
INDEX evidence_to_judge ON evidence USING btree (COALESCE(judge_at, stored_at), sha256) WHERE (deleted_at IS NULL);
INDEX evidence_to_remove ON evidence USING btree (deleted_at) WHERE ((deleted_at IS NOT NULL) AND (removed_at IS NULL));

TABLE evidence_event (
    id bigint NOT NULL GENERATED AS IDENTITY,
    sha256 text NOT NULL,
    event text NOT NULL,
    detail text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT evidence_event_event_check CHECK ((event = ANY (ARRAY['sound'::text, 'damaged'::text, 'deleted'::text, 'kept_again'::text]))),
    CONSTRAINT evidence_event_pkey PRIMARY KEY (id),
    CONSTRAINT evidence_event_sha256_fkey FOREIGN KEY (sha256) REFERENCES evidence(sha256),
);
INDEX evidence_event_of ON evidence_event USING btree (sha256, id);

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
    took_part text[],
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

TABLE matter (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    key text NOT NULL,
    ground text NOT NULL,
    host text NOT NULL,
    site_id uuid,
    region text,
    level text NOT NULL,
    service_items text[] NOT NULL,
    grade text,
    authority jsonb,
    authority_id text,
    case_id uuid,
    outcome text,
    statement jsonb,
    overdue_at timestamp with time zone,
    came_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    transfers jsonb NOT NULL DEFAULT '[]'::jsonb,
    CONSTRAINT matter_case_id_fkey FOREIGN KEY (case_id) REFERENCES enforcement_case(id),
    CONSTRAINT matter_check CHECK (((status = 'open'::text) = (grade IS NULL))),
    CONSTRAINT matter_check2 CHECK (((status = 'in_case'::text) <= (case_id IS NOT NULL))),
    CONSTRAINT matter_check3 CHECK (((status = 'ended'::text) = (ended_at IS NOT NULL))),
    CONSTRAINT matter_check4 CHECK (((status = 'ended'::text) = (outcome IS NOT NULL))),
    CONSTRAINT matter_check5 CHECK (((status = 'ended'::text) = (statement IS NOT NULL))),
    CONSTRAINT matter_graded_by CHECK (((grade IS NULL) OR (authority_id IS NOT NULL))),
    CONSTRAINT matter_pkey PRIMARY KEY (id),
    CONSTRAINT matter_status_check CHECK ((status = ANY (ARRAY['open'::text, 'triaged'::text, 'in_case'::text, 'ended'::text]))),
);
INDEX matter_of_case ON matter USING btree (case_id) WHERE (case_id IS NOT NULL);
UNIQUE INDEX matter_one_open ON matter USING btree (key, ground) WHERE (status <> 'ended'::text);
INDEX matter_over ON matter USING btree (ended_at) WHERE (ended_at IS NOT NULL);
INDEX matter_queue ON matter USING btree (region, status, id);

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
    CONSTRAINT name_subscription_status_check CHECK ((status = ANY (ARRAY['proving'::text, 'confirming'::text, 'active'::text, 'ended'::text]))),
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
    supervisor jsonb,
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

TABLE warning (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    matter_id uuid NOT NULL,
    host text NOT NULL,
    identity text NOT NULL,
    party jsonb NOT NULL,
    authority jsonb NOT NULL,
    authority_id text NOT NULL,
    statement jsonb NOT NULL,
    answer_by timestamp with time zone,
    sent_by text NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    answer text,
    answered_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT warning_check CHECK (((status = 'answered'::text) = (answer IS NOT NULL))),
    CONSTRAINT warning_check1 CHECK (((answer IS NULL) = (answered_at IS NULL))),
    CONSTRAINT warning_matter_id_fkey FOREIGN KEY (matter_id) REFERENCES matter(id),
    CONSTRAINT warning_matter_id_key UNIQUE (matter_id),
    CONSTRAINT warning_pkey PRIMARY KEY (id),
    CONSTRAINT warning_status_check CHECK ((status = ANY (ARRAY['sent'::text, 'answered'::text]))),
);
INDEX warning_of_authority ON warning USING btree (authority_id, id);
INDEX warning_of_party ON warning USING btree (identity, id);

CREATE OR REPLACE FUNCTION public.keep_case_parts()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    INSERT INTO case_part (organisation, opened_at, id)
    SELECT each, NEW.opened_at, NEW.id FROM unnest(NEW.took_part) AS took (each)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END;
$function$;

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

CREATE OR REPLACE FUNCTION public.names_above(hosts text[])
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
    found text[] := '{}';
    name text;
    dot integer;
BEGIN
    FOREACH name IN ARRAY hosts LOOP
        LOOP
            found := found || name;
            dot := position('.' IN name);
            EXIT WHEN dot = 0;
            name := substr(name, dot + 1);
        END LOOP;
    END LOOP;
    RETURN found;
END
$function$;
