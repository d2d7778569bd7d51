-- A decision may fall after its execution was over, by its own time: no opinion cites it from then on (P3.3.4).
ALTER TABLE execution ADD COLUMN fell_at timestamptz;
