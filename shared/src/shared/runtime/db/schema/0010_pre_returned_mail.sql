-- A mail that a server took and could not deliver comes back to an address of its own, and is no delivery any more.
-- widens delivery: a state more, which older code writes never; it sends again what is queued and nothing else
ALTER TABLE delivery ADD COLUMN return_token text;  -- of a mail's own return address; nobody can guess it
-- squawk-ignore ban-drop-constraint -- replaced by a wider one in the same transaction
ALTER TABLE delivery DROP CONSTRAINT delivery_state_check;
-- squawk-ignore constraint-missing-not-valid -- nothing is released, so the table is small
ALTER TABLE delivery ADD CONSTRAINT delivery_state_check
    CHECK (state IN ('queued', 'sent', 'delivered', 'failed', 'bounced'));
-- squawk-ignore require-concurrent-index-creation -- the same
CREATE UNIQUE INDEX delivery_return ON delivery (return_token) WHERE return_token IS NOT NULL;
