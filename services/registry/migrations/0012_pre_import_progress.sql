-- What a file was recognised as, how far an import has come, what is to be done about a row, and what went in.

ALTER TABLE import
    ADD COLUMN media_type  text,
    ADD COLUMN charset     text,
    ADD COLUMN recognised  boolean NOT NULL DEFAULT false,  -- the charset: nobody had said it
    ADD COLUMN dry_run     boolean NOT NULL DEFAULT false,
    ADD COLUMN keeps_all   boolean NOT NULL DEFAULT false,  -- results also for what went in
    ADD COLUMN bytes_read  bigint NOT NULL DEFAULT 0,
    ADD COLUMN total_bytes bigint,
    ADD COLUMN next_row    bigint NOT NULL DEFAULT 1,       -- the first that is not taken yet
    ADD COLUMN taken_hash  bytea,                           -- SHA-256 of the rows before it
    ADD COLUMN run         integer NOT NULL DEFAULT 1;      -- of whoever sends: an earlier one writes no more

ALTER TABLE import_result ADD COLUMN value text;

-- Of an import that was asked for them: the rows that are in the register now, or were before.
CREATE TABLE import_taken (
    import_id uuid NOT NULL REFERENCES import,
    line      integer NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('accepted', 'unchanged')),
    site_id   uuid,                     -- none in a dry run
    number    text,
    PRIMARY KEY (import_id, line)
);
