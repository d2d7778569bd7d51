-- A proposal may say from which day it shall hold; one that is granted before waits for that day. What it was about is
-- kept as it was when somebody decided, so that it reads the same years later. And a filing may move to another province.
-- widens amendment: a status and a kind more; older code writes none that waits and no move, and leaves a second
-- proposal about the same alone as before.
ALTER TABLE amendment ADD COLUMN effective_from date;
ALTER TABLE amendment ADD COLUMN decided jsonb;        -- what held, and what it changed, when it was decided
ALTER TABLE amendment ADD COLUMN held_at timestamptz;  -- since when something holds it back whose day has come
ALTER TABLE amendment ADD COLUMN returned jsonb;       -- why it came back to the desk when its day had come
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE amendment DROP CONSTRAINT amendment_status_check;
-- squawk-ignore ban-drop-constraint -- the same
ALTER TABLE amendment DROP CONSTRAINT amendment_kind_check;
-- squawk-ignore constraint-missing-not-valid -- proposals are few, and every row has what the narrower one allowed
ALTER TABLE amendment ADD CONSTRAINT amendment_status_check
    CHECK (status IN ('proposed', 'waiting', 'granted', 'refused', 'withdrawn'));
-- squawk-ignore constraint-missing-not-valid -- the same
ALTER TABLE amendment ADD CONSTRAINT amendment_kind_check
    CHECK (kind IN ('operator', 'site', 'add_site', 'transfer', 'move'));
-- squawk-ignore constraint-missing-not-valid -- the same
ALTER TABLE amendment ADD CONSTRAINT amendment_waits_for_a_day
    CHECK (status <> 'waiting' OR effective_from IS NOT NULL);
-- squawk-ignore require-concurrent-index-creation -- proposals are few, and the files run in transactions
CREATE UNIQUE INDEX amendment_open_of_operator ON amendment (operator_id)
    WHERE status IN ('proposed', 'waiting') AND kind = 'operator';
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE UNIQUE INDEX amendment_open_of_site ON amendment (site_id)
    WHERE status IN ('proposed', 'waiting') AND site_id IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE UNIQUE INDEX amendment_open_move ON amendment (operator_id)
    WHERE status IN ('proposed', 'waiting') AND kind = 'move';
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX amendment_of_registration ON amendment (registration_id) WHERE status IN ('proposed', 'waiting');

-- Which number goes on under which: the filing of an operator that moved, or of one that was the same as another.
CREATE TABLE succession (
    predecessor_id uuid PRIMARY KEY REFERENCES registration,
    successor_id   uuid NOT NULL REFERENCES registration,
    cause          jsonb NOT NULL,
    at             timestamptz NOT NULL,
    CHECK (predecessor_id <> successor_id)
);
CREATE INDEX succession_of ON succession (successor_id);
