-- From whom to whom an application was forwarded, and why, oldest first.
ALTER TABLE approval ADD COLUMN transfers jsonb NOT NULL DEFAULT '[]';
