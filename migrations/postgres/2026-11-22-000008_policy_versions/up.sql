-- The policies that were in force, as texts of policy.csv.
-- Moments are milliseconds since 1970 (UTC).

CREATE TABLE policy_versions (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version TEXT   NOT NULL, -- of both files, as records quote it
    text    TEXT   NOT NULL,
    author  TEXT   NOT NULL, -- a user's name, cli, or file: edited by hand
    reason  TEXT,
    at      BIGINT NOT NULL,
    added   BIGINT NOT NULL, -- lines, compared with the version before
    removed BIGINT NOT NULL
);

-- The rules of detection that were in force, by version: the file alone holds them.
CREATE TABLE detection_versions (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version TEXT NOT NULL
);
