-- A draft is read by others before it is released: who of the authority said what of it, and who returned it. What
-- stood around it is kept as it was, so that whoever releases sees what changed. And what a network's supervisor is.
-- widens decision: a status more, which older code writes never; one that is returned is no more released than a draft
ALTER TABLE decision ADD COLUMN returned_by text;  -- the person; none once its drafter answered
ALTER TABLE decision ADD COLUMN text_used jsonb;   -- TextRef: the standard text that it was made from
ALTER TABLE decision ADD COLUMN drafted_on jsonb;  -- Surroundings, as they were at the draft
ALTER TABLE decision ADD COLUMN since_draft jsonb; -- SinceDraft, as it was signed at the release
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE decision DROP CONSTRAINT decision_status_check;
-- squawk-ignore ban-drop-constraint -- the same
ALTER TABLE decision DROP CONSTRAINT decision_check1;
-- squawk-ignore constraint-missing-not-valid -- nothing is released, so the table is small
ALTER TABLE decision ADD CONSTRAINT decision_status_check
    CHECK (status IN ('drafted', 'returned', 'withdrawn', 'released', 'executed', 'declined', 'ignored', 'ended',
                      'suspended', 'overturned'));
-- squawk-ignore constraint-missing-not-valid -- the same
ALTER TABLE decision ADD CONSTRAINT decision_released_by_somebody
    CHECK ((released_by IS NULL) = (status IN ('drafted', 'returned', 'withdrawn')));
-- squawk-ignore constraint-missing-not-valid -- the same
ALTER TABLE decision ADD CONSTRAINT decision_returned_by_another
    CHECK ((returned_by IS NOT NULL) = (status = 'returned') AND returned_by <> drafted_by);
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE UNIQUE INDEX decision_one_unreleased ON decision (case_id) WHERE status IN ('drafted', 'returned');

CREATE TABLE decision_remark (
    id          uuid PRIMARY KEY,
    decision_id uuid NOT NULL REFERENCES decision,
    kind        text NOT NULL CHECK (kind IN ('comment', 'return', 'answer')),
    reasons     text NOT NULL,
    by          text NOT NULL,          -- the person
    at          timestamptz NOT NULL
);
CREATE INDEX decision_remark_of ON decision_remark (decision_id, id);

ALTER TABLE provider ADD COLUMN supervisor jsonb;  -- AuthorityRef, of a public-interest network

-- Which served sites lie at an address, and under which names: what a preview asks, without reading ten thousand wide
-- rows of `site`. Kept by a trigger, so that code of the release before keeps it as well.
-- widens site: the trigger refuses nothing, and writes beside it what its rows say
CREATE TABLE served_name (
    site_id uuid NOT NULL,
    ip      text NOT NULL,
    name    text NOT NULL,
    PRIMARY KEY (site_id, ip, name)
);
CREATE INDEX served_name_at ON served_name (ip, site_id);
CREATE INDEX served_name_backwards ON served_name (ip, (reverse(name) COLLATE "C"));

CREATE FUNCTION keep_served_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.status, OLD.domains, OLD.ips) IS NOT DISTINCT FROM (NEW.status, NEW.domains, NEW.ips) THEN
            RETURN NULL;
        END IF;
        DELETE FROM served_name
         WHERE site_id = NEW.site_id
           AND NOT (NEW.status IN ('live', 'stopped') AND ip = ANY (NEW.ips) AND name = ANY (NEW.domains));
    END IF;
    IF NEW.status IN ('live', 'stopped') THEN
        INSERT INTO served_name (site_id, ip, name)
        SELECT NEW.site_id, ip, name FROM unnest(NEW.ips) AS ip, unnest(NEW.domains) AS name
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER site_served AFTER INSERT OR UPDATE ON site FOR EACH ROW EXECUTE FUNCTION keep_served_names();
INSERT INTO served_name (site_id, ip, name)
SELECT DISTINCT site_id, ip, name FROM site, unnest(ips) AS ip, unnest(domains) AS name
 WHERE status IN ('live', 'stopped');
