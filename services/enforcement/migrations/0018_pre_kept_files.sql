-- What was handed in to an appeal, or came with a complaint, is compared with its hash again, as evidence is.
-- widens appeal_paper: the trigger refuses nothing, and writes beside it what its rows say
CREATE TRIGGER appeal_paper_kept AFTER INSERT ON appeal_paper FOR EACH ROW EXECUTE FUNCTION keep_file('handed_at');
-- widens complaint_file: the same
CREATE TRIGGER complaint_file_kept AFTER INSERT ON complaint_file FOR EACH ROW EXECUTE FUNCTION keep_file('added_at');
INSERT INTO kept_file (sha256, size, stored_at)
SELECT sha256, min(size), min(at)
  FROM (SELECT sha256, size, handed_at AS at FROM appeal_paper
         UNION ALL SELECT sha256, size, added_at FROM complaint_file) AS named
 GROUP BY sha256;
