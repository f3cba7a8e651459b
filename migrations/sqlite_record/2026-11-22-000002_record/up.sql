-- One row per exchange: integers, text and booleans only, so that hashes recompute on every database.
-- Moments are milliseconds since 1970 (UTC); lists are JSON text; scores are hundredths.
-- `position` is the order of insertion, which readers page by.

CREATE TABLE records (
    position              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id                    TEXT    NOT NULL UNIQUE,
    started_at            INTEGER NOT NULL,
    agent_id              TEXT,
    agent_name            TEXT,
    agent_type            TEXT,
    roles                 TEXT    NOT NULL,
    permission            TEXT,
    session_id            TEXT,
    app_context           TEXT,
    surface               TEXT    NOT NULL,
    tool_name             TEXT    NOT NULL,
    mcp_server            TEXT    NOT NULL,
    action                TEXT    NOT NULL,
    target                TEXT    NOT NULL,
    endpoint              TEXT,
    model                 TEXT,
    response_model        TEXT,
    message_count         INTEGER,
    has_system_prompt     BOOLEAN,
    has_tools             BOOLEAN,
    tool_names            TEXT    NOT NULL,
    stream                BOOLEAN,
    policy_result         TEXT,
    policy_rule           TEXT,
    policy_version        TEXT,
    policy_reason         TEXT,
    findings              TEXT    NOT NULL,
    scan_extent           TEXT    NOT NULL,
    scan_reason           TEXT,
    tools_removed         TEXT    NOT NULL,
    trust_score           INTEGER,
    risk_score            INTEGER,
    status_code           INTEGER,
    error_code            TEXT,
    finish_reason         TEXT,
    input_tokens          INTEGER,
    output_tokens         INTEGER,
    usage_source          TEXT,
    latency_ms            INTEGER,
    time_to_first_byte_ms INTEGER,
    gateway_us            INTEGER,
    request_bytes         INTEGER,
    response_bytes        INTEGER,
    outcome               TEXT,
    node                  TEXT    NOT NULL,
    seq                   INTEGER,
    previous_hash         TEXT,
    event_hash            TEXT
);
CREATE INDEX records_by_agent_name ON records (agent_name, position);
CREATE INDEX records_by_model ON records (model, position);
-- Every index costs each record its share, so the usual is left out: readers of what was denied or did not complete
-- name these conditions word for word.
CREATE INDEX records_denied ON records (position) WHERE policy_result = 'deny';
CREATE INDEX records_incomplete ON records (outcome, position) WHERE outcome <> 'completed';

-- Calls without an identity: one row per address, minute and error code.
CREATE TABLE anonymous_counts (
    address TEXT    NOT NULL,
    minute  INTEGER NOT NULL,
    code    TEXT    NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (address, minute, code)
);
CREATE INDEX anonymous_counts_by_minute ON anonymous_counts (minute);
