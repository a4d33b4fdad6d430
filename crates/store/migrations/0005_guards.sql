-- What was taken away, by step: counted by connection and day, whatever the plan. A step that ended without effect is
-- not among them.
CREATE TABLE removal (
    step TEXT NOT NULL PRIMARY KEY,
    connection TEXT NOT NULL,
    account TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX removal_connection ON removal (connection, at_ms);
