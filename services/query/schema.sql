-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE lookup_audit (
    id uuid NOT NULL,
    subject text NOT NULL,
    name text NOT NULL,
    organisation text NOT NULL,
    purpose text,
    by text NOT NULL,
    key text,
    format text NOT NULL,
    status text NOT NULL,
    keys bigint NOT NULL,
    found bigint NOT NULL,
    digest text,
    reason text,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    as_of timestamp with time zone,
    trace_id text,
    terms text[],
    region text,
    CONSTRAINT lookup_audit_by_check CHECK ((by = ANY (ARRAY['auto'::text, 'domain'::text, 'ip'::text, 'number'::text]))),
    CONSTRAINT lookup_audit_check CHECK (((finished_at IS NULL) = (status = 'started'::text))),
    CONSTRAINT lookup_audit_format_check CHECK ((format = ANY (ARRAY['json'::text, 'ndjson'::text, 'csv'::text]))),
    CONSTRAINT lookup_audit_pkey PRIMARY KEY (id),
    CONSTRAINT lookup_audit_status_check CHECK ((status = ANY (ARRAY['started'::text, 'completed'::text, 'aborted'::text]))),
);
INDEX lookup_audit_at ON lookup_audit USING btree (started_at);
INDEX lookup_audit_of_key ON lookup_audit USING btree (key) WHERE (key IS NOT NULL);
INDEX lookup_audit_of_subject ON lookup_audit USING btree (subject, started_at);
INDEX lookup_audit_of_terms ON lookup_audit USING gin (terms);

TABLE lookup_audit_keys (
    lookup_id uuid NOT NULL,
    piece integer NOT NULL,
    keys bytea NOT NULL,
    terms bytea NOT NULL,
    CONSTRAINT lookup_audit_keys_lookup_id_fkey FOREIGN KEY (lookup_id) REFERENCES lookup_audit(id),
    CONSTRAINT lookup_audit_keys_piece_check CHECK ((piece >= 0)),
    CONSTRAINT lookup_audit_keys_pkey PRIMARY KEY (lookup_id, piece),
);
