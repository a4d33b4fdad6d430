-- Who let somebody in: the provider that signed them in, and by which marks it will speak of them when they sign out there.
-- `flow` marks the signing-in itself, which opens one session however often it comes back.
ALTER TABLE session ADD COLUMN provider TEXT;
ALTER TABLE session ADD COLUMN subject TEXT;
ALTER TABLE session ADD COLUMN sid TEXT;
ALTER TABLE session ADD COLUMN flow TEXT;
CREATE UNIQUE INDEX session_flow ON session (flow);
-- Pages ask for what was asked for last.
CREATE INDEX act_digest ON act (digest, asked_ms);
