-- When the same step took the same away before, within the day: what a later try leaves that took nothing.
ALTER TABLE removal ADD COLUMN before_ms BIGINT;
