-- The mark of a registration: the bytes that were signed, an edition each time what it says has changed.
CREATE TABLE mark (
    registration_id uuid NOT NULL REFERENCES registration,
    edition         integer NOT NULL CHECK (edition > 0),
    jws             text NOT NULL,
    issued_at       timestamptz NOT NULL,
    PRIMARY KEY (registration_id, edition)
);
