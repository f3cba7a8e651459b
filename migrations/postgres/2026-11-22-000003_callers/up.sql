-- Callers beyond the first release: outside identities, limits, AppContexts with their detection keys, revoked
-- sessions, the keys that verify tokens, what was used, and who made which object of the provider's account.
-- Moments are milliseconds since 1970 (UTC); lists are JSON text; a limit that is NULL does not apply.

-- An agent may be known by an external issuer: both columns or neither.
ALTER TABLE agents ADD COLUMN issuer TEXT;
ALTER TABLE agents ADD COLUMN subject TEXT CHECK ((issuer IS NULL) = (subject IS NULL));
ALTER TABLE agents ADD COLUMN requests_per_minute BIGINT;
ALTER TABLE agents ADD COLUMN monthly_requests BIGINT;
ALTER TABLE agents ADD COLUMN concurrent_streams BIGINT;
CREATE UNIQUE INDEX agents_by_identity ON agents (issuer, subject);

CREATE TABLE app_contexts (
    id                  TEXT    NOT NULL PRIMARY KEY,
    name                TEXT    NOT NULL UNIQUE,
    allowed_models      TEXT    NOT NULL, -- patterns; an empty list allows all
    provider_key        TEXT, -- a name in the configuration, never the key
    requests_per_minute BIGINT,
    monthly_requests    BIGINT,
    concurrent_streams  BIGINT,
    created_at          BIGINT  NOT NULL,
    updated_at          BIGINT  NOT NULL,
    revoked_at          BIGINT
);

CREATE TABLE detection_keys (
    id             TEXT    NOT NULL PRIMARY KEY,
    key_hash       BYTEA   NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    last4          TEXT    NOT NULL,
    app_context_id TEXT    NOT NULL REFERENCES app_contexts (id),
    agent_id       TEXT    NOT NULL REFERENCES agents (id),
    created_at     BIGINT  NOT NULL,
    expires_at     BIGINT,
    revoked_at     BIGINT
);

-- A session counts as revoked until its token would have expired anyway.
CREATE TABLE revoked_sessions (
    agent_id   TEXT    NOT NULL REFERENCES agents (id),
    session_id TEXT    NOT NULL,
    expires_at BIGINT  NOT NULL,
    PRIMARY KEY (agent_id, session_id)
);
CREATE INDEX revoked_sessions_by_end ON revoked_sessions (expires_at);

-- Public keys only: the private ones stay with the gateway (`node`) that signs with them.
CREATE TABLE verifying_keys (
    kid          TEXT    NOT NULL PRIMARY KEY,
    public_key   TEXT    NOT NULL, -- a JWK
    node         TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    verify_until BIGINT -- NULL while the node signs with it
);

-- One row per caller and month. Also kept for callers that are no more, so without a foreign key.
CREATE TABLE usage_counts (
    kind        TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    month       BIGINT  NOT NULL, -- 202611 is November 2026
    requests    BIGINT  NOT NULL,
    minute_used BIGINT  NOT NULL,
    at          BIGINT  NOT NULL,
    PRIMARY KEY (kind, id, month)
);

-- One row per object that a call has made with the gate's own provider key: many, and asked for by id alone, so
-- without further indexes or foreign keys.
CREATE TABLE objects (
    id          TEXT    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL,
    agent_id    TEXT    NOT NULL,
    app_context TEXT,
    created_at  BIGINT  NOT NULL,
    models      TEXT, -- of a batch's input file: the models it asks for, and where
    endpoint    TEXT
);
