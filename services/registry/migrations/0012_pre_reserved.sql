-- A number of another branch: this file makes the numbers run on until both are merged, and goes then.
SELECT 1;
