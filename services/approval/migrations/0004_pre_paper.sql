-- Approvals that exist on paper: entered by one officer, confirmed by another, who thereby grants them here.
CREATE TABLE paper_approval (
    id                uuid PRIMARY KEY,
    version           bigint NOT NULL DEFAULT 1,
    status            text NOT NULL CHECK (status IN ('entered', 'confirmed', 'withdrawn')),
    paper_number      text NOT NULL,
    number_key        text NOT NULL,
    operator_identity text NOT NULL,
    operator_name     text NOT NULL,
    service_item      text NOT NULL,
    domain            text NOT NULL,
    domain_as_given   text NOT NULL,
    scope             text NOT NULL,
    level             text NOT NULL CHECK (level IN ('province', 'national')),
    region            text,
    valid_from        date NOT NULL,
    valid_until       date NOT NULL CHECK (valid_until >= valid_from),
    scan_sha256       text NOT NULL CHECK (scan_sha256 ~ '^[0-9a-f]{64}$'),
    statement         jsonb NOT NULL,
    entered_by        text NOT NULL,
    entered_at        timestamptz NOT NULL,
    changed_at        timestamptz NOT NULL,
    approval_id       uuid REFERENCES approval (id),
    CHECK ((level = 'province') = (region IS NOT NULL)),
    CHECK ((status = 'confirmed') = (approval_id IS NOT NULL))
);
COMMENT ON COLUMN paper_approval.number_key IS 'without regard to width, blanks and look-alikes';
CREATE UNIQUE INDEX paper_approval_number ON paper_approval (service_item, level, coalesce(region, ''), number_key)
    WHERE status <> 'withdrawn';
