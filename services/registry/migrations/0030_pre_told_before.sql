-- Whom a measure hit as its own while two entries were one is told of it as somebody else's when they are apart again;
-- what it challenged of before is still known by the act that it was told of then (docs/adr/0026).
ALTER TABLE overlap ADD COLUMN told_before uuid;
-- squawk-ignore require-concurrent-index-creation -- what was told one by one is a small table
CREATE INDEX overlap_told_before ON overlap (told_before) WHERE told_before IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX overlap_own ON overlap (operator_id) WHERE kind = 'own';
COMMENT ON COLUMN overlap.told_before IS 'The act that its operator was told of while it was its own.';
