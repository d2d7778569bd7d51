-- Names of other sites that a measure hits which was carried out before (docs/adr/0026).
CREATE TABLE overlap (
    id           uuid NOT NULL,          -- the act that the operator of that site was told of
    execution_id uuid NOT NULL REFERENCES execution (id),
    names        text[] NOT NULL,
    not_before   timestamptz,
    heard_at     timestamptz NOT NULL
);
COMMENT ON COLUMN overlap.not_before IS
    'Until then nothing of it that is not out goes out. Null: the names are not meant any more.';
CREATE UNIQUE INDEX overlap_once ON overlap (id, (not_before IS NULL));
CREATE INDEX overlap_execution ON overlap (execution_id);
