-- Who had a hand in an act that an appeal can be against, so that none of them reviews it: keys of persons, as
-- decision.drafted_by. Of another department's act none is "whoever told of it did not say yet", and is not empty.
-- widens foreign_act: a column that nobody must fill
ALTER TABLE foreign_act ADD COLUMN took_part text[];
-- widens decision: a column with a default, of whom at the regulator executed it
ALTER TABLE decision ADD COLUMN executed_by text[] NOT NULL DEFAULT '{}';
