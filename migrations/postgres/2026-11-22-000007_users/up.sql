-- Users beyond the one administrator: where they sign in, whether they may, and when their sessions were last used.
-- Moments are milliseconds since 1970 (UTC).

ALTER TABLE users ADD COLUMN source TEXT NOT NULL DEFAULT 'password'; -- or 'oidc', who have no password here
ALTER TABLE users ADD COLUMN disabled BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN configured BOOLEAN NOT NULL DEFAULT FALSE;
-- The administrator of the configuration. So far there were no others; the next start tells which is in force.
UPDATE users SET configured = TRUE;
ALTER TABLE users ADD COLUMN issuer TEXT;
ALTER TABLE users ADD COLUMN subject TEXT CHECK ((issuer IS NULL) = (subject IS NULL));
ALTER TABLE users ADD COLUMN last_sign_in_at BIGINT;
CREATE UNIQUE INDEX users_by_identity ON users (issuer, subject);

-- What a user may do is said by the user alone.
ALTER TABLE sessions DROP COLUMN role;
ALTER TABLE sessions ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET last_used_at = created_at;

-- Sign-ins at the identity provider that were completed: each counts once. Kept as long as one may take.
CREATE TABLE oidc_sign_ins (
    nonce_hash BYTEA  NOT NULL PRIMARY KEY CHECK (length(nonce_hash) = 32),
    expires_at BIGINT NOT NULL
);
