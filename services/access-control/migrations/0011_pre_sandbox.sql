-- A place to try: providers that no other department hears of, and their trial orders (docs/adr/0024).
ALTER TABLE provider ADD COLUMN sandbox boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN provider.sandbox IS 'Set when it is entered, and never changed.';
-- widens provider: an id is unique already; a foreign key needs to be told so
-- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid -- nothing is released, so the table is small
ALTER TABLE provider ADD CONSTRAINT provider_or_sandbox UNIQUE (id, sandbox);
ALTER TABLE access_order ADD COLUMN trial boolean NOT NULL DEFAULT false;
-- widens access_order: bounds of a column that older code never writes
ALTER TABLE access_order ADD CONSTRAINT trials_at_sandboxes
    FOREIGN KEY (provider_id, trial) REFERENCES provider (id, sandbox) NOT VALID;
ALTER TABLE access_order ADD CONSTRAINT trials_by_the_sandbox CHECK (trial = (issuer_id = 'sandbox')) NOT VALID;
ALTER TABLE execution ADD COLUMN trial boolean NOT NULL DEFAULT false;
-- widens execution: a row that no fact of the register made, which older code writes never
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE execution DROP CONSTRAINT execution_check;
ALTER TABLE execution ADD CONSTRAINT execution_check
    CHECK ((emergency OR trial) = (num_nulls(carried_out, undone) = 2) AND NOT (emergency AND trial)) NOT VALID;
