-- Sending a withdrawn order again takes two people of its own: one asks for it, another one sends it.
ALTER TABLE access_order ADD COLUMN reissue_asked_by text;
ALTER TABLE access_order ADD COLUMN reissue_asked_at timestamptz;
ALTER TABLE access_order ADD COLUMN reissue_reasons text;
-- Of the new order: who asked for it.
ALTER TABLE access_order ADD COLUMN asked_by text;
