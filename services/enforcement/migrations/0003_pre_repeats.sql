-- Why a decision was suspended, also after it was lifted: what follows about the same subject depends on it.
ALTER TABLE decision ADD COLUMN suspended_because text;
-- Cases about one subject, and found sites by their names.
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX IF NOT EXISTS case_of_subject ON enforcement_case (subject);
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX IF NOT EXISTS case_of_host ON enforcement_case USING gin (hosts);
