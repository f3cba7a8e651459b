-- One week of made-up records, for tests/proofs/ten_million. Variables: week, low and high (the bounds of the partition),
-- first and last (numbers of the records), origin (milliseconds of the first), step (milliseconds between two), with_outage (0 or 1).
--
-- What is common and what is rare is what a gateway sees: a few agents make most calls, 5 % are denied, some values come once in
-- 100,000 records. One night the database was away for three hours. The partition is attached when it is full, which is quicker.

SET synchronous_commit = off;
SET maintenance_work_mem = '1GB';
SELECT setseed(0.5);
BEGIN;

CREATE TABLE audit_records_:week (LIKE audit_records INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
CREATE TABLE audit_findings_:week (LIKE audit_findings INCLUDING DEFAULTS INCLUDING CONSTRAINTS);

INSERT INTO audit_records_:week
SELECT (written << 20) + (number & 1023),
       -- A UUID of version 7.
       overlay(overlay(left(lpad(to_hex(started), 12, '0') || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15), 32)::uuid::text
               placing '7' from 15 for 1) placing '8' from 20 for 1),
       started,
       'a0000000-0000-7000-8000-' || lpad(agent::text, 12, '0'), 'agent-' || lpad(agent::text, 3, '0'), 'autonomous',
       '["developer","reader"]', 'web:write',
       -- An agent's calls of half an hour.
       md5(agent || ':' || written / 1800000), md5(agent || '/' || written / 3600000),
       CASE WHEN agent % 5 > 0 THEN 'ac_' || agent % 23 END,
       'agent', 'openai-api', 'openai-proxy', 'POST', '/openai/v1/' || endpoint, endpoint, model, model || '-2026-08-01',
       1 + agent % 9, true, agent % 2 = 0, CASE WHEN agent % 2 = 0 THEN '["search","fetch_page"]' ELSE '[]' END, agent % 3 > 0,
       CASE WHEN outcome = 'denied' THEN 'deny' ELSE 'allow' END, 'line 12: p, developer, gpt-*, allow', '4f1c2a9e77d05b31',
       CASE WHEN outcome = 'denied' THEN 'a rule denies this model' END,
       CASE WHEN kind IS NULL THEN '[]'
            ELSE '[{"rule":"' || lower(kind) || '","type":"' || kind || '","class":"PII","severity":"HIGH","lifecycle":"INGRESS",'
                 || '"surface":"user","action":"log","count":2,"hmac":"' || substr(noise, 1, 32) || '"}]' END,
       'full', NULL, '0123abcd4567ef89', '[]', 9000, 1200, 'low',
       CASE outcome WHEN 'completed' THEN 200 WHEN 'denied' THEN 403 WHEN 'upstream_error' THEN 502 ELSE 400 END,
       CASE WHEN outcome <> 'completed' THEN 'error_' || outcome END, CASE WHEN outcome = 'completed' THEN 'stop' END,
       200 + agent * 7, 100 + agent * 3, 64, 0, 'provider', lasting, lasting / 3, 180, 2000 + agent, 4000 + agent, outcome,
       sha256(noise::bytea), 'gate-' || number % 2, number / 2 + 1, sha256(('p' || noise)::bytea), sha256(('e' || noise)::bytea)
FROM (
    SELECT number, written, md5(number::text) AS noise, agent, lasting,
           CASE WHEN :with_outage = 1 AND number BETWEEN outage AND outage + 3 * 3600000 / :step
                THEN written - 3 * 3600000 - lasting
                WHEN r1 < 0.001 THEN written - 3600000 - (r2 * 36000000)::bigint
                ELSE written - lasting END AS started,
           CASE WHEN number % 100003 = 7 THEN 'model-rare' ELSE 'model-' || lpad(floor(30 * power(r3, 3))::text, 2, '0') END AS model,
           CASE WHEN r4 < 0.85 THEN 'chat/completions' WHEN r4 < 0.95 THEN 'responses' WHEN r4 < 0.99998 THEN 'embeddings'
                ELSE 'audio/speech' END AS endpoint,
           CASE WHEN r5 < 0.88 THEN 'completed' WHEN r5 < 0.93 THEN 'denied' WHEN r5 < 0.94 THEN 'blocked' WHEN r5 < 0.96 THEN 'rejected'
                WHEN r5 < 0.97 THEN 'cancelled' WHEN r5 < 0.9999 THEN 'upstream_error' ELSE 'interrupted' END AS outcome,
           CASE WHEN number % 100003 = 11 THEN 'SECRET_RARE' WHEN r6 < 0.03 THEN 'PII_EMAIL' WHEN r6 < 0.04 THEN 'PII_SSN'
                WHEN r6 < 0.041 THEN 'SECRET_AWS_KEY' END AS kind
    FROM (
        SELECT number, :origin + (number - :first) * :step AS written, :first + (:last - :first) * 3 / 10 AS outage,
               CASE WHEN number % 100003 = 3 THEN 199 ELSE floor(199 * power(random(), 2.5))::int END AS agent,
               300 + (random() * 4000)::bigint AS lasting,
               random() AS r1, random() AS r2, random() AS r3, random() AS r4, random() AS r5, random() AS r6
        FROM generate_series(:first::bigint, :last::bigint) AS number
        OFFSET 0
    ) AS drawn
) AS made;

INSERT INTO audit_findings_:week
SELECT findings::json -> 0 ->> 'rule', position, findings::json -> 0 ->> 'type', 1, 'HIGH', 2 FROM audit_records_:week WHERE findings <> '[]';
COMMIT;

ALTER TABLE audit_records ATTACH PARTITION audit_records_:week FOR VALUES FROM (:low) TO (:high);
ALTER TABLE audit_findings ATTACH PARTITION audit_findings_:week FOR VALUES FROM (:low) TO (:high);

INSERT INTO audit_sums
SELECT 3600000, started_at - started_at % 3600000, agent_name, model, COALESCE(app_context, ''), endpoint, count(*),
       count(*) FILTER (WHERE policy_result = 'deny'), count(*) FILTER (WHERE outcome = 'blocked'),
       count(*) FILTER (WHERE outcome IN ('upstream_error', 'interrupted')), count(*) FILTER (WHERE findings <> '[]'),
       sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(reasoning_tokens), sum(latency_ms), sum(gateway_us)
FROM audit_records_:week
GROUP BY 2, 3, 4, 5, 6
ON CONFLICT DO NOTHING;

VACUUM ANALYZE audit_records_:week, audit_findings_:week;
