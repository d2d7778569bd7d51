-- Who took part in a case beside it, in the order of lists: an array in the case has an index, but none in any order.
-- Kept by a trigger, so that code of the release before keeps it as well.
-- widens enforcement_case: the trigger refuses nothing, and writes beside it what its rows say
CREATE TABLE case_part (
    organisation text NOT NULL,
    opened_at    timestamptz NOT NULL,
    id           uuid NOT NULL REFERENCES enforcement_case,
    PRIMARY KEY (organisation, opened_at, id)
);

CREATE FUNCTION keep_case_parts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO case_part (organisation, opened_at, id)
    SELECT each, NEW.opened_at, NEW.id FROM unnest(NEW.took_part) AS took (each)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END;
$$;
CREATE TRIGGER case_parts AFTER INSERT OR UPDATE OF took_part ON enforcement_case FOR EACH ROW
    WHEN (cardinality(NEW.took_part) > 0) EXECUTE FUNCTION keep_case_parts();
INSERT INTO case_part (organisation, opened_at, id)
SELECT DISTINCT unnest(took_part), opened_at, id FROM enforcement_case;

-- An authority is of one region and level: without this, asking for both is thought to find a thirtieth of what it does.
CREATE STATISTICS case_desk (dependencies) ON authority_id, region, service_item, level FROM enforcement_case;
