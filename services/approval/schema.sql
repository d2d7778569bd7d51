-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE approval (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    operator_identity text NOT NULL,
    operator_name text NOT NULL,
    service_item text NOT NULL,
    domain text NOT NULL,
    domain_as_given text NOT NULL,
    scope_of_service text NOT NULL,
    level text NOT NULL,
    region text,
    email text,
    submitted_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    overdue_at timestamp with time zone,
    missing jsonb NOT NULL DEFAULT '[]'::jsonb,
    answer text,
    authority jsonb,
    number text,
    scope text,
    valid_from date,
    valid_until date,
    warned_at timestamp with time zone,
    renewal_until date,
    transfers jsonb NOT NULL DEFAULT '[]'::jsonb,
    renewal_scope text,
    CONSTRAINT approval_check CHECK (((level = 'province'::text) = (region IS NOT NULL))),
    CONSTRAINT approval_check1 CHECK (((status = ANY (ARRAY['granted'::text, 'renewing'::text, 'lapsed'::text, 'ended'::text])) = (number IS NOT NULL))),
    CONSTRAINT approval_check2 CHECK ((((number IS NULL) = (scope IS NULL)) AND ((number IS NULL) = (valid_from IS NULL)) AND ((number IS NULL) = (valid_until IS NULL)))),
    CONSTRAINT approval_check3 CHECK (((status = ANY (ARRAY['submitted'::text, 'returned'::text, 'resubmitted'::text])) = (authority IS NULL))),
    CONSTRAINT approval_check4 CHECK (((status <> 'renewing'::text) OR (renewal_until IS NOT NULL))),
    CONSTRAINT approval_level_check CHECK ((level = ANY (ARRAY['province'::text, 'national'::text]))),
    CONSTRAINT approval_number_key UNIQUE (number),
    CONSTRAINT approval_pkey PRIMARY KEY (id),
    CONSTRAINT approval_status_check CHECK ((status = ANY (ARRAY['submitted'::text, 'returned'::text, 'resubmitted'::text, 'granted'::text, 'renewing'::text, 'refused'::text, 'not_required'::text, 'lapsed'::text, 'ended'::text]))),
);
INDEX approval_desk ON approval USING btree (service_item, region, id);
UNIQUE INDEX approval_open ON approval USING btree (operator_identity, service_item, domain) WHERE (status = ANY (ARRAY['submitted'::text, 'returned'::text, 'resubmitted'::text]));
INDEX approval_operator ON approval USING btree (operator_identity, id);
-- domain: A-label form, lower case
-- email: address for service besides the inbox, as the applicant gave it
-- missing: what it was returned for
-- authority: AuthorityRef of who decided last
-- renewal_until: last day that the renewal on the desk asks for
-- renewal_scope: scope that the renewal on the desk is about, where the grant of less fell on appeal

TABLE approval_counter (
    mark text NOT NULL,
    year integer NOT NULL,
    last bigint NOT NULL,
    CONSTRAINT approval_counter_pkey PRIMARY KEY (mark, year),
);

TABLE approval_file (
    approval_id uuid NOT NULL,
    requirement text NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    media_type text NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT approval_file_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES approval(id),
    CONSTRAINT approval_file_pkey PRIMARY KEY (approval_id, requirement, sha256),
    CONSTRAINT approval_file_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT approval_file_size_check CHECK ((size > 0)),
);
TRIGGER approval_file_kept AFTER INSERT ON public.approval_file FOR EACH ROW EXECUTE FUNCTION keep_file('added_at');

TABLE barred (
    execution_id uuid NOT NULL,
    seq bigint NOT NULL,
    identity text NOT NULL,
    listed boolean NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT barred_pkey PRIMARY KEY (execution_id),
);
INDEX barred_operators ON barred USING btree (identity) WHERE listed;

TABLE decision (
    id uuid NOT NULL,
    approval_id uuid NOT NULL,
    action text NOT NULL,
    grounds jsonb NOT NULL,
    findings jsonb NOT NULL DEFAULT '[]'::jsonb,
    asked date,
    undone_at timestamp with time zone,
    undone_why text,
    asked_scope text,
    CONSTRAINT decision_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES approval(id),
    CONSTRAINT decision_check CHECK (((undone_at IS NULL) = (undone_why IS NULL))),
    CONSTRAINT decision_pkey PRIMARY KEY (id, approval_id),
);
INDEX decision_of_approval ON decision USING btree (approval_id, id);
-- id: where a case decided: the id of that decision, which may end several approvals
-- asked: last day that was asked for, where a refusal gives none and a grant of less an earlier one
-- asked_scope: scope that was asked for, where another one was granted

TABLE ended_item (
    decision_id uuid NOT NULL,
    identity text NOT NULL,
    service_item text NOT NULL,
    names text[] NOT NULL,
    level text NOT NULL,
    region text,
    released_at timestamp with time zone NOT NULL,
    fell_at timestamp with time zone,
    CONSTRAINT ended_item_check CHECK (((level = 'province'::text) = (region IS NOT NULL))),
    CONSTRAINT ended_item_level_check CHECK ((level = ANY (ARRAY['province'::text, 'national'::text]))),
    CONSTRAINT ended_item_pkey PRIMARY KEY (decision_id),
);
INDEX ended_item_standing ON ended_item USING btree (identity, service_item) WHERE (fell_at IS NULL);

TABLE paper_approval (
    id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL,
    paper_number text NOT NULL,
    number_key text NOT NULL,
    operator_identity text NOT NULL,
    operator_name text NOT NULL,
    service_item text NOT NULL,
    domain text NOT NULL,
    domain_as_given text NOT NULL,
    scope text NOT NULL,
    level text NOT NULL,
    region text,
    valid_from date NOT NULL,
    valid_until date NOT NULL,
    scan_sha256 text NOT NULL,
    statement jsonb NOT NULL,
    entered_by text NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    approval_id uuid,
    CONSTRAINT paper_approval_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES approval(id),
    CONSTRAINT paper_approval_check CHECK ((valid_until >= valid_from)),
    CONSTRAINT paper_approval_check1 CHECK (((level = 'province'::text) = (region IS NOT NULL))),
    CONSTRAINT paper_approval_check2 CHECK (((status = 'confirmed'::text) = (approval_id IS NOT NULL))),
    CONSTRAINT paper_approval_level_check CHECK ((level = ANY (ARRAY['province'::text, 'national'::text]))),
    CONSTRAINT paper_approval_pkey PRIMARY KEY (id),
    CONSTRAINT paper_approval_scan_sha256_check CHECK ((scan_sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT paper_approval_status_check CHECK ((status = ANY (ARRAY['entered'::text, 'confirmed'::text, 'withdrawn'::text]))),
);
UNIQUE INDEX paper_approval_number ON paper_approval USING btree (service_item, level, COALESCE(region, ''::text), number_key) WHERE (status <> 'withdrawn'::text);
-- number_key: without regard to width, blanks and look-alikes
