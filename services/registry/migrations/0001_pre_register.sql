-- The register: operators, registrations, sites, accesses, revocations, requests, imports.

CREATE TABLE operator (
  id uuid PRIMARY KEY,
  uscc text NOT NULL UNIQUE,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('company', 'institution', 'person')),
  region text NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE registration (
  id uuid PRIMARY KEY,
  operator_id uuid NOT NULL REFERENCES operator,
  kind text NOT NULL CHECK (kind IN ('filing', 'licence')),
  level text NOT NULL,
  region text NOT NULL,
  status text NOT NULL CHECK (status IN ('submitted', 'refused', 'active', 'revoked')),
  number text UNIQUE,
  version integer NOT NULL DEFAULT 1,
  measure jsonb,
  refusal jsonb,
  overdue_at timestamptz,
  submitted_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  CHECK ((number IS NULL) = (status IN ('submitted', 'refused'))),
  CHECK ((measure IS NOT NULL) = (status = 'revoked'))
);
CREATE INDEX registration_by_operator ON registration (operator_id);
CREATE INDEX registration_by_status ON registration (status, id DESC);

CREATE TABLE site (
  id uuid PRIMARY KEY,
  registration_id uuid NOT NULL REFERENCES registration,
  ordinal integer NOT NULL,
  name text NOT NULL,
  service_items text[] NOT NULL,
  version integer NOT NULL DEFAULT 1,
  changed_at timestamptz NOT NULL,
  UNIQUE (registration_id, ordinal)
);

CREATE TABLE site_domain (
  domain text PRIMARY KEY,
  raw text NOT NULL,
  site_id uuid NOT NULL REFERENCES site,
  ordinal integer NOT NULL
);
COMMENT ON TABLE site_domain IS
  'A refused registration gives its domains back; a revoked one keeps them, to be restored exactly.';
CREATE INDEX site_domain_by_site ON site_domain (site_id);

CREATE TABLE access (
  id uuid PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES site,
  ordinal integer NOT NULL,
  provider_id uuid NOT NULL,
  ips text[] NOT NULL,
  hosting_mode text NOT NULL,
  region text NOT NULL
);
CREATE INDEX access_by_site ON access (site_id);

CREATE TABLE dedicated_ip (
  ip text PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES site,
  operator_id uuid NOT NULL
);
COMMENT ON TABLE dedicated_ip IS
  'Addresses of a server of its own; a shared host''s address serves many operators and is not here.';
CREATE INDEX dedicated_ip_by_site ON dedicated_ip (site_id);

CREATE TABLE number_counter (
  region text NOT NULL,
  kind text NOT NULL,
  last bigint NOT NULL,
  PRIMARY KEY (region, kind)
);

CREATE TABLE approval (
  application_id uuid PRIMARY KEY,
  operator_uscc text NOT NULL,
  service_item text NOT NULL,
  domain text NOT NULL,
  status text NOT NULL CHECK (status IN ('granted', 'not_required', 'refused', 'cancelled')),
  number text,
  valid_until date
);
CREATE INDEX approval_by_operator ON approval (operator_uscc);

CREATE TABLE provider (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  licence_number text NOT NULL,
  kind text NOT NULL,
  region text NOT NULL
);

CREATE TABLE revocation_request (
  id uuid PRIMARY KEY,
  registration_id uuid NOT NULL,
  region text,
  decision_id uuid NOT NULL UNIQUE,
  case_id uuid NOT NULL,
  measure jsonb NOT NULL,
  status text NOT NULL CHECK (status IN ('received', 'accepted', 'declined', 'moot')),
  answer text,
  received_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL
);
CREATE INDEX revocation_request_by_status ON revocation_request (status, id DESC);

CREATE TABLE revocation (
  id uuid PRIMARY KEY,
  registration_id uuid NOT NULL REFERENCES registration,
  request_id uuid REFERENCES revocation_request,
  decision_id uuid,
  measure jsonb NOT NULL,
  status text NOT NULL CHECK (status IN ('drafted', 'confirmed', 'withdrawn', 'moot', 'undone')),
  drafted_by text NOT NULL,
  drafted_at timestamptz NOT NULL,
  confirmed_by text CHECK (confirmed_by <> drafted_by),
  changed_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX revocation_one_in_progress ON revocation (registration_id)
  WHERE status IN ('drafted', 'confirmed');
CREATE INDEX revocation_by_decision ON revocation (decision_id);
CREATE INDEX revocation_by_status ON revocation (status, id DESC);

CREATE TABLE undone_decision (
  decision_id uuid PRIMARY KEY,
  legal_basis text[] NOT NULL,
  reasons text NOT NULL,
  at timestamptz NOT NULL
);
COMMENT ON TABLE undone_decision IS
  'Decisions overturned or suspended on appeal; a request that comes late is moot at once.';

CREATE TABLE import (
  id uuid PRIMARY KEY,
  started_by text NOT NULL,
  filename text,
  status text NOT NULL CHECK (status IN ('running', 'done', 'interrupted')),
  records integer NOT NULL DEFAULT 0,
  accepted integer NOT NULL DEFAULT 0,
  unchanged integer NOT NULL DEFAULT 0,
  rejected integer NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL
);

CREATE TABLE import_rejection (
  import_id uuid NOT NULL REFERENCES import,
  line integer NOT NULL,
  raw text NOT NULL,
  code text NOT NULL,
  field text,
  message text NOT NULL,
  PRIMARY KEY (import_id, line)
);
