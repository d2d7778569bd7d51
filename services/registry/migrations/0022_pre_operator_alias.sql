-- Mergers that stand already; from now on each says so itself.
INSERT INTO operator_alias (merger_id, version, merged, survivor, stands)
SELECT m.id, m.version, old.identity, new.identity, true
  FROM merger m JOIN operator old ON old.id = m.merged_id JOIN operator new ON new.id = m.survivor_id
 WHERE m.status = 'confirmed'
ON CONFLICT DO NOTHING;
