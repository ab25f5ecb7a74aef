-- A provider may belong to a project, and each row has an id: the id of its key, which a project's seal names.
CREATE TABLE providers_with_owners (
    id BLOB PRIMARY KEY,
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    project_id BLOB REFERENCES projects (id),
    name TEXT NOT NULL,
    base_url TEXT,
    local INTEGER NOT NULL,
    sealed_key TEXT,
    master_key_id TEXT,
    last_four TEXT,
    models TEXT,
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO providers_with_owners
    (id, tenant_id, name, base_url, local, sealed_key, master_key_id, last_four, models, created_at)
SELECT randomblob(16), tenant_id, name, base_url, local, sealed_key, master_key_id, last_four, models, created_at
FROM providers;
DROP TABLE providers;
ALTER TABLE providers_with_owners RENAME TO providers;
-- Two indexes, because a unique index takes every NULL for another value.
CREATE UNIQUE INDEX providers_of_tenant ON providers (tenant_id, name) WHERE project_id IS NULL;
CREATE UNIQUE INDEX providers_of_project ON providers (project_id, name) WHERE project_id IS NOT NULL;
