-- Why a decision was suspended, also after it was lifted: what follows about the same subject depends on it.
ALTER TABLE decision ADD COLUMN suspended_because text;
-- Cases about one subject, and found sites by their names.
CREATE INDEX case_of_subject ON enforcement_case (subject);
CREATE INDEX case_of_host ON enforcement_case USING gin (hosts);
