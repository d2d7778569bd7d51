-- Why whom a decision burdens may not read a piece that it cites; none where it may. Said by whoever files it.
ALTER TABLE case_evidence ADD COLUMN confidential text;
