-- Policy and identity. Times are Unix milliseconds; UUIDs are 16-byte blobs.
CREATE TABLE gateway_values (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE tenants (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    plan TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
    id BLOB PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deployed TEXT NOT NULL,
    draft TEXT
) STRICT;
CREATE INDEX projects_of_tenant ON projects (tenant_id, created_at);

CREATE TABLE api_keys (
    id BLOB PRIMARY KEY,
    project_id BLOB NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    lookup BLOB NOT NULL UNIQUE,
    hash TEXT NOT NULL,
    last_four TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX api_keys_of_project ON api_keys (project_id, created_at);

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    jwk TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX signing_keys_of_tenant ON signing_keys (tenant_id, created_at);

CREATE TABLE providers (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    base_url TEXT,
    local INTEGER NOT NULL,
    sealed_key TEXT,
    master_key_id TEXT,
    last_four TEXT,
    models TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;

-- Memory. `deletions` outlives the conversation, so that an answer in flight cannot bring a deleted one back.
CREATE TABLE conversations (
    kind TEXT NOT NULL,
    project_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT,
    created_at INTEGER NOT NULL,
    last_message_at INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (kind, project_id, user_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_by_age ON conversations (kind, project_id, user_id, last_message_at);
CREATE INDEX conversations_by_use ON conversations (kind, last_message_at);

CREATE TABLE conversation_deletions (
    kind TEXT NOT NULL,
    project_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    deletions INTEGER NOT NULL,
    PRIMARY KEY (kind, project_id, user_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    project_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    id BLOB NOT NULL,
    turn BLOB NOT NULL,
    body TEXT NOT NULL,
    incomplete INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_of_conversation ON messages (kind, project_id, user_id, conversation_id, seq);

-- The ledger: one row for each attempt at a provider. Attempt ids are UUIDv7, so rows are appended in order.
CREATE TABLE usage_records (
    attempt_id BLOB PRIMARY KEY,
    operation_id BLOB NOT NULL,
    tenant_id BLOB NOT NULL,
    project_id BLOB NOT NULL,
    started_at INTEGER NOT NULL,
    first_byte_at INTEGER,
    ended_at INTEGER NOT NULL,
    user_id TEXT,
    session_id TEXT,
    thread_id TEXT,
    tier TEXT,
    api_key_id BLOB,
    tags TEXT,
    requested_model TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    key_source TEXT NOT NULL,
    streamed INTEGER NOT NULL,
    input_tokens INTEGER,
    cache_read_tokens INTEGER,
    cache_write_tokens INTEGER,
    output_tokens INTEGER,
    reasoning_tokens INTEGER,
    cost_nano_usd INTEGER,
    price_version TEXT,
    estimated INTEGER NOT NULL,
    status TEXT NOT NULL,
    finish_reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_of_project ON usage_records (project_id, started_at);
