-- Decisions that ended an item on a site, whether or not an approval was here to end: asked when a consent comes on paper.
CREATE TABLE ended_item (
    decision_id  uuid PRIMARY KEY,
    identity     text NOT NULL,
    service_item text NOT NULL,
    names        text[] NOT NULL,   -- of the decided site, and those above them
    level        text NOT NULL CHECK (level IN ('province', 'national')),
    region       text,
    released_at  timestamptz NOT NULL,
    fell_at      timestamptz,
    CHECK ((level = 'province') = (region IS NOT NULL))
);
CREATE INDEX ended_item_standing ON ended_item (identity, service_item) WHERE fell_at IS NULL;
