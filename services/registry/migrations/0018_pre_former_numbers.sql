-- Numbers that a site had before it was moved, transferred or merged: whoever met one of them is led to the site.
ALTER TABLE site ADD COLUMN former_numbers text[] NOT NULL DEFAULT '{}';
