-- Credentials of the API, the console and of clients: the hash of each, never the credential.
CREATE TABLE token (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    revoked_ms BIGINT,
    used_ms BIGINT
);

-- Secrets that several processes share, sealed: which key opens one, and what only that key can read.
CREATE TABLE sealed (
    connection TEXT NOT NULL,
    name TEXT NOT NULL,
    opener TEXT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (connection, name)
);
