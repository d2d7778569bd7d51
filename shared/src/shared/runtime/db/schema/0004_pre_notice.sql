-- What this department told whom: the legal record, which is the operator's inbox, and what became of it on each channel.
CREATE TABLE notice (
    id           uuid PRIMARY KEY,
    about_kind   text NOT NULL,
    about_id     uuid NOT NULL,
    kind         text NOT NULL,
    identity     text NOT NULL,
    authority_id text NOT NULL,
    document     bytea NOT NULL,  -- the bytes that were issued: JSON
    digest       text NOT NULL,
    issued_at    timestamptz NOT NULL,
    delivered_at timestamptz,
    delivered_by text,
    opened_at    timestamptz,
    CHECK ((delivered_at IS NULL) = (delivered_by IS NULL))
);
CREATE INDEX notice_of_recipient ON notice (identity, id);
CREATE INDEX notice_about ON notice (about_id, kind);

CREATE TABLE delivery (
    notice_id  uuid NOT NULL REFERENCES notice,
    channel    text NOT NULL CHECK (channel IN ('email', 'webhook', 'post')),
    address    text NOT NULL,
    verified   boolean NOT NULL,
    state      text NOT NULL CHECK (state IN ('queued', 'sent', 'delivered', 'failed')),
    attempts   integer NOT NULL DEFAULT 0,
    retry_at   timestamptz,
    proof      text,   -- the server's answer, or the number of the registered letter
    error      text,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (notice_id, channel),
    CHECK ((retry_at IS NOT NULL) = (state = 'queued'))
);
CREATE INDEX delivery_due ON delivery (retry_at) WHERE state = 'queued';
