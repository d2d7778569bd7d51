-- What an applicant handed in for a requirement of the item: the bytes lie in files named by their SHA-256.
CREATE TABLE approval_file (
    approval_id uuid NOT NULL REFERENCES approval (id),
    requirement text NOT NULL,
    sha256      text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size        bigint NOT NULL CHECK (size > 0),
    media_type  text NOT NULL,
    added_by    text NOT NULL,
    added_at    timestamptz NOT NULL,
    PRIMARY KEY (approval_id, requirement, sha256)
);
