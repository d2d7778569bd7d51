-- Until when a notice asks for something, as its document says; whether it is a copy, which counts for nothing.
ALTER TABLE notice ADD COLUMN answer_by timestamptz;
-- Since when its act is challenged: nobody needs to be reminded of the time to do it.
ALTER TABLE notice ADD COLUMN challenged_at timestamptz;
ALTER TABLE notice ADD COLUMN is_copy boolean NOT NULL DEFAULT false;
UPDATE notice SET answer_by = (convert_from(document, 'UTF8')::jsonb ->> 'answer_by')::timestamptz;
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX notice_of_authority ON notice (authority_id, id);

-- A secret shared with the receiver of a webhook, for the symmetric signature of Standard Webhooks.
ALTER TABLE delivery ADD COLUMN secret bytea;

-- Read receipts: which person opened a notice for its recipient, and when first.
CREATE TABLE notice_opening (
    notice_id uuid NOT NULL REFERENCES notice,
    person    text NOT NULL,
    name      text NOT NULL,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (notice_id, person)
);

-- The private address of somebody's calendar of time limits. The token is in the address alone; here is its hash.
CREATE TABLE calendar_address (
    token_hash   bytea PRIMARY KEY,
    subject      text NOT NULL,
    organisation text NOT NULL,
    made_at      timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    UNIQUE (subject, organisation)
);
