-- The code that was last mailed to an operator's address, as a keyed hash, and how often somebody has guessed at it.
CREATE TABLE address_code (
    operator_id uuid PRIMARY KEY REFERENCES operator,
    email       text NOT NULL,
    code_hash   bytea NOT NULL,
    tries       integer NOT NULL DEFAULT 0,
    since       timestamptz NOT NULL,  -- when the first of the codes counted in "sent" was sent
    sent        integer NOT NULL DEFAULT 1
);
