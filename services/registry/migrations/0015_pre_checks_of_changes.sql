-- A provider is asked as well when a registered site shall come to it: the check then names the proposed change.
ALTER TABLE provider_check ADD COLUMN amendment_id uuid;
COMMENT ON COLUMN provider_check.amendment_id IS 'The change that was proposed; null: the site itself was submitted.';
