-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE access_order (
    id uuid NOT NULL,
    provider_id uuid NOT NULL,
    site_id uuid NOT NULL,
    registration_id uuid NOT NULL,
    revocation_id uuid NOT NULL,
    decision_id uuid,
    region text NOT NULL,
    action text NOT NULL,
    status text NOT NULL,
    overdue boolean NOT NULL DEFAULT false,
    content jsonb NOT NULL,
    undoes uuid,
    undone_by uuid,
    drafted_at timestamp with time zone NOT NULL,
    release_at timestamp with time zone NOT NULL,
    sequence bigint,
    issued_at timestamp with time zone,
    execute_by timestamp with time zone,
    jws bytea,
    digest text,
    kid text,
    version integer NOT NULL DEFAULT 1,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT access_order_action_check CHECK ((action = ANY (ARRAY['cut_off'::text, 'suspend'::text, 'restore'::text, 'stop_billing'::text, 'resume_billing'::text]))),
    CONSTRAINT access_order_check CHECK (((undoes IS NULL) OR (action = ANY (ARRAY['restore'::text, 'resume_billing'::text])))),
    CONSTRAINT access_order_pkey PRIMARY KEY (id),
    CONSTRAINT access_order_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
    CONSTRAINT access_order_provider_id_sequence_key UNIQUE (provider_id, sequence),
    CONSTRAINT access_order_revocation_id_site_id_provider_id_action_key UNIQUE (revocation_id, site_id, provider_id, action),
    CONSTRAINT access_order_status_check CHECK ((status = ANY (ARRAY['drafted'::text, 'released'::text, 'received'::text, 'executed'::text, 'partly'::text, 'impossible'::text, 'contested'::text, 'withdrawn'::text, 'superseded'::text]))),
    CONSTRAINT access_order_undoes_fkey FOREIGN KEY (undoes) REFERENCES access_order(id),
    CONSTRAINT access_order_undoes_key UNIQUE (undoes),
    CONSTRAINT access_order_undone_by_fkey FOREIGN KEY (undone_by) REFERENCES access_order(id),
    CONSTRAINT access_order_undone_by_key UNIQUE (undone_by),
    CONSTRAINT out_means_signed CHECK ((((status = ANY (ARRAY['drafted'::text, 'withdrawn'::text])) = (sequence IS NULL)) AND (num_nulls(sequence, issued_at, execute_by, jws, digest, kid) = ANY (ARRAY[0, 6])))),
);
INDEX access_order_in_force ON access_order USING btree (provider_id, sequence) WHERE ((action = ANY (ARRAY['cut_off'::text, 'suspend'::text])) AND (sequence IS NOT NULL) AND (undone_by IS NULL));
INDEX access_order_provider ON access_order USING btree (provider_id, id);
INDEX access_order_registration ON access_order USING btree (registration_id, revocation_id);
INDEX access_order_site ON access_order USING btree (site_id, id);
INDEX access_order_status ON access_order USING btree (status, id);
-- content: The document without number and times; a restore copies the site from it.
-- undone_by: The released order that takes this one back; null: this one is in force.
-- jws: The signed bytes, exactly as every provider door hands them out.

TABLE provider (
    id uuid NOT NULL,
    name text NOT NULL,
    licence_number text NOT NULL,
    region text NOT NULL,
    kind text NOT NULL,
    contact text NOT NULL,
    head bigint NOT NULL DEFAULT 0,
    registered_by text NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    CONSTRAINT provider_head_check CHECK ((head >= 0)),
    CONSTRAINT provider_kind_check CHECK ((kind = ANY (ARRAY['access_provider'::text, 'carrier'::text, 'public_network'::text]))),
    CONSTRAINT provider_pkey PRIMARY KEY (id),
);
-- head: Last sequence number given out; the row lock keeps the sequence free of gaps.

TABLE provider_key (
    provider_id uuid NOT NULL,
    kid text NOT NULL,
    jwk jsonb NOT NULL,
    thumbprint text NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    revoked_by text,
    revoked_at timestamp with time zone,
    CONSTRAINT provider_key_check CHECK (((revoked_at IS NULL) = (revoked_by IS NULL))),
    CONSTRAINT provider_key_pkey PRIMARY KEY (provider_id, kid),
    CONSTRAINT provider_key_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
    CONSTRAINT provider_key_thumbprint_key UNIQUE (thumbprint),
);
INDEX provider_key_kid ON provider_key USING btree (kid);
-- table: Never deleted: a revoked key stays, so that what it signed can still be judged.

TABLE receipt (
    provider_id uuid NOT NULL,
    receipt_id uuid NOT NULL,
    order_id uuid NOT NULL,
    outcome text NOT NULL,
    at timestamp with time zone NOT NULL,
    how text,
    why text,
    kid text NOT NULL,
    jws bytea NOT NULL,
    door text NOT NULL,
    moved boolean NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT receipt_door_check CHECK ((door = ANY (ARRAY['http'::text, 'kafka'::text]))),
    CONSTRAINT receipt_order_id_fkey FOREIGN KEY (order_id) REFERENCES access_order(id),
    CONSTRAINT receipt_outcome_check CHECK ((outcome = ANY (ARRAY['received'::text, 'executed'::text, 'partly'::text, 'impossible'::text, 'contested'::text]))),
    CONSTRAINT receipt_pkey PRIMARY KEY (provider_id, receipt_id),
    CONSTRAINT receipt_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES provider(id),
);
UNIQUE INDEX receipt_executed_once ON receipt USING btree (order_id) WHERE (outcome = 'executed'::text);
INDEX receipt_order ON receipt USING btree (order_id, recorded_at);
-- moved: False: the order was superseded, so the receipt is kept and changes nothing.
