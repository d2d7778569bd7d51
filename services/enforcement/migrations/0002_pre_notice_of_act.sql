-- Which notice told of another department's act as it stands: the delivery of an earlier one starts no time to appeal.
ALTER TABLE foreign_act ADD COLUMN notice_id uuid;
