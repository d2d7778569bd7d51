-- What a provider says of a site that was submitted with its name, before the regulator decides.

CREATE TABLE provider_check (
    id              uuid PRIMARY KEY,
    version         bigint NOT NULL DEFAULT 1,
    status          text NOT NULL CHECK (status IN ('asked', 'verified', 'mismatch', 'silent', 'closed')),
    site_id         uuid NOT NULL REFERENCES site,
    registration_id uuid NOT NULL REFERENCES registration,
    provider_id     uuid NOT NULL,
    asked           jsonb NOT NULL,     -- what was submitted, of the site and of its accesses at this provider
    differs         text[] NOT NULL DEFAULT '{}',
    reasons         text,
    answered_by     text,
    answered_at     timestamptz,
    asked_at        timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    CHECK ((answered_by IS NOT NULL) = (status IN ('verified', 'mismatch'))),
    CHECK (status <> 'mismatch' OR reasons IS NOT NULL)
);
CREATE UNIQUE INDEX provider_check_open ON provider_check (site_id, provider_id) WHERE status IN ('asked', 'silent');
CREATE INDEX provider_check_of_site ON provider_check (site_id);
CREATE INDEX provider_check_of_registration ON provider_check (registration_id);
CREATE INDEX provider_check_waiting ON provider_check (provider_id, status, id DESC);
