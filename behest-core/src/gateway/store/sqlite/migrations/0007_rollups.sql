-- Sums of the ledger, written in the transactions of its records. An empty tier or API key is none.
-- By hour, of everybody together: these name nobody, and stay when records are removed for their age.
CREATE TABLE usage_hours (
    project_id BLOB NOT NULL,
    hour INTEGER NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    tier TEXT NOT NULL,
    api_key_id BLOB NOT NULL,
    status TEXT NOT NULL,
    key_source TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cache_write_1h_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (project_id, hour, model, provider, tier, api_key_id, status, key_source)
) STRICT, WITHOUT ROWID;

-- By day, of each user, each session and each value of each tag. The kind is `user`, `session` or `tag`; only tags have
-- a name. What has no user, session or tag has no row: it is what the hours have more.
CREATE TABLE usage_days (
    project_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    day INTEGER NOT NULL,
    subject TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    tier TEXT NOT NULL,
    api_key_id BLOB NOT NULL,
    status TEXT NOT NULL,
    key_source TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cache_write_1h_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (project_id, kind, name, day, subject, model, provider, tier, api_key_id, status, key_source)
) STRICT, WITHOUT ROWID;

-- A cost reckoned again by a later price list. The first one stays; where this is, it counts.
ALTER TABLE usage_records ADD COLUMN rerated_nano_usd INTEGER;
ALTER TABLE usage_records ADD COLUMN rerated_price_version TEXT;
ALTER TABLE usage_records ADD COLUMN rerated_at INTEGER;

DROP INDEX usage_of_project;
CREATE INDEX usage_by_admission ON usage_records (project_id, admitted_at);

CREATE TEMPORARY VIEW priced AS
SELECT *, COALESCE(tier, '') AS of_tier, COALESCE(api_key_id, x'') AS of_key, attempt = 1 AS is_call,
    MIN(COALESCE(input_tokens, 0), 1 << 40) AS t1, MIN(COALESCE(cache_read_tokens, 0), 1 << 40) AS t2,
    MIN(COALESCE(cache_write_tokens, 0), 1 << 40) AS t3, MIN(COALESCE(cache_write_1h_tokens, 0), 1 << 40) AS t4,
    MIN(COALESCE(output_tokens, 0), 1 << 40) AS t5, MIN(COALESCE(reasoning_tokens, 0), 1 << 40) AS t6,
    MIN(COALESCE(cost_nano_usd, 0), 1 << 50) AS cost, cost_nano_usd IS NULL AS is_unpriced
FROM main.usage_records;

INSERT INTO usage_hours
SELECT project_id, admitted_at / 3600000 * 3600000, model, provider, of_tier, of_key, status, key_source, COUNT(*),
    SUM(is_call), SUM(t1), SUM(t2), SUM(t3), SUM(t4), SUM(t5), SUM(t6), SUM(cost), SUM(is_unpriced), SUM(estimated)
FROM priced
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

INSERT INTO usage_days
SELECT project_id, kind, name, admitted_at / 86400000 * 86400000, subject, model, provider, of_tier, of_key, status,
    key_source, COUNT(*), SUM(is_call), SUM(t1), SUM(t2), SUM(t3), SUM(t4), SUM(t5), SUM(t6), SUM(cost),
    SUM(is_unpriced), SUM(estimated)
FROM (
    SELECT *, 'user' AS kind, '' AS name, user_id AS subject FROM priced WHERE user_id IS NOT NULL
    UNION ALL
    SELECT *, 'session', '', session_id FROM priced WHERE session_id IS NOT NULL
    UNION ALL
    SELECT priced.*, 'tag', tag.key, tag.value FROM priced, json_each(priced.tags) AS tag
)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11;

DROP VIEW priced;
