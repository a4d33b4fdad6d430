-- Shared signals: who is told of what happens to people's access, and what is on its way to them. What was taken stays for
-- a while, so that nothing is said twice.
CREATE TABLE signal_stream (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE signal (
    stream TEXT NOT NULL,
    jti TEXT NOT NULL,
    place BIGINT NOT NULL,
    made_ms BIGINT NOT NULL,
    done_ms BIGINT,
    body TEXT NOT NULL,
    PRIMARY KEY (stream, jti)
);
CREATE INDEX signal_place ON signal (stream, place);
