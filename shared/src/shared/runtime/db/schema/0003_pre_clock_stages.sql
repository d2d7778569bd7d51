-- Clocks with stages, more units, dates that an act sets, pauses with a reason, and moves that stay on record.
-- What a unit is says shared.rules.Unit alone.
-- squawk-ignore ban-drop-constraint -- old code writes fewer units, not more
ALTER TABLE deadline DROP CONSTRAINT deadline_unit_check;
ALTER TABLE deadline ADD COLUMN carry_over boolean NOT NULL DEFAULT false;
-- A row per stage: kind is that of the clock, a dot and the stage's name; it lies so far from the due time.
ALTER TABLE deadline ADD COLUMN stage text NOT NULL DEFAULT 'due';
ALTER TABLE deadline ADD COLUMN shift integer NOT NULL DEFAULT 0;
ALTER TABLE deadline ADD COLUMN shift_unit text;
-- Why it stands still; kept with each of the pauses afterwards.
ALTER TABLE deadline ADD COLUMN pause_reason text;
-- Each time another calendar moved the date: {"at", "before", "due_at", "calendar"}.
ALTER TABLE deadline ADD COLUMN moves jsonb NOT NULL DEFAULT '[]';
