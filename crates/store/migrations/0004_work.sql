-- Durable work: what is to be done, when, and by whom; one row per kind and key, for as long as anybody asks for it.
-- While a job is claimed, run_at_ms is the end of the lease: the job of a process that died is simply due again.
CREATE TABLE job (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    run_at_ms BIGINT NOT NULL,
    again_at_ms BIGINT,
    holder TEXT,
    token BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    because TEXT,
    ended_ms BIGINT,
    PRIMARY KEY (kind, key)
);
CREATE INDEX job_due ON job (run_at_ms) WHERE state = 'open';

-- Who carries a run out, by the lease that shows that they live. Several may, each some of the steps.
CREATE TABLE hand (
    run TEXT NOT NULL,
    lease TEXT NOT NULL,
    PRIMARY KEY (run, lease)
);

-- What is being written to at this moment: an account, or another thing of a connection, and by whom.
CREATE TABLE claim (
    connection TEXT NOT NULL,
    thing TEXT NOT NULL,
    lease TEXT NOT NULL,
    step TEXT NOT NULL,
    PRIMARY KEY (connection, thing)
);
CREATE INDEX claim_lease ON claim (lease, step);

CREATE INDEX run_plan ON run (plan);

-- In which order the steps of a run were settled, by the journal's numbers: clocks of several machines do not tell.
ALTER TABLE step_progress ADD COLUMN settled_seq BIGINT;
CREATE INDEX step_settled ON step_progress (run, settled_seq);
