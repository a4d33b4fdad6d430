-- Who is signed in to the console, by the hash of what the browser keeps; and invitations, each of which opens one session.
CREATE TABLE invitation (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT
);

CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    ended_ms BIGINT
);
CREATE INDEX session_expires ON session (expires_ms);

-- How many there were of something on a day: accounts by state, findings by severity. The last word of a day stays.
CREATE TABLE trend (
    topic TEXT NOT NULL,
    word TEXT NOT NULL,
    day BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (topic, word, day)
);
