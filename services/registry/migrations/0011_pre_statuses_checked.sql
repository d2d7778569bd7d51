-- In a transaction of its own, so that nobody waits while the rows are looked at.
-- widens registration: the same list of states, held to in full

ALTER TABLE registration VALIDATE CONSTRAINT registration_status_check;
-- widens site: the same
ALTER TABLE site VALIDATE CONSTRAINT site_status_check;
