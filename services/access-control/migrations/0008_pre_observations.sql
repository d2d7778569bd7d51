-- What is seen of ordered names, beside what their providers signed (docs/adr/0022). No content, and nothing of readers.
CREATE TABLE probing (
    order_id  uuid PRIMARY KEY REFERENCES access_order (id),
    begins_at timestamptz NOT NULL,
    looks     integer NOT NULL DEFAULT 0,
    next_at   timestamptz
);
COMMENT ON COLUMN probing.begins_at IS 'The executed receipt; of a restore without one, when it was due.';
COMMENT ON COLUMN probing.next_at IS 'Null: nobody looks any more.';
CREATE INDEX probing_next ON probing (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE observation (
    order_id uuid NOT NULL REFERENCES access_order (id),
    at       timestamptz NOT NULL,
    host     text NOT NULL,
    address  text NOT NULL,
    port     integer NOT NULL,
    outcome  text NOT NULL CHECK (outcome IN (
                 'served', 'unavailable_with_link', 'unavailable_without_link', 'other', 'no_answer', 'refused')),
    status   integer,
    ours     boolean NOT NULL,
    PRIMARY KEY (order_id, at, host, address, port),
    CHECK ((outcome IN ('no_answer', 'refused')) = (status IS NULL)),
    CHECK ((status IS NULL) = (port = 0)),
    CHECK (outcome LIKE 'unavailable%' OR NOT ours)
);
COMMENT ON COLUMN observation.ours IS 'Whether a link of the answer is the register entry of this order.';
CREATE INDEX observation_at ON observation (at);

CREATE TABLE observed_difference (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id  uuid NOT NULL REFERENCES access_order (id),
    kind      text NOT NULL CHECK (kind IN (
                  'restored_but_cut', 'cut_but_served', 'cut_without_reason', 'cut_without_order')),
    since     timestamptz NOT NULL,
    last_at   timestamptz NOT NULL,
    names     text[] NOT NULL,
    told_at   timestamptz,
    closed_at timestamptz
);
CREATE INDEX observed_difference_order ON observed_difference (order_id);
CREATE UNIQUE INDEX observed_difference_open ON observed_difference (order_id, kind) WHERE closed_at IS NULL;
-- squawk-ignore require-concurrent-index-creation -- nothing is released, so the table is small
CREATE INDEX receipt_executed_at ON receipt (recorded_at) WHERE outcome = 'executed';
