-- What limits and budgets have used is asked of the ledger by the time of admission: of a session, which has no sums by
-- user, and without the calls that are still under way.
CREATE INDEX usage_of_session ON usage_records (project_id, session_id, admitted_at) WHERE session_id IS NOT NULL;
CREATE INDEX usage_of_operation ON usage_records (operation_id);
