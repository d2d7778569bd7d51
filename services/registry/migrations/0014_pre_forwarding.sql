-- From whom to whom an application was forwarded, and why: the desk that has it decides.
CREATE TABLE forwarding (
    id              uuid PRIMARY KEY,
    registration_id uuid NOT NULL REFERENCES registration,
    by              jsonb NOT NULL,  -- AuthorityRef
    receiver        jsonb NOT NULL,  -- AuthorityRef
    statement       jsonb NOT NULL,
    at              timestamptz NOT NULL
);
CREATE INDEX forwarding_of_registration ON forwarding (registration_id);
