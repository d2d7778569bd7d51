-- Who asked for an order to be sent again neither sent it nor took back the one before.
ALTER TABLE access_order ADD CONSTRAINT another_one_asked CHECK (asked_by NOT IN (reissued_by, taken_back_by)) NOT VALID;
