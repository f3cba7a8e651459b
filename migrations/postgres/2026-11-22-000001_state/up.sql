-- Moments are milliseconds since 1970 (UTC); lists are JSON text.

CREATE TABLE agents (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    agent_type  TEXT    NOT NULL,
    client_id   TEXT    NOT NULL UNIQUE,
    secret_hash BYTEA   NOT NULL CHECK (length(secret_hash) = 32),
    roles       TEXT    NOT NULL,
    owner       TEXT,
    status      TEXT    NOT NULL,
    risk_score  BIGINT  NOT NULL DEFAULT 0, -- hundredths
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL
);

CREATE TABLE users (
    username      TEXT    NOT NULL PRIMARY KEY,
    role          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL
);

CREATE TABLE sessions (
    token_hash BYTEA   NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    username   TEXT    NOT NULL REFERENCES users (username) ON DELETE CASCADE,
    role       TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (username);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE changes (
    seq     BIGSERIAL NOT NULL PRIMARY KEY,
    at      BIGINT  NOT NULL,
    kind    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    actor   TEXT    NOT NULL,
    detail  TEXT    NOT NULL -- a JSON object, never a secret
);
