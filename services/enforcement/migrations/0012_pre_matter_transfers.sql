-- What people complained of and no register knows goes on to the desk of another province, which grades it itself.
ALTER TABLE matter ADD COLUMN transfers jsonb NOT NULL DEFAULT '[]';  -- from whom to whom, when and why, oldest first
-- widens matter: whose it is can be known before it is graded; older code writes neither or both
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE matter DROP CONSTRAINT matter_check1;
-- squawk-ignore constraint-missing-not-valid -- nothing is released, so the table is small
ALTER TABLE matter ADD CONSTRAINT matter_graded_by CHECK (grade IS NULL OR authority_id IS NOT NULL);
ALTER TABLE complaint ADD COLUMN transfer_due boolean NOT NULL DEFAULT false;  -- whoever said it is to be told of it
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX complaint_to_tell ON complaint (id) WHERE transfer_due;
