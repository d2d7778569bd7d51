-- Whom an order to correct was about: it counts against nobody who has the site afterwards (P3.3.5).
ALTER TABLE handling ADD COLUMN identity text;

-- Appeals against a decision or its execution that are not decided, each by its id: a bar waits for the last of them.
ALTER TABLE execution ADD COLUMN appeals_open uuid[] NOT NULL DEFAULT '{}';

-- Since when somebody hosts the site again, while the finding stands or when that cured it: a host cures once in so long.
ALTER TABLE shell_finding ADD COLUMN hosted_at timestamptz;
