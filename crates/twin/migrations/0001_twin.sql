-- What machines are, do and say. Times in microseconds, ids in their text form, documents as JSON text.

CREATE TABLE twin_thing_model (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    code TEXT NOT NULL,
    latest BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant, code)
);

-- Never updated: a change makes a new version.
CREATE TABLE twin_thing_model_version (
    model TEXT NOT NULL,
    version BIGINT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    kind TEXT NOT NULL,
    document TEXT NOT NULL,
    state_rule TEXT,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (model, version)
);

CREATE TABLE twin_node (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    parent TEXT,
    level TEXT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    model TEXT,
    model_version BIGINT,
    state_rule TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant, code)
);

-- The token itself is shown once and stored nowhere.
CREATE TABLE twin_device (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    enabled BIGINT NOT NULL,
    poll TEXT,
    created_at BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    UNIQUE (tenant, name)
);

-- One feeder per property, or the history of a machine would have two authors.
CREATE TABLE twin_device_metric (
    device TEXT NOT NULL,
    metric TEXT NOT NULL,
    place BIGINT NOT NULL,
    asset TEXT NOT NULL,
    property TEXT NOT NULL,
    unit TEXT,
    factor TEXT NOT NULL,
    bias TEXT NOT NULL,
    PRIMARY KEY (device, metric),
    UNIQUE (asset, property)
);

-- bucket: the device, or the door for senders that nobody knows. Bounded per bucket.
CREATE TABLE twin_quarantine (
    id TEXT NOT NULL PRIMARY KEY,
    bucket TEXT NOT NULL,
    tenant TEXT,
    device TEXT,
    door TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    metric TEXT,
    value TEXT,
    source_time BIGINT,
    received_at BIGINT NOT NULL,
    excerpt TEXT NOT NULL
);
CREATE INDEX twin_quarantine_bucket ON twin_quarantine (bucket, id);
CREATE INDEX twin_quarantine_tenant ON twin_quarantine (tenant, id);

-- A cache: everything here can be computed again from telemetry and the rule whose digest stands beside the day.
CREATE TABLE twin_state_day (
    asset TEXT NOT NULL,
    day BIGINT NOT NULL,
    rule_digest TEXT NOT NULL,
    PRIMARY KEY (asset, day)
);
CREATE TABLE twin_state_span (
    asset TEXT NOT NULL,
    from_us BIGINT NOT NULL,
    to_us BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (asset, from_us)
);

-- target: an asset, or a thing model and with it all assets of that model.
CREATE TABLE twin_alarm_rule (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    asset TEXT,
    model TEXT,
    rule TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (tenant, name)
);

-- An alarm is open from its first occurrence until it is normal, acknowledged and not hidden.
CREATE TABLE twin_alarm (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    rule TEXT NOT NULL,
    asset TEXT NOT NULL,
    life TEXT NOT NULL,
    state TEXT NOT NULL,
    priority BIGINT NOT NULL,
    name TEXT NOT NULL,
    message_zh TEXT NOT NULL,
    message_en TEXT NOT NULL,
    readings TEXT NOT NULL,
    announced BIGINT NOT NULL,
    shelved_until BIGINT,
    raised_at BIGINT NOT NULL,
    returned_at BIGINT,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX twin_alarm_open ON twin_alarm (rule, asset) WHERE closed_at IS NULL;
CREATE INDEX twin_alarm_tenant ON twin_alarm (tenant, id);
CREATE INDEX twin_alarm_asset ON twin_alarm (asset, rule, id);

-- How far alarms have been evaluated, so that a restart goes on from there.
CREATE TABLE twin_checkpoint (
    name TEXT NOT NULL PRIMARY KEY,
    reached BIGINT NOT NULL
);
