-- One word for a measure whose time is over, here and where it was decided; and no flag beside the list of open appeals.
UPDATE execution SET undone_because = 'lapsed' WHERE undone_because = 'ended';
-- squawk-ignore ban-drop-column -- no code of the release that needed it runs any more
ALTER TABLE execution DROP COLUMN appeal_open;
