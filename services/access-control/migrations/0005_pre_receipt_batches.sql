-- Receipts come in batches that a provider signs as one document, and are answered with a counter-receipt (ADR 16).
CREATE TABLE receipt_batch (
    provider_id uuid NOT NULL REFERENCES provider (id),
    digest      text NOT NULL,          -- SHA-256 of the document, byte for byte
    kid         text NOT NULL,
    jws         bytea NOT NULL,
    door        text NOT NULL CHECK (door IN ('http', 'kafka')),
    results     jsonb NOT NULL,         -- what was answered, receipt by receipt
    counter     bytea NOT NULL,         -- the counter-receipt: made once, the same bytes whenever it is asked for
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (provider_id, digest)
);
-- widens receipt: what older code writes, the bytes and no batch, is one of the two
-- Of receipts that were signed one by one the bytes stay where they are; of others the batch has them.
ALTER TABLE receipt ALTER COLUMN jws SET DEFAULT '';
ALTER TABLE receipt ADD COLUMN batch text;
ALTER TABLE receipt ADD CONSTRAINT receipt_of_a_document CHECK ((batch IS NULL) = (jws <> '')) NOT VALID;
