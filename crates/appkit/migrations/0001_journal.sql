-- Facts in the order they became true. Never updated, never deleted; each entry carries the hash of the one before.
CREATE TABLE appkit_journal (
    seq BIGINT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    recorded_at BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX appkit_journal_subject ON appkit_journal (subject, seq);
CREATE INDEX appkit_journal_tenant ON appkit_journal (tenant, seq);

-- How far each handler has come; moved in the transaction of its effect.
CREATE TABLE appkit_cursor (
    handler TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

-- Answers to commands by the key their caller made.
CREATE TABLE appkit_command (
    tenant TEXT NOT NULL,
    caller TEXT NOT NULL,
    operation TEXT NOT NULL,
    idem_key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    status BIGINT NOT NULL,
    response TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, caller, operation, idem_key)
);

-- Work to be done later, promised in the transaction that asked for it.
CREATE TABLE appkit_job (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    last_error TEXT
);
CREATE INDEX appkit_job_due ON appkit_job (run_at, id);
