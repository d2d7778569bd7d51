-- What a provider declares that it can carry out properly in a day, and the orders that wait for it (ADR 23).
-- widens provider: a bound of a column that older code never writes
ALTER TABLE provider ADD COLUMN daily_capacity integer CONSTRAINT at_least_one_a_day CHECK (daily_capacity >= 1);
COMMENT ON COLUMN provider.daily_capacity IS
    'Orders to stop hosting that go out to it within any 24 hours, as it declares; null: it declares no bound.';
ALTER TABLE access_order ADD COLUMN decided_at timestamptz;
COMMENT ON COLUMN access_order.decided_at IS 'When the decision was released: its place in a queue. Null: drafted_at.';
ALTER TABLE access_order ADD COLUMN urgent boolean NOT NULL DEFAULT false;
-- widens access_order: a status that older code never writes
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE access_order DROP CONSTRAINT access_order_status_check;
ALTER TABLE access_order ADD CONSTRAINT access_order_status_check CHECK (status IN (
    'instructed', 'drafted', 'queued', 'released', 'received', 'executed', 'partly', 'impossible', 'contested',
    'accepted', 'upheld', 'lapsed', 'withdrawn', 'superseded')) NOT VALID;
-- widens access_order: the same, of what has not gone out
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE access_order DROP CONSTRAINT out_means_signed;
ALTER TABLE access_order ADD CONSTRAINT out_means_signed CHECK (
    (status IN ('instructed', 'drafted', 'queued', 'withdrawn')) = (sequence IS NULL)
    AND num_nulls(sequence, issued_at, execute_by, jws, digest, kid) IN (0, 6)) NOT VALID;
ALTER TABLE access_order ADD CONSTRAINT restores_wait_for_nobody
    CHECK (status <> 'queued' OR action <> 'restore') NOT VALID;
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX IF NOT EXISTS access_order_queue
    ON access_order (provider_id, urgent DESC, coalesce(decided_at, drafted_at), id) WHERE status = 'queued';
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX IF NOT EXISTS access_order_sent
    ON access_order (provider_id, issued_at) WHERE action <> 'restore' AND sequence IS NOT NULL;
