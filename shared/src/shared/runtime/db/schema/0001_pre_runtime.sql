-- Tables that shared.runtime needs in the database of every service.

-- What the service has to tell: written in the transaction that changes its state, published by the relay in id order.
-- The identity has no session cache (the default of 1): ids of one key are drawn under the aggregate's lock and must
-- grow in the order in which those transactions commit.
CREATE TABLE outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    event_id     uuid NOT NULL,
    topic        text NOT NULL,
    key          text NOT NULL,
    type         text NOT NULL,
    value        bytea NOT NULL,
    headers      jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;

-- Topics the relay has published to. One of them missing on the broker means that the broker lost it.
CREATE TABLE outbox_topic (
    name text PRIMARY KEY
);

-- Which events a consumer has already applied.
CREATE TABLE inbox (
    consumer   text NOT NULL,
    event_id   uuid NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

-- Events a handler refused, and every later event of the same key, in the order in which they came.
CREATE TABLE parked (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer  text NOT NULL,
    key       text NOT NULL,
    event_id  uuid NOT NULL,
    type      text NOT NULL,
    topic     text NOT NULL,
    partition integer NOT NULL,
    "offset"  bigint NOT NULL,
    at        timestamptz NOT NULL,
    value     bytea NOT NULL,
    headers   jsonb NOT NULL DEFAULT '{}',
    error     text NOT NULL,
    attempts  integer NOT NULL DEFAULT 1,
    parked_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (consumer, event_id)
);
CREATE INDEX parked_by_key ON parked (consumer, key, id);

-- Statutory clocks and short windows.
CREATE TABLE deadline (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind              text NOT NULL,
    aggregate_id      uuid NOT NULL,
    clock_name        text,
    amount            integer NOT NULL,
    unit              text NOT NULL CHECK (unit IN ('working_days', 'days', 'hours', 'seconds')),
    source            text,
    calendar_version  text,
    provisional       boolean NOT NULL DEFAULT false,
    started_at        timestamptz NOT NULL,
    due_at            timestamptz NOT NULL,
    suspended_at      timestamptz,
    suspended_seconds bigint NOT NULL DEFAULT 0,
    pauses            jsonb NOT NULL DEFAULT '[]',  -- pairs of times, kept to count again with another calendar
    met_at            timestamptz,
    breached_at       timestamptz,
    attempts          integer NOT NULL DEFAULT 0,
    retry_at          timestamptz,
    error             text
);
CREATE UNIQUE INDEX deadline_open ON deadline (kind, aggregate_id) WHERE met_at IS NULL AND breached_at IS NULL;
CREATE INDEX deadline_due ON deadline (due_at)
    WHERE met_at IS NULL AND breached_at IS NULL AND suspended_at IS NULL;
CREATE INDEX deadline_of_aggregate ON deadline (aggregate_id);

-- Which version of the working-day calendar the open deadlines were computed with.
CREATE TABLE calendar_version (
    version    text PRIMARY KEY,
    digest     text NOT NULL,
    years      jsonb NOT NULL,
    loaded_at  timestamptz NOT NULL DEFAULT now()
);

-- Every move of every aggregate: the audit trail of granted acts.
CREATE TABLE history (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    aggregate    text NOT NULL,
    aggregate_id uuid NOT NULL,
    action       text NOT NULL,
    from_status  text,
    to_status    text NOT NULL,
    subject      text NOT NULL,
    name         text NOT NULL,
    organisation text NOT NULL,
    why          text NOT NULL,
    at           timestamptz NOT NULL,
    trace_id     text,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX history_of_aggregate ON history (aggregate_id, id);
CREATE TABLE history_default PARTITION OF history DEFAULT;

-- Acts that move nothing (looking somebody up), and acts that were refused.
CREATE TABLE audit (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject      text,
    name         text,
    organisation text,
    act          text NOT NULL,
    resource     text NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('granted', 'refused')),
    code         text,
    detail       jsonb NOT NULL DEFAULT '{}',
    at           timestamptz NOT NULL,
    trace_id     text
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_of_subject ON audit (subject, at);

-- Answers already given to a POST, by caller and Idempotency-Key.
CREATE TABLE idempotency (
    subject      text NOT NULL,
    key          text NOT NULL,
    route        text NOT NULL,
    request_hash bytea NOT NULL,
    status       integer,
    headers      jsonb,
    body         bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, key)
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);

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

-- Partitions for this month and the next two. A month whose rows already sit in the default partition stays there.
CREATE FUNCTION ensure_month_partitions() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    starts date;
    made   integer := 0;
BEGIN
    FOREACH parent IN ARRAY ARRAY['outbox', 'history'] LOOP
        FOR i IN 0..2 LOOP
            starts := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i))::date;
            CONTINUE WHEN to_regclass(format('%I', parent || to_char(starts, '_YYYY_MM'))) IS NOT NULL;
            BEGIN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || to_char(starts, '_YYYY_MM'), parent,
                    starts || ' 00:00:00+00', (starts + interval '1 month')::date || ' 00:00:00+00');
                IF parent = 'outbox' THEN
                    -- Every row is updated once, soon: vacuum early, or the index of unpublished rows fills with the dead.
                    EXECUTE format(
                        'ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)',
                        parent || to_char(starts, '_YYYY_MM'));
                END IF;
                made := made + 1;
            EXCEPTION WHEN check_violation THEN
                RAISE NOTICE 'rows of % are in the default partition of % and stay there', starts, parent;
            END;
        END LOOP;
    END LOOP;
    RETURN made;
END;
$$;
SELECT ensure_month_partitions();
