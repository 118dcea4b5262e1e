-- which share of the keys each alias answers, and which it is tried on

CREATE TABLE mlops.traffic (
	model text COLLATE "C" NOT NULL,
	alias text COLLATE "C" NOT NULL,
	share float8 NOT NULL CHECK (share >= 0 AND share <= 1),
	shadow float8 NOT NULL CHECK (shadow >= 0 AND shadow <= 1),
	updated_by regrole NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	reason text,
	PRIMARY KEY (model, alias),
	FOREIGN KEY (model, alias) REFERENCES mlops.alias (model, alias)
);
COMMENT ON TABLE mlops.traffic IS 'Shares of the keys of a model that predict_logged and route give to its aliases; set by set_traffic. Without rows, champion has them all.';
COMMENT ON COLUMN mlops.traffic.model IS 'Model name.';
COMMENT ON COLUMN mlops.traffic.alias IS 'Alias.';
COMMENT ON COLUMN mlops.traffic.share IS 'Share of the keys that it answers, 0 to 1; the shares of a model add up to 1, or are all 0, which leaves the keys to champion.';
COMMENT ON COLUMN mlops.traffic.shadow IS 'Share of the other keys for which predict_logged also logs, but does not return, what it would answer.';
COMMENT ON COLUMN mlops.traffic.updated_by IS 'Role that set it.';
COMMENT ON COLUMN mlops.traffic.updated_at IS 'When.';
COMMENT ON COLUMN mlops.traffic.reason IS 'Reason given with it.';
ALTER TABLE mlops.traffic ENABLE ROW LEVEL SECURITY;
CREATE POLICY traffic_predict ON mlops.traffic FOR SELECT
	USING (mlops.has_model_privilege(model, 'predict'));
SELECT pg_catalog.pg_extension_config_dump('mlops.traffic', '');

CREATE FUNCTION mlops.set_traffic(name text, split jsonb DEFAULT NULL, shadow jsonb DEFAULT NULL,
								  reason text DEFAULT NULL) RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_set_traffic';
COMMENT ON FUNCTION mlops.set_traffic(text, jsonb, jsonb, text) IS
'Sets which aliases answer predict_logged and route for a bare model name. split: {"champion": 0.9, "challenger": 0.1}, shares of the keys, which must add up to 1; NULL: champion answers all. shadow: {"challenger": 0.05}, shares of the keys for which predict_logged also logs the answer of an alias without returning it. Replaces what was set before. Source: mlops.traffic. The caller must own the model. Errors: 22023 for shares that are none, ML001 for an alias that does not exist.';

CREATE FUNCTION mlops.route(name text, key text, OUT version int, OUT alias text)
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_route';
COMMENT ON FUNCTION mlops.route(text, text) IS
'Alias that answers for a key of a model, and its version now: always the same for the same shares, by a hash of model, alias and key. A greater share takes keys from others and gives none away. champion without a split, and for a NULL key. Use it with name@alias where predict_logged is not called. Needs the right predict. Errors as for resolve.';
