-- Which rules a call was screened with, and how risky it was.
ALTER TABLE records ADD COLUMN detection_version TEXT;
ALTER TABLE records ADD COLUMN risk_tier TEXT;
