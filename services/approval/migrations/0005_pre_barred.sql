-- Whom the registry has on its barred list (N4.5): asked when somebody applies, and again at the grant.
CREATE TABLE barred (
    execution_id uuid PRIMARY KEY,
    seq          bigint NOT NULL,
    identity     text NOT NULL,
    listed       boolean NOT NULL,
    until        timestamptz NOT NULL
);
CREATE INDEX barred_operators ON barred (identity) WHERE listed;
