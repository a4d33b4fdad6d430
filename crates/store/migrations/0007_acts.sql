-- What people and programs asked for over the API: once for each key that they gave, with what came of it.
CREATE TABLE act (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    key TEXT,
    digest TEXT NOT NULL,
    asked_ms BIGINT NOT NULL,
    body TEXT NOT NULL,
    ended_ms BIGINT,
    answer TEXT
);
CREATE UNIQUE INDEX act_key ON act (owner, key);
CREATE INDEX act_ended ON act (ended_ms);
