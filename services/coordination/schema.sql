-- Generated from the migrations by `make generate`; for reading. The runtime's tables are in its own file.

TABLE entry (
    id uuid NOT NULL,
    organisation text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    status text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    level text NOT NULL,
    region text,
    kinds text[] NOT NULL,
    particulars jsonb NOT NULL,
    contacts jsonb NOT NULL,
    CONSTRAINT entry_check CHECK (((level = 'province'::text) = (region IS NOT NULL))),
    CONSTRAINT entry_kinds_check CHECK ((cardinality(kinds) > 0)),
    CONSTRAINT entry_level_check CHECK ((level = ANY (ARRAY['national'::text, 'province'::text]))),
    CONSTRAINT entry_organisation_key UNIQUE (organisation),
    CONSTRAINT entry_pkey PRIMARY KEY (id),
    CONSTRAINT entry_status_check CHECK ((status = ANY (ARRAY['active'::text, 'closed'::text]))),
);
-- organisation: its id in the directory, never given to another one
-- contacts: personal data: in no fact and in no version

TABLE entry_version (
    entry_id uuid NOT NULL,
    version integer NOT NULL,
    record jsonb NOT NULL,
    action text NOT NULL,
    by text NOT NULL,
    why text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT entry_version_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES entry(id),
    CONSTRAINT entry_version_pkey PRIMARY KEY (entry_id, version),
);

TABLE proposal (
    id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    status text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    organisation text NOT NULL,
    organisation_version integer NOT NULL,
    region text,
    action text NOT NULL,
    powers jsonb,
    why text NOT NULL,
    by text NOT NULL,
    proposed_by text NOT NULL,
    confirmed_by text,
    CONSTRAINT proposal_action_check CHECK ((action = ANY (ARRAY['change'::text, 'close'::text, 'reopen'::text]))),
    CONSTRAINT proposal_check CHECK (((action = 'change'::text) = (powers IS NOT NULL))),
    CONSTRAINT proposal_check1 CHECK ((confirmed_by <> proposed_by)),
    CONSTRAINT proposal_check2 CHECK (((status = 'confirmed'::text) = (confirmed_by IS NOT NULL))),
    CONSTRAINT proposal_organisation_fkey FOREIGN KEY (organisation) REFERENCES entry(organisation),
    CONSTRAINT proposal_pkey PRIMARY KEY (id),
    CONSTRAINT proposal_status_check CHECK ((status = ANY (ARRAY['proposed'::text, 'confirmed'::text, 'withdrawn'::text]))),
);
INDEX proposal_organisation ON proposal USING btree (organisation, id);
-- organisation_version: what the proposing person had read: any later one makes it stale
-- region: of the organisation, which never changes
