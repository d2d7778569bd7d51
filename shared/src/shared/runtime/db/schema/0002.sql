-- Who holds a caller's Idempotency-Key, and what it was answered, in one round trip. The lock is held until the
-- transaction ends and does not wait, so a second request learns at once that the first is under way. Being VOLATILE, the
-- function looks with a new snapshot after it has the lock; one statement with both could miss an answer just committed.
CREATE FUNCTION idempotency_claim(
    caller text, chosen text, OUT locked boolean, OUT request_hash bytea, OUT status integer, OUT headers jsonb,
    OUT body bytea
)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    locked := pg_try_advisory_xact_lock(
        hashtextextended('idempotency' || chr(31) || caller || chr(31) || chosen, 0));
    IF locked THEN
        SELECT i.request_hash, i.status, i.headers, i.body INTO request_hash, status, headers, body
          FROM idempotency i
         WHERE i.subject = caller AND i.key = chosen;
    END IF;
END
$$;
