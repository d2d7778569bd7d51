-- What only licences have, and their renewals. A licence whose last day is over has lapsed.
-- widens registration: old code writes fewer states, not more

-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE registration DROP CONSTRAINT registration_status_check;
ALTER TABLE registration ADD CONSTRAINT registration_status_check
    CHECK (status IN ('submitted', 'refused', 'active', 'lapsed', 'ended')) NOT VALID;
-- Not validated: every row has what the narrower one allowed.

-- Beside the registration, so that filings, look-ups and imports know nothing of it.
CREATE TABLE licence (
    registration_id uuid PRIMARY KEY REFERENCES registration,
    scope           text[] NOT NULL,    -- service items that its sites may have
    warned_at       timestamptz,
    lapsed_at       timestamptz
);

CREATE TABLE renewal (
    id              uuid PRIMARY KEY,
    version         bigint NOT NULL DEFAULT 1,
    status          text NOT NULL CHECK (status IN ('asked', 'granted', 'refused', 'withdrawn')),
    registration_id uuid NOT NULL REFERENCES registration,
    late            boolean NOT NULL,   -- asked for after the last day
    valid_until     date NOT NULL,      -- as it was asked
    scope           text[] NOT NULL,    -- as it was asked
    granted_until   date,
    reasons         text NOT NULL,
    refusal         jsonb,
    overdue_at      timestamptz,
    asked_by        text NOT NULL,
    asked_at        timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    CHECK ((refusal IS NOT NULL) = (status = 'refused')),
    CHECK ((granted_until IS NOT NULL) = (status = 'granted'))
);
CREATE UNIQUE INDEX renewal_one_asked ON renewal (registration_id) WHERE status = 'asked';
CREATE INDEX renewal_of_registration ON renewal (registration_id);
CREATE INDEX renewal_on_desk ON renewal (status, id DESC);

-- Licences that were granted before cover what their sites have.
INSERT INTO licence (registration_id, scope)
SELECT r.id, coalesce(array_agg(DISTINCT item) FILTER (WHERE item IS NOT NULL), '{}')
  FROM registration r LEFT JOIN site s ON s.registration_id = r.id LEFT JOIN unnest(s.service_items) item ON true
 WHERE r.kind = 'licence' AND r.status = 'active' AND r.valid_until IS NOT NULL
 GROUP BY r.id;
