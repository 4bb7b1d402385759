-- Organisations are tenants.
CREATE TABLE identity_organisation (
    id TEXT NOT NULL PRIMARY KEY,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    state TEXT NOT NULL,
    demo BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE identity_user (
    id TEXT NOT NULL PRIMARY KEY,
    organisation TEXT NOT NULL REFERENCES identity_organisation (id),
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password TEXT NOT NULL,
    roles TEXT NOT NULL,
    language TEXT NOT NULL,
    active BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX identity_user_organisation ON identity_user (organisation, id);

-- Server-side sessions; the cookie holds a secret of which only the hash is here.
CREATE TABLE identity_session (
    id TEXT NOT NULL PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES identity_user (id),
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX identity_session_user ON identity_session (user_id, id);

CREATE TABLE identity_token (
    id TEXT NOT NULL PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    organisation TEXT NOT NULL,
    created_by TEXT NOT NULL,
    name TEXT NOT NULL,
    roles TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX identity_token_organisation ON identity_token (organisation, id);

-- One-time code of the first start.
CREATE TABLE identity_setup (
    code_hash TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

-- One organisation lets another look at a slice of its data.
CREATE TABLE identity_grant (
    id TEXT NOT NULL PRIMARY KEY,
    grantor TEXT NOT NULL,
    grantee TEXT NOT NULL,
    kinds TEXT NOT NULL,
    ids TEXT NOT NULL,
    fields TEXT NOT NULL,
    purpose TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX identity_grant_grantor ON identity_grant (grantor, id);
CREATE INDEX identity_grant_grantee ON identity_grant (grantee, id);

-- Who looked at what under which grant, counted by minute.
CREATE TABLE identity_grant_access (
    grant_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    object TEXT NOT NULL,
    action TEXT NOT NULL,
    minute BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (grant_id, subject, object, action, minute)
);
