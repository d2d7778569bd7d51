-- The clock of whoever carries an order out, as the regulator reads it whose execution it follows from.
ALTER TABLE order_outcome
    ADD COLUMN issuer jsonb,
    ADD COLUMN execute_by timestamptz,
    ADD COLUMN overdue boolean NOT NULL DEFAULT false,
    ADD COLUMN escalated boolean NOT NULL DEFAULT false,
    ADD COLUMN withdrawn_by jsonb;
COMMENT ON COLUMN order_outcome.issuer IS 'AuthorityRef: the regulator itself, the host province, or a supervisor.';
