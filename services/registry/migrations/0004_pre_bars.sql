-- The barred list (N4.5): the names that a bar goes with, and the list as a sequence of changes with a chained hash.
CREATE TABLE barred_name (
    execution_id uuid NOT NULL REFERENCES execution,
    domain       text NOT NULL,
    site_id      uuid NOT NULL REFERENCES site,
    PRIMARY KEY (execution_id, domain)
);
CREATE INDEX barred_name_by_domain ON barred_name (domain);

CREATE TABLE barred_change (
    seq          bigint PRIMARY KEY,
    execution_id uuid NOT NULL REFERENCES execution,
    change       text NOT NULL CHECK (change IN ('listed', 'removed')),
    entry        text NOT NULL,
    hash         text NOT NULL,
    at           timestamptz NOT NULL
);
CREATE INDEX barred_change_of ON barred_change (execution_id, seq DESC);
