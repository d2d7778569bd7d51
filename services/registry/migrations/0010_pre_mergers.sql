-- Two entries of one operator, such as one under a code of before 2016 and one under the code of today, become one.
CREATE TABLE merger (
    id              uuid PRIMARY KEY,    -- also the act as the operator that goes on under the other is told of it
    version         bigint NOT NULL DEFAULT 1,
    status          text NOT NULL CHECK (status IN ('proposed', 'confirmed', 'withdrawn', 'undone')),
    survivor_id     uuid NOT NULL REFERENCES operator,
    merged_id       uuid NOT NULL REFERENCES operator,
    survivor_act_id uuid NOT NULL UNIQUE,  -- the act as the operator that stays is told of it: each appeals by itself
    statement       jsonb NOT NULL,
    digest          text NOT NULL,       -- of the preview that the first person signed
    proposed_by     text NOT NULL,
    confirmed_by    text CHECK (confirmed_by <> proposed_by),
    confirm_from    timestamptz NOT NULL,  -- until then both may say that they are not the same
    objections      jsonb NOT NULL DEFAULT '[]',
    moved           jsonb,               -- what it moved, so that exactly that can be given back
    left_behind     jsonb,               -- what had gone on since, and was not given back
    proposed_at     timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    CHECK (survivor_id <> merged_id),
    CHECK ((moved IS NOT NULL) = (status IN ('confirmed', 'undone'))),
    CHECK ((confirmed_by IS NOT NULL) = (status IN ('confirmed', 'undone')))
);
CREATE UNIQUE INDEX merger_of_merged ON merger (merged_id) WHERE status IN ('proposed', 'confirmed');
CREATE INDEX merger_of_survivor ON merger (survivor_id) WHERE status = 'confirmed';
-- squawk-ignore require-concurrent-index-creation -- decisions and proposals are few, and the files run in transactions
CREATE INDEX execution_of_operator ON execution (operator_id) WHERE operator_id IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE INDEX amendment_of_operator ON amendment (operator_id);
