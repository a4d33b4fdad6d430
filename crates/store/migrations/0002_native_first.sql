-- The key of an account begins with what tells accounts apart: nearly all others of a connection share the rest.
-- Comparing keys is most of what an insert costs.

DROP INDEX account_key;
CREATE UNIQUE INDEX account_key ON account (native, kind, connection);
