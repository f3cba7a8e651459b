-- The record that survives: chained, checked, and kept in the order in which it was written.
--
-- One row per exchange: integers, text, bytes and booleans only, so that hashes are computed again from what is stored,
-- on every database. Moments are milliseconds since 1970 (UTC); lists are JSON text; scores are hundredths.
--
-- `position` is when the row was written (milliseconds since 1970) times 2^20, plus a count: unique, and growing in the
-- order of commits. Readers page by it, and times bound it. Within one node it grows as `seq` does.
--
-- The table `records` of the releases before stays until the gate has moved its rows here, in the background. The next release drops it.

CREATE TABLE audit_records (
    position              INTEGER NOT NULL PRIMARY KEY,
    id                    TEXT    NOT NULL UNIQUE,
    started_at            INTEGER NOT NULL,
    agent_id              TEXT,
    agent_name            TEXT,
    agent_type            TEXT,
    roles                 TEXT NOT NULL,
    permission            TEXT,
    session_id            TEXT,
    token_id              TEXT,
    app_context           TEXT,
    surface               TEXT NOT NULL,
    tool_name             TEXT NOT NULL,
    mcp_server            TEXT NOT NULL,
    action                TEXT NOT NULL,
    target                TEXT NOT NULL,
    endpoint              TEXT,
    model                 TEXT,
    response_model        TEXT,
    message_count         INTEGER,
    has_system_prompt     BOOLEAN,
    has_tools             BOOLEAN,
    tool_names            TEXT NOT NULL,
    stream                BOOLEAN,
    policy_result         TEXT,
    policy_rule           TEXT,
    policy_version        TEXT,
    policy_reason         TEXT,
    findings              TEXT NOT NULL,
    scan_extent           TEXT NOT NULL,
    scan_reason           TEXT,
    detection_version     TEXT,
    tools_removed         TEXT NOT NULL,
    trust_score           INTEGER,
    risk_score            INTEGER,
    risk_tier             TEXT,
    status_code           INTEGER,
    error_code            TEXT,
    finish_reason         TEXT,
    input_tokens          INTEGER,
    output_tokens         INTEGER,
    cached_tokens         INTEGER,
    reasoning_tokens      INTEGER,
    usage_source          TEXT,
    latency_ms            INTEGER,
    time_to_first_byte_ms INTEGER,
    gateway_us            INTEGER,
    request_bytes         INTEGER,
    response_bytes        INTEGER,
    outcome               TEXT,
    receipt_hash          BLOB,
    node                  TEXT NOT NULL,
    seq                   INTEGER NOT NULL,
    previous_hash         BLOB NOT NULL,
    event_hash            BLOB NOT NULL
);
CREATE INDEX audit_records_by_agent_name ON audit_records (agent_name, position);
CREATE INDEX audit_records_by_model ON audit_records (model, position);
CREATE INDEX audit_records_by_session ON audit_records (session_id, position);
-- Every index costs each record its share, so the usual is left out: readers name these conditions word for word.
CREATE INDEX audit_records_by_app_context ON audit_records (app_context, position) WHERE app_context IS NOT NULL;
CREATE INDEX audit_records_by_endpoint ON audit_records (endpoint, position) WHERE endpoint <> 'chat/completions';
CREATE INDEX audit_records_denied ON audit_records (position) WHERE policy_result = 'deny';
CREATE INDEX audit_records_incomplete ON audit_records (outcome, position) WHERE outcome <> 'completed';
-- Written more than an hour after they began: long streams, and what waited for the database.
CREATE INDEX audit_records_late ON audit_records (started_at, position) WHERE (position >> 20) - started_at > 3600000;

-- What was found, one row per record and rule: for questions by rule, and by type, of which a record may have several rules.
CREATE TABLE audit_findings (
    rule          TEXT NOT NULL,
    position      INTEGER NOT NULL,
    finding_type  TEXT NOT NULL,
    first_of_type INTEGER NOT NULL, -- 1 in one row of each record and type, otherwise 0
    severity      TEXT NOT NULL, -- the worst of the type in the record
    count         INTEGER NOT NULL,
    PRIMARY KEY (rule, position, finding_type)
) WITHOUT ROWID;
-- Its last column lets SQLite answer from the index alone.
CREATE INDEX audit_findings_by_type ON audit_findings (finding_type, position, first_of_type) WHERE first_of_type = 1;

-- The one row that writers lock: the position of the last record.
CREATE TABLE audit_order (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    last_position INTEGER NOT NULL
);
INSERT INTO audit_order (one, last_position) VALUES (1, 0);

-- Where each node's chain ends.
CREATE TABLE audit_chains (
    node       TEXT NOT NULL PRIMARY KEY,
    seq        INTEGER NOT NULL,
    event_hash BLOB NOT NULL
);

-- Signed statements of where a chain was, as JSON; the same lines stand in a file outside.
CREATE TABLE audit_checkpoints (
    node      TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    signed_at INTEGER NOT NULL,
    document  TEXT NOT NULL,
    PRIMARY KEY (node, seq, kind)
);

-- The public halves of the keys that sign them.
CREATE TABLE audit_keys (
    key_id     TEXT NOT NULL PRIMARY KEY,
    public_key TEXT NOT NULL, -- Ed25519, 32 bytes, base64
    node       TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

-- Records that the database did not take, with the reason; in their chains all the same.
CREATE TABLE audit_set_aside (
    position INTEGER NOT NULL PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    node     TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    document BLOB NOT NULL -- the record as JSON
);

-- Sums per minute and per hour, written with the records; '' where a record says nothing.
CREATE TABLE audit_sums (
    width            INTEGER NOT NULL, -- milliseconds: 60000 or 3600000
    bucket           INTEGER NOT NULL, -- its begin; by the time at which the exchange began
    agent_name       TEXT NOT NULL,
    model            TEXT NOT NULL,
    app_context      TEXT NOT NULL,
    endpoint         TEXT NOT NULL,
    calls            INTEGER NOT NULL,
    denied           INTEGER NOT NULL, -- policy_result is deny
    blocked          INTEGER NOT NULL, -- outcome is blocked
    failed           INTEGER NOT NULL, -- outcome is upstream_error or interrupted
    findings         INTEGER NOT NULL,
    input_tokens     INTEGER NOT NULL,
    output_tokens    INTEGER NOT NULL,
    cached_tokens    INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    latency_ms       INTEGER NOT NULL,
    gateway_us       INTEGER NOT NULL,
    latency_slots    TEXT, -- how many took how long, as store/slots.rs writes it; NULL: not known
    gateway_slots    TEXT,
    PRIMARY KEY (width, bucket, agent_name, model, app_context, endpoint)
);
