-- Why a key was entered or revoked by somebody else than its provider, and by whom (docs/adr/0027).
ALTER TABLE provider_key ADD COLUMN added_reasons text;
ALTER TABLE provider_key ADD COLUMN revoked_reasons text;
ALTER TABLE provider_key ADD COLUMN revoked_by_authority jsonb;  -- AuthorityRef; null: the provider itself
-- widens provider_key: older code names no authority that revoked a key, so it is held to nothing
ALTER TABLE provider_key ADD CONSTRAINT revoked_by_others_with_reasons
    CHECK (revoked_by_authority IS NULL OR (revoked_reasons IS NOT NULL AND revoked_at IS NOT NULL)) NOT VALID;
