-- What detection needs of callers: the numbers of an agent's conduct, why it is in quarantine, and which rules an
-- AppContext is screened with.
-- Moments are milliseconds since 1970 (UTC); lists are JSON text; scores are hundredths.

ALTER TABLE agents ADD COLUMN trust_score INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN violations INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN last_violation_at INTEGER;
ALTER TABLE agents ADD COLUMN risk_at INTEGER NOT NULL DEFAULT 0; -- when risk_score was so high
ALTER TABLE agents ADD COLUMN recovered_at INTEGER NOT NULL DEFAULT 0; -- until when trust has been given back
ALTER TABLE agents ADD COLUMN quarantined_at INTEGER;
ALTER TABLE agents ADD COLUMN quarantine_reason TEXT;

ALTER TABLE app_contexts ADD COLUMN detectors TEXT NOT NULL DEFAULT '[]'; -- selectors; an empty list is all rules

-- Trust is given back from now on, not for the time before there was any.
UPDATE agents SET recovered_at = updated_at;
