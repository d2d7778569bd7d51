-- Which order a restore takes back: one that came because the same was ordered anew gives nothing back to whom the
-- measure is about; and which names an appeal took out of a measure (docs/adr/0026).
ALTER TABLE order_outcome ADD COLUMN undoes uuid;   -- of a restore; none of one that older code noted
ALTER TABLE overlap ADD COLUMN freed uuid;          -- an id of when that was, to compare with those of orders
COMMENT ON COLUMN overlap.freed IS 'An appeal took it out: no order that was made after this id hits it.';
