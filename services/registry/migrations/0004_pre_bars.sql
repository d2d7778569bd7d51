-- The barred list (N4.5): the names that a bar goes with, and the list as a sequence of changes with a chained hash.
CREATE TABLE barred_name (
    execution_id uuid NOT NULL REFERENCES execution,
    domain       text NOT NULL,
    site_id      uuid NOT NULL REFERENCES site,
    below        boolean NOT NULL,  -- whether names below it are barred too
    PRIMARY KEY (execution_id, domain, site_id)
);
CREATE INDEX barred_name_by_domain ON barred_name (domain);
CREATE INDEX barred_name_of_site ON barred_name (site_id);

CREATE TABLE barred_change (
    seq          bigint PRIMARY KEY,
    execution_id uuid NOT NULL REFERENCES execution,
    change       text NOT NULL CHECK (change IN ('listed', 'removed')),
    entry        text NOT NULL,
    hash         text NOT NULL,
    at           timestamptz NOT NULL
);
CREATE INDEX barred_change_of ON barred_change (execution_id, seq DESC);
