-- Which keys were asked: the one form of a single key, and the keys of lists; and whose region asked.

-- terms: the key of a single look-up in its one form, then what else it would find (names above it, its registration).
ALTER TABLE lookup_audit ADD COLUMN terms text[], ADD COLUMN region text;
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is empty
CREATE INDEX lookup_audit_of_terms ON lookup_audit USING gin (terms);

-- The keys of a list, in pieces, each written before it is answered; deflated, lines of UTF-8. keys: as they were
-- written; terms: the one form of those that were written otherwise.
CREATE TABLE lookup_audit_keys (
    lookup_id uuid NOT NULL REFERENCES lookup_audit,
    piece     integer NOT NULL CHECK (piece >= 0),
    keys      bytea NOT NULL,
    terms     bytea NOT NULL,
    PRIMARY KEY (lookup_id, piece)
);
ALTER TABLE lookup_audit_keys ALTER COLUMN keys SET STORAGE EXTERNAL, ALTER COLUMN terms SET STORAGE EXTERNAL;
