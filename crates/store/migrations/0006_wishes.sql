-- What SCIM clients wish of single accounts, as it is now: one row for each account that a client spoke of.
CREATE TABLE wish (
    connection TEXT NOT NULL,
    id TEXT NOT NULL,
    identity TEXT NOT NULL,
    account TEXT,
    login_key TEXT,
    external_key TEXT,
    gone BIGINT NOT NULL,
    version BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE INDEX wish_identity ON wish (identity);
CREATE INDEX wish_account ON wish (account) WHERE account IS NOT NULL;
CREATE INDEX wish_login ON wish (login_key) WHERE login_key IS NOT NULL;
CREATE INDEX wish_external ON wish (external_key) WHERE external_key IS NOT NULL;

-- What they wished before; only ever appended.
CREATE TABLE wish_past (
    connection TEXT NOT NULL,
    id TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX wish_past_id ON wish_past (connection, id);
