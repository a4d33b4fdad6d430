-- The first shape of the store, one text for SQLite and PostgreSQL.
-- SERIAL_KEY becomes the database's own word for an integer key that counts by itself; nothing else differs.

CREATE TABLE counter (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO counter (name, value) VALUES ('connection', 0), ('pull', 0), ('decision', 0), ('plan', 0), ('run', 0);

-- A connection is known by its number inside the store; its accounts have ids from number * 2^40 upwards.
CREATE TABLE connection (
    name TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    next_id BIGINT NOT NULL
);

-- How many accounts of each kind stand in each state; kept by every write, so that totals cost nothing to read.
CREATE TABLE tally (
    connection BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    accounts BIGINT NOT NULL,
    PRIMARY KEY (connection, kind, state)
);

-- Observations: what the world says now.
CREATE TABLE account (
    id SERIAL_KEY,
    connection BIGINT NOT NULL,
    kind TEXT NOT NULL,
    native TEXT NOT NULL,
    state TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    gone_ms BIGINT,
    login_key TEXT,
    external_key TEXT,
    employee_key TEXT,
    hash BYTEA NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX account_key ON account (connection, kind, native);
CREATE INDEX account_login ON account (login_key) WHERE login_key IS NOT NULL;
CREATE INDEX account_external ON account (external_key) WHERE external_key IS NOT NULL;
CREATE INDEX account_employee ON account (employee_key) WHERE employee_key IS NOT NULL;
CREATE INDEX account_gone ON account (kind, id) WHERE gone_ms IS NOT NULL;

-- Further addresses of a record; most accounts have none.
CREATE TABLE alias (
    address TEXT NOT NULL,
    account BIGINT NOT NULL
);
CREATE INDEX alias_address ON alias (address);
CREATE INDEX alias_account ON alias (account);

-- Observations: what the world said before; only ever appended.
CREATE TABLE version (
    id SERIAL_KEY,
    account BIGINT NOT NULL,
    kind TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX version_account ON version (account, until_ms);
CREATE INDEX version_person ON version (id) WHERE kind = 'person';

CREATE TABLE pull (
    id BIGINT NOT NULL PRIMARY KEY,
    connection BIGINT NOT NULL,
    mode TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    finished_ms BIGINT,
    coverage TEXT,
    because TEXT,
    accounts BIGINT NOT NULL,
    added BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    repeated BIGINT NOT NULL,
    gone BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    throttled BIGINT NOT NULL,
    floor_ms BIGINT NOT NULL,
    spent_ms BIGINT NOT NULL,
    believed BIGINT NOT NULL,
    checkpoint TEXT,
    watermark TEXT
);
CREATE INDEX pull_connection ON pull (connection, id);

-- Which accounts an unfinished pull has seen, as bits, 32768 ids to a row.
CREATE TABLE seen (
    pull BIGINT NOT NULL,
    chunk BIGINT NOT NULL,
    bits BYTEA NOT NULL,
    PRIMARY KEY (pull, chunk)
);

CREATE TABLE entitlement (
    connection TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    privileged BIGINT NOT NULL,
    PRIMARY KEY (connection, kind, id)
);

CREATE TABLE link (
    account TEXT NOT NULL PRIMARY KEY,
    identity TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX link_identity ON link (identity);

-- Links that were pinned and are no more; only ever appended.
CREATE TABLE link_past (
    account TEXT NOT NULL,
    identity TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX link_past_account ON link_past (account);
CREATE INDEX link_past_identity ON link_past (identity);

-- Decisions: what people said; only ever appended.
CREATE TABLE decision (
    seq BIGINT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    identity TEXT,
    account TEXT,
    body TEXT NOT NULL
);
CREATE INDEX decision_identity ON decision (identity) WHERE identity IS NOT NULL;
CREATE INDEX decision_account ON decision (account) WHERE account IS NOT NULL;
CREATE INDEX decision_free ON decision (seq) WHERE identity IS NULL AND account IS NULL;

CREATE TABLE plan (
    id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    saved_ms BIGINT NOT NULL,
    digest TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE finding (
    id TEXT NOT NULL PRIMARY KEY,
    since_ms BIGINT NOT NULL
);

-- The journal: what we did; only ever appended, chained by hash.
CREATE TABLE journal (
    seq BIGINT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    run TEXT,
    step TEXT,
    body TEXT NOT NULL
);
CREATE INDEX journal_run ON journal (run, seq) WHERE run IS NOT NULL;
CREATE INDEX journal_step ON journal (step, seq) WHERE step IS NOT NULL;

-- The last entry of the journal; whoever appends takes this row first, so that there is one chain.
CREATE TABLE journal_head (
    name TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);

INSERT INTO journal_head (name, seq, hash) VALUES ('journal', 0, '');

CREATE TABLE run (
    id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    plan TEXT NOT NULL,
    actor TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    finished_ms BIGINT
);

-- One row per step of a run: the intent before the call, the outcome after it.
CREATE TABLE step_progress (
    run TEXT NOT NULL,
    step TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    settled_ms BIGINT,
    intent TEXT NOT NULL,
    outcome TEXT,
    PRIMARY KEY (run, step)
);
CREATE INDEX step_open ON step_progress (started_ms) WHERE settled_ms IS NULL;
CREATE INDEX step_history ON step_progress (step, started_ms);

-- Small things to remember per connection; the empty connection is the store as a whole.
CREATE TABLE note (
    connection TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (connection, name)
);

CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL,
    until_ms BIGINT NOT NULL
);
