-- Files that somebody handed in and a decision can rest on, by their SHA-256, and when their bytes were looked at last.
-- Kept by triggers on the tables of a service that name such files, so that code of the release before keeps it too.
CREATE TABLE kept_file (
    sha256     text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size       bigint NOT NULL,
    stored_at  timestamptz NOT NULL,
    checked_at timestamptz,
    damaged_at timestamptz   -- since when its bytes are known to differ, or to be gone
);
CREATE INDEX kept_file_to_check ON kept_file ((coalesce(checked_at, stored_at)), sha256);
CREATE INDEX kept_file_damaged ON kept_file (damaged_at) WHERE damaged_at IS NOT NULL;

-- The argument of the trigger names the column that says when the file came.
CREATE FUNCTION keep_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO kept_file (sha256, size, stored_at)
    VALUES (NEW.sha256, NEW.size, (to_jsonb(NEW) ->> TG_ARGV[0])::timestamptz)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END;
$$;
