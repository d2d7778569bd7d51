-- As whom somebody handed a paper in, since the appeal may be somebody else's afterwards (docs/adr/0015). What an earlier
-- program took is in the history of its appeal.
-- widens appeal_paper: a column that nobody must fill; without it no side reads a confidential paper
ALTER TABLE appeal_paper ADD COLUMN handed_for text;
UPDATE appeal_paper SET handed_for = history.organisation
  FROM history
 WHERE history.aggregate_id = appeal_paper.appeal_id AND history.action = 'hand_in'
   AND history.at = appeal_paper.handed_at AND coalesce(history.person, history.subject) = appeal_paper.handed_by;
