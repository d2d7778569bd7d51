-- What is counted for everybody is of a period (GET /orders/statistics).
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX IF NOT EXISTS access_order_issued ON access_order (issued_at) WHERE issued_at IS NOT NULL AND NOT trial;
