-- When the call was admitted decides the hour, day and month it is counted in; all of its attempts share it.
ALTER TABLE usage_records ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
ALTER TABLE usage_records ADD COLUMN admitted_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_records ADD COLUMN dropped_parameters TEXT;
ALTER TABLE usage_records ADD COLUMN reserved_tokens INTEGER;
ALTER TABLE usage_records ADD COLUMN reserved_nano_usd INTEGER;
UPDATE usage_records SET admitted_at = started_at;
