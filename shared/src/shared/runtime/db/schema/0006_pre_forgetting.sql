-- When an applied event need not be known any more: its topic has not held it for a while. NULL: the topic keeps it for
-- ever, so it is known for ever.
ALTER TABLE inbox ADD COLUMN forget_at timestamptz;
-- squawk-ignore require-concurrent-index-creation -- no row has a time yet, so the index is empty
CREATE INDEX inbox_forget_at ON inbox (forget_at) WHERE forget_at IS NOT NULL;
