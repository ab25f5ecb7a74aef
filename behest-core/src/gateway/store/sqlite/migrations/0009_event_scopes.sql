-- A tenant's and a project's events in their order, without a look at anybody else's.
CREATE INDEX events_by_tenant ON events (tenant_id, id) WHERE tenant_id IS NOT NULL;
CREATE INDEX events_by_project ON events (project_id, id) WHERE project_id IS NOT NULL;
