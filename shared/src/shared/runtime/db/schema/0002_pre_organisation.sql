-- This service's copy of the directory of organisations: level, region, kinds and competences of everybody who calls.
CREATE TABLE organisation (
    id      text PRIMARY KEY,
    version bigint NOT NULL,
    record  jsonb NOT NULL
);
