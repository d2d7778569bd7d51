-- What the register told of lists that nobody answered for (N4.2.2): kept beside the penalties of the conduct record.
CREATE TABLE conduct_finding (
    finding_id   uuid PRIMARY KEY,
    provider_id  uuid NOT NULL REFERENCES provider (id),
    kind         text NOT NULL,
    host         text NOT NULL,
    authority    jsonb NOT NULL,
    statement    jsonb NOT NULL,
    found_at     timestamptz NOT NULL,
    escalated_at timestamptz NOT NULL,
    because      text CHECK (because IN ('cured', 'dismissed')),
    closing      jsonb,
    closed_at    timestamptz,
    CHECK ((because IS NULL) = (closed_at IS NULL))
);
CREATE INDEX conduct_finding_of_provider ON conduct_finding (provider_id, escalated_at DESC);
