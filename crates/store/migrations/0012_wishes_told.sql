-- By what address a client means somebody who has no account yet, and of which wishes something is told that stands in
-- their way: both are looked for, and lie within the body otherwise.
ALTER TABLE wish ADD COLUMN mail_key TEXT;
ALTER TABLE wish ADD COLUMN told BIGINT NOT NULL DEFAULT 0;
UPDATE wish SET told = 1 WHERE body LIKE '%"because":"%';
CREATE INDEX wish_mail ON wish (mail_key) WHERE mail_key IS NOT NULL;
CREATE INDEX wish_told ON wish (connection, id) WHERE told = 1;
