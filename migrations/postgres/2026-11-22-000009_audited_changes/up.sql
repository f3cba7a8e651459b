-- Administrative changes in the record. Both columns are NULL for calls, whose hashes know neither.
ALTER TABLE audit_records ADD COLUMN actor TEXT;
ALTER TABLE audit_records ADD COLUMN detail TEXT; -- a JSON object, never a secret

-- Up to which change each has its record: its number, and its record's id. The table of changes may be in another file, and
-- be restored from a backup without this one.
CREATE TABLE audited_changes (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    seq BIGINT NOT NULL,
    id  TEXT   NOT NULL
);
INSERT INTO audited_changes (one, seq, id) VALUES (1, 0, '');
