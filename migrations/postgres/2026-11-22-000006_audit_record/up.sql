-- The record that survives: chained, checked, and kept in the order in which it was written.
--
-- One row per exchange: integers, text, bytes and booleans only, so that hashes are computed again from what is stored,
-- on every database. Moments are milliseconds since 1970 (UTC); lists are JSON text; scores are hundredths.
--
-- `position` is when the row was written (milliseconds since 1970) times 2^20, plus a count: unique, and growing in the
-- order of commits. Readers page by it, and times bound it. Within one node it grows as `seq` does.
--
-- The table `records` of the releases before stays for gateways that are not upgraded yet: running gateways move its rows
-- here. The next release drops it.

CREATE TABLE audit_records (
    position              BIGINT NOT NULL,
    id                    TEXT COLLATE "C" NOT NULL,
    started_at            BIGINT NOT NULL,
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
    message_count         BIGINT,
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
    trust_score           BIGINT,
    risk_score            BIGINT,
    risk_tier             TEXT,
    status_code           BIGINT,
    error_code            TEXT,
    finish_reason         TEXT,
    input_tokens          BIGINT,
    output_tokens         BIGINT,
    cached_tokens         BIGINT,
    reasoning_tokens      BIGINT,
    usage_source          TEXT,
    latency_ms            BIGINT,
    time_to_first_byte_ms BIGINT,
    gateway_us            BIGINT,
    request_bytes         BIGINT,
    response_bytes        BIGINT,
    outcome               TEXT,
    receipt_hash          BYTEA,
    node                  TEXT NOT NULL,
    seq                   BIGINT NOT NULL,
    previous_hash         BYTEA NOT NULL,
    event_hash            BYTEA NOT NULL,
    PRIMARY KEY (position)
) PARTITION BY RANGE (position);
-- A partition holds a week; the writer makes them. Uniqueness of `id` within a partition is one index, over all of them
-- it is the writer's: it looks for ids before it repeats a batch.
CREATE UNIQUE INDEX audit_records_by_id ON audit_records (id, position);
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
    position      BIGINT NOT NULL,
    finding_type  TEXT NOT NULL,
    first_of_type BIGINT NOT NULL, -- 1 in one row of each record and type, otherwise 0
    severity      TEXT NOT NULL, -- the worst of the type in the record
    count         BIGINT NOT NULL,
    PRIMARY KEY (rule, position, finding_type)
) PARTITION BY RANGE (position);
CREATE INDEX audit_findings_by_type ON audit_findings (finding_type, position) WHERE first_of_type = 1;

-- The one row that writers lock: the position of the last record.
CREATE TABLE audit_order (
    one           BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    last_position BIGINT NOT NULL
);
INSERT INTO audit_order (one, last_position) VALUES (1, 0);

-- Where each node's chain ends.
CREATE TABLE audit_chains (
    node       TEXT NOT NULL PRIMARY KEY,
    seq        BIGINT NOT NULL,
    event_hash BYTEA NOT NULL
);

-- Signed statements of where a chain was, as JSON; the same lines stand in a file outside.
CREATE TABLE audit_checkpoints (
    node      TEXT NOT NULL,
    seq       BIGINT NOT NULL,
    kind      TEXT NOT NULL,
    signed_at BIGINT NOT NULL,
    document  TEXT NOT NULL,
    PRIMARY KEY (node, seq, kind)
);

-- The public halves of the keys that sign them.
CREATE TABLE audit_keys (
    key_id     TEXT NOT NULL PRIMARY KEY,
    public_key TEXT NOT NULL, -- Ed25519, 32 bytes, base64
    node       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Records that the database did not take, with the reason; in their chains all the same.
CREATE TABLE audit_set_aside (
    position BIGINT NOT NULL PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    node     TEXT NOT NULL,
    seq      BIGINT NOT NULL,
    reason   TEXT NOT NULL,
    document BYTEA NOT NULL -- the record as JSON
);

-- Sums per minute and per hour, written with the records; '' where a record says nothing.
CREATE TABLE audit_sums (
    width            BIGINT NOT NULL, -- milliseconds: 60000 or 3600000
    bucket           BIGINT NOT NULL, -- its begin; by the time at which the exchange began
    agent_name       TEXT NOT NULL,
    model            TEXT NOT NULL,
    app_context      TEXT NOT NULL,
    endpoint         TEXT NOT NULL,
    calls            BIGINT NOT NULL,
    denied           BIGINT NOT NULL, -- policy_result is deny
    blocked          BIGINT NOT NULL, -- outcome is blocked
    failed           BIGINT NOT NULL, -- outcome is upstream_error or interrupted
    findings         BIGINT NOT NULL,
    input_tokens     BIGINT NOT NULL,
    output_tokens    BIGINT NOT NULL,
    cached_tokens    BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    latency_ms       BIGINT NOT NULL,
    gateway_us       BIGINT NOT NULL,
    latency_slots    TEXT, -- how many took how long, as store/slots.rs writes it; NULL: not known
    gateway_slots    TEXT,
    PRIMARY KEY (width, bucket, agent_name, model, app_context, endpoint)
);
