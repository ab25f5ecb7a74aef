-- What is allowed lives apart from what was used: usage is the ledger's alone.
CREATE TABLE tiers (
    project_id BLOB NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    overrides TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE budgets (
    id BLOB PRIMARY KEY,
    project_id BLOB NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    terms TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (project_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE kill_switches (
    scope TEXT NOT NULL,
    tenant_id BLOB REFERENCES tenants (id),
    project_id BLOB REFERENCES projects (id),
    user_id TEXT,
    api_key_id BLOB REFERENCES api_keys (id),
    reason TEXT,
    created_at INTEGER NOT NULL
) STRICT;

-- NULL is equal to nothing in SQLite, so a plain key would let the same switch be thrown twice.
CREATE UNIQUE INDEX kill_switches_by_target ON kill_switches (
    scope, ifnull(tenant_id, x''), ifnull(project_id, x''), ifnull(user_id, ''), ifnull(api_key_id, x'')
);
