-- What a merger moved stays where it put it while the merger may still fall: nobody takes it elsewhere before.
ALTER TABLE merger
    ADD COLUMN appeal_until timestamptz,                  -- the time to appeal is over for both, however late they read
    ADD COLUMN appeals_open uuid[] NOT NULL DEFAULT '{}'; -- appeals against it, of either, that are not decided
