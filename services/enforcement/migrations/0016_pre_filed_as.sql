-- Under which identity an appeal was filed: an operator's own, or that of whoever took it over (docs/adr/0015).
ALTER TABLE appeal ADD COLUMN filed_as text;
-- What is about an appeal against a merger only its recipient reads.
UPDATE notice SET passed_on = false
 WHERE about_kind = 'appeal' AND about_id IN (SELECT id FROM appeal WHERE service = 'registry' AND kind = 'merger');
