-- Where a session was opened from: the network of a person who has signed in before is not slowed down by strangers.
ALTER TABLE identity_session ADD COLUMN network TEXT NOT NULL DEFAULT '';

-- When the end of a grant was stated in the journal; from then on it cannot come back, whatever the clock says.
ALTER TABLE identity_grant ADD COLUMN lapsed_at BIGINT;

-- Who looked at what under which grant, and what for, counted by minute.
CREATE TABLE identity_look (
    grant_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    object TEXT NOT NULL,
    action TEXT NOT NULL,
    purpose TEXT NOT NULL,
    minute BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (grant_id, subject, object, action, purpose, minute)
);
CREATE INDEX identity_look_minute ON identity_look (grant_id, minute);
INSERT INTO identity_look (grant_id, subject, object, action, purpose, minute, count)
    SELECT grant_id, subject, object, action, '', minute, count FROM identity_grant_access;
DROP TABLE identity_grant_access;
