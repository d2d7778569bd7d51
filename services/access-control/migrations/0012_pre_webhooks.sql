-- Where a provider wants its orders posted, and up to which place they were (docs/adr/0024).
CREATE TABLE provider_webhook (
    provider_id  uuid PRIMARY KEY REFERENCES provider (id),
    url          text NOT NULL,
    after        bigint NOT NULL CHECK (after >= 0),
    attempts     integer NOT NULL DEFAULT 0,
    retry_at     timestamptz NOT NULL,
    error        text,
    delivered_at timestamptz,
    set_by       text NOT NULL,
    set_at       timestamptz NOT NULL
);
COMMENT ON COLUMN provider_webhook.after IS 'The last sequence number that its address took.';
COMMENT ON COLUMN provider_webhook.retry_at IS 'Not before; also how long it is left to the process that took it up.';
