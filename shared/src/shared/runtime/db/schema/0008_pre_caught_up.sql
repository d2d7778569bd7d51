-- When a consumer had last applied everything that its topics held: how old what it copied from them is at most.
CREATE TABLE caught_up (
    consumer text NOT NULL,
    shard    integer NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (consumer, shard)
);
