-- Input written to a provider's cache for an hour, which has a price of its own.
ALTER TABLE usage_records ADD COLUMN cache_write_1h_tokens INTEGER;
