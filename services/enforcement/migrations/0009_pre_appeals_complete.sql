-- Who of the review body decides, what both sides hand in, hearings, appeals that were withdrawn or came too late; and
-- on what the finding rests that an order to correct was ignored.
-- widens appeal: two states more, which older code shows as they stand and writes never.
ALTER TABLE appeal ADD COLUMN assigned_to text;         -- the person who decides; nobody else does
ALTER TABLE appeal ADD COLUMN assigned_at timestamptz;
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE appeal DROP CONSTRAINT appeal_status_check;
-- squawk-ignore constraint-missing-not-valid -- appeals are few, and every row has what the narrower one allowed
ALTER TABLE appeal ADD CONSTRAINT appeal_status_check
    CHECK (status IN ('open', 'upheld', 'rejected', 'withdrawn', 'refused'));
-- squawk-ignore require-concurrent-index-creation -- appeals are few, and the files run in transactions
CREATE INDEX appeal_counted ON appeal (authority_id, filed_at) INCLUDE (status, overdue_at, decided_at);
-- Whether somebody ever acted here for the authority whose act is under appeal.
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX history_of_person ON history ((coalesce(person, subject)), organisation);

-- What a side handed in, named by the SHA-256 of its bytes; the other side reads it, but for what is confidential.
CREATE TABLE appeal_paper (
    appeal_id    uuid NOT NULL REFERENCES appeal,
    sha256       text NOT NULL,
    side         text NOT NULL CHECK (side IN ('appellant', 'authority', 'body')),
    title        text NOT NULL,
    media_type   text NOT NULL,
    size         bigint NOT NULL,
    confidential text,                 -- why the other side may not read it; that is what it reads instead
    handed_by    text NOT NULL,
    handed_at    timestamptz NOT NULL,
    PRIMARY KEY (appeal_id, sha256)
);

CREATE TABLE hearing (
    id          uuid PRIMARY KEY,
    version     bigint NOT NULL DEFAULT 1,
    status      text NOT NULL CHECK (status IN ('invited', 'held', 'cancelled')),
    appeal_id   uuid NOT NULL REFERENCES appeal,
    takes_place timestamptz NOT NULL,
    place       text NOT NULL,
    invited_by  text NOT NULL,
    invited_at  timestamptz NOT NULL,
    present     text[] NOT NULL DEFAULT '{}',   -- which sides came
    minutes     text,                            -- SHA-256 of a paper of the body, which both sides read
    changed_at  timestamptz NOT NULL,
    CHECK ((minutes IS NOT NULL) = (status = 'held')),
    FOREIGN KEY (appeal_id, minutes) REFERENCES appeal_paper (appeal_id, sha256)
);
CREATE UNIQUE INDEX hearing_one_invited ON hearing (appeal_id) WHERE status = 'invited';
CREATE INDEX hearing_of_appeal ON hearing (appeal_id, id);

ALTER TABLE decision ADD COLUMN ignored_evidence text[] NOT NULL DEFAULT '{}';
