-- In a transaction of its own, so that nobody waits while the rows are looked at.

ALTER TABLE registration VALIDATE CONSTRAINT registration_status_check;
