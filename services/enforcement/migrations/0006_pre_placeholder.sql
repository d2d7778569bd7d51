-- Placeholder: another branch has this number.
SELECT 1;
