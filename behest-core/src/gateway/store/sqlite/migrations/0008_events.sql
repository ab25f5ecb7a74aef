-- What happened. Ids grow, so they order events and say where a reader stopped; `once` makes repeated events one.
CREATE TABLE events (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    tenant_id BLOB,
    project_id BLOB,
    message TEXT NOT NULL,
    data TEXT NOT NULL,
    once TEXT UNIQUE
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_time ON events (at);

-- Where events are sent, and the outbox: a delivery with `next_at` is to be tried then, one without is done or given up.
CREATE TABLE webhooks (
    id BLOB PRIMARY KEY,
    url TEXT NOT NULL,
    local INTEGER NOT NULL,
    kinds TEXT,
    tenant_id BLOB,
    project_id BLOB,
    from_file INTEGER NOT NULL,
    sealed_secret TEXT NOT NULL,
    master_key_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

CREATE TABLE webhook_deliveries (
    webhook_id BLOB NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    next_at INTEGER,
    last_at INTEGER,
    last_status INTEGER,
    last_error TEXT,
    delivered INTEGER NOT NULL,
    PRIMARY KEY (webhook_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON webhook_deliveries (webhook_id, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_by_time ON webhook_deliveries (created_at);
