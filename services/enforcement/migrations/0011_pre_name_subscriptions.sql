-- Who proved control of a name and hears of every act about it: copies, from whose delivery no time runs.
CREATE TABLE name_subscription (
    id            uuid PRIMARY KEY,
    version       bigint NOT NULL DEFAULT 1,
    status        text NOT NULL CHECK (status IN ('proving', 'active', 'ended')),
    identity      text NOT NULL,     -- whose it is, as their token says; nobody need know them
    host          text NOT NULL,
    channel       text NOT NULL CHECK (channel IN ('email', 'webhook')),
    address       text NOT NULL,
    secret        bytea,             -- signs what goes to the webhook, as Standard Webhooks has it
    method        text NOT NULL CHECK (method IN ('dns', 'file')),
    challenge     text NOT NULL,
    subscribed_by text NOT NULL,
    subscribed_at timestamptz NOT NULL,
    proven_at     timestamptz,       -- when control was last seen
    looked_at     timestamptz,
    look_at       timestamptz,       -- when it is looked at next; none: a clock says when
    looks         integer NOT NULL DEFAULT 0,
    missing       text,              -- what the last look lacked
    ended_because text,
    changed_at    timestamptz NOT NULL,
    CHECK ((ended_because IS NOT NULL) = (status = 'ended')),
    CHECK (status <> 'active' OR proven_at IS NOT NULL),
    CHECK (status <> 'ended' OR look_at IS NULL),
    CHECK ((secret IS NOT NULL) = (channel = 'webhook'))
);
CREATE UNIQUE INDEX name_subscription_once ON name_subscription (identity, host, channel, address)
 WHERE status <> 'ended';
CREATE INDEX name_subscription_of_name ON name_subscription (host) WHERE status = 'active';
CREATE INDEX name_subscription_of_owner ON name_subscription (identity, id DESC);
CREATE INDEX name_subscription_due ON name_subscription (look_at) WHERE look_at IS NOT NULL;
