-- The licences under which a provider hosts, and whom to ask there in other provinces (docs/adr/0024).
CREATE TABLE provider_licence (
    id          uuid PRIMARY KEY,
    version     bigint NOT NULL DEFAULT 1,
    status      text NOT NULL CHECK (status IN ('held', 'given_up')),
    provider_id uuid NOT NULL REFERENCES provider (id),
    kind        text NOT NULL,
    number      text NOT NULL,         -- in its normal form: in force for one provider at a time
    provinces   text[] NOT NULL,       -- none: the whole country
    valid_from  date NOT NULL,
    valid_until date,                  -- its last day; none: it says none
    entered_by  text NOT NULL,
    entered_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    CHECK (valid_until >= valid_from)
);
CREATE INDEX provider_licence_number ON provider_licence (number);
CREATE INDEX provider_licence_of ON provider_licence (provider_id, id);
-- What was entered before licences had a kind and an end names none.
INSERT INTO provider_licence (id, status, provider_id, kind, number, provinces, valid_from, entered_by, entered_at, changed_at)
SELECT gen_random_uuid(), 'held', id, 'idc', licence_number, '{}', registered_at::date, registered_by, registered_at, registered_at
  FROM provider;
ALTER TABLE provider ADD COLUMN branches jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN provider.branches IS 'For other provinces: region and contact, as the provider says.';
-- widens provider: statuses that older code never writes
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE provider DROP CONSTRAINT provider_status_check;
ALTER TABLE provider ADD CONSTRAINT provider_status_check CHECK (status IN ('active', 'unlicensed', 'closed')) NOT VALID;
