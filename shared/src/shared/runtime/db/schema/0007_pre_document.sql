-- Documents that this department issued: the bytes that were signed, an edition each time; none is ever changed.
CREATE TABLE document (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL,
    subject_id uuid NOT NULL,
    edition    integer NOT NULL CHECK (edition > 0),
    issuer     text NOT NULL,
    jws        text NOT NULL,
    issued_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX document_edition ON document (subject_id, kind, edition);
COMMENT ON COLUMN document.id IS 'random: whoever holds the document can ask after it, and nobody else';
