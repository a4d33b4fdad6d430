-- What a list says of a plan, so that nobody reads whole plans to name them.
CREATE TABLE plan_brief (
    id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    digest TEXT NOT NULL,
    made_at TEXT NOT NULL,
    requested_by TEXT,
    steps BIGINT NOT NULL,
    held BIGINT NOT NULL
);
CREATE INDEX plan_brief_number ON plan_brief (number);
