-- A grant or a renewal for less than was asked is a refusal of the rest: what that is, and that it is on the desk again.
ALTER TABLE decision ADD COLUMN asked_scope text;
COMMENT ON COLUMN decision.asked IS 'last day that was asked for, where a refusal gives none and a grant of less an earlier one';
COMMENT ON COLUMN decision.asked_scope IS 'scope that was asked for, where another one was granted';
ALTER TABLE approval ADD COLUMN renewal_scope text;
COMMENT ON COLUMN approval.renewal_scope IS 'scope that the renewal on the desk is about, where the grant of less fell on appeal';
