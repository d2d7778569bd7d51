-- What gives or takes an organisation's powers: one person proposes it, another one confirms it.

CREATE TABLE proposal (
    id                   uuid PRIMARY KEY,
    version              integer NOT NULL DEFAULT 1,
    status               text NOT NULL CHECK (status IN ('proposed', 'confirmed', 'withdrawn')),
    changed_at           timestamptz NOT NULL,
    organisation         text NOT NULL REFERENCES entry (organisation),
    organisation_version integer NOT NULL,
    region               text,
    action               text NOT NULL CHECK (action IN ('change', 'close', 'reopen')),
    powers               jsonb CHECK ((action = 'change') = (powers IS NOT NULL)),
    why                  text NOT NULL,
    by                   text NOT NULL,
    proposed_by          text NOT NULL,
    confirmed_by         text CHECK (confirmed_by <> proposed_by),
    CHECK ((status = 'confirmed') = (confirmed_by IS NOT NULL))
);
COMMENT ON COLUMN proposal.organisation_version IS 'what the proposing person had read: any later one makes it stale';
COMMENT ON COLUMN proposal.region IS 'of the organisation, which never changes';
CREATE INDEX proposal_organisation ON proposal (organisation, id);
