-- Proof of a letter's delivery: entered by one person, and of no effect until a second one confirms the very same.
CREATE TABLE postal_proof (
    notice_id    uuid PRIMARY KEY REFERENCES notice,
    address      text NOT NULL,
    tracking     text NOT NULL,
    delivered_on date NOT NULL,
    entered_by   text NOT NULL,
    entered_for  jsonb NOT NULL,   -- the office, as an act names it: what the recipient sees
    entered_at   timestamptz NOT NULL,
    confirmed_by text,
    confirmed_for jsonb,
    confirmed_at timestamptz,
    CHECK (confirmed_by <> entered_by),
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL) AND (confirmed_by IS NULL) = (confirmed_for IS NULL))
);
-- The human behind the account that made a move: one human may have several accounts, and two people must be two.
ALTER TABLE history ADD COLUMN person text;
-- The aggregate in whose history an act is, where that is another one than the act itself.
ALTER TABLE notice ADD COLUMN moved_id uuid;
