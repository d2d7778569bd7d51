-- Who asked in whose name: nobody decides on what they themselves asked for, and what takes something from an operator
-- that did not propose it waits for its own consent (docs/adr/0025).
-- What older code enters counts as asked for by somebody else, which is the careful reading: a second person decides it,
-- and what takes something waits for its operator.
-- widens amendment: older code does not say who decided
-- widens renewal: the same
-- widens registration: the same
ALTER TABLE amendment ADD COLUMN by_operator boolean NOT NULL DEFAULT false;  -- the operator proposed it itself
ALTER TABLE amendment ADD COLUMN operator_consent_by text;  -- who agreed for the operator, where somebody else proposed
ALTER TABLE amendment ADD COLUMN decided_by text;
ALTER TABLE renewal ADD COLUMN by_operator boolean NOT NULL DEFAULT false;
ALTER TABLE renewal ADD COLUMN decided_by text;
ALTER TABLE registration ADD COLUMN by_operator boolean NOT NULL DEFAULT false;
ALTER TABLE registration ADD COLUMN decided_by text;
-- squawk-ignore constraint-missing-not-valid -- the column is new, and empty
ALTER TABLE amendment ADD CONSTRAINT amendment_decided_by_another CHECK (decided_by <> proposed_by);
-- squawk-ignore constraint-missing-not-valid -- the same
ALTER TABLE renewal ADD CONSTRAINT renewal_decided_by_another CHECK (decided_by <> asked_by);
ALTER TABLE registration ADD CONSTRAINT registration_decided_by_another CHECK (decided_by <> submitted_by) NOT VALID;

-- What may still be decided: the history says for whom it was asked.
UPDATE amendment a SET by_operator = true
  FROM operator o
 WHERE a.status IN ('proposed', 'waiting', 'refused') AND o.id = a.operator_id
   AND EXISTS (SELECT FROM history h
                WHERE h.aggregate_id = a.id AND h.action = 'propose' AND h.organisation = o.identity);
UPDATE renewal n SET by_operator = true
  FROM registration r JOIN operator o ON o.id = r.operator_id
 WHERE n.status IN ('asked', 'refused') AND r.id = n.registration_id
   AND EXISTS (SELECT FROM history h
                WHERE h.aggregate_id = n.id AND h.action = 'ask' AND h.organisation = o.identity);
UPDATE registration r SET by_operator = true
  FROM operator o
 WHERE r.status IN ('submitted', 'refused') AND o.id = r.operator_id
   AND EXISTS (SELECT FROM history h
                WHERE h.aggregate_id = r.id AND h.action = 'submit' AND h.organisation = o.identity);
