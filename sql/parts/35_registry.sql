-- registry functions, and who sees which rows

CREATE FUNCTION mlops.has_model_privilege(model text, privilege text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'mlops_sql_has_model_privilege' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.has_model_privilege(text, text) IS 'Whether the current user may predict with, read or own the model (privilege predict, read or own). False for a model that does not exist.';

CREATE FUNCTION mlops.has_run_privilege(run bigint, privilege text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'mlops_sql_has_run_privilege' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.has_run_privilege(bigint, text) IS 'Whether the current user submitted the run, or has the privilege (predict, read or own) on its model. False for a run that does not exist.';

CREATE FUNCTION mlops.grant_model(model text, role regrole, privilege text) RETURNS void
	AS 'MODULE_PATHNAME', 'mlops_sql_grant_model' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.grant_model(text, regrole, text) IS 'Gives a role the right predict, read or own on a model; each includes the ones before it. Role ''-'' is PUBLIC. The caller must own the model. Source: mlops.model_privilege.';

CREATE FUNCTION mlops.revoke_model(model text, role regrole, privilege text) RETURNS void
	AS 'MODULE_PATHNAME', 'mlops_sql_revoke_model' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.revoke_model(text, regrole, text) IS 'Takes back what grant_model gave; nothing happens when there is no such grant. A right that includes this one stays. The caller must own the model.';

CREATE FUNCTION mlops.register_model(name text, model bytea, signature jsonb DEFAULT NULL,
									 params jsonb DEFAULT '{}', metrics jsonb DEFAULT '{}',
									 parent_version int DEFAULT NULL, description text DEFAULT NULL,
									 tags jsonb DEFAULT '{}') RETURNS int
	AS 'MODULE_PATHNAME', 'mlops_sql_register_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.register_model(text, bytea, jsonb, jsonb, jsonb, int, text, jsonb) IS 'Registers a model that XGBoost saved as UBJSON or JSON and returns its version. A new name makes a model of the caller, with the alias champion; else the caller must own it. signature: {"features": ["a", "b"]}, or the full form of model_version.signature, needed for categories; may hold "classes" in the order of the labels, and "positive". metrics: {"roc_auc": 0.9}, kept in mlops.metric. The same bytes as the newest version return that version. Errors: ML003 for bytes that are no model, ML004 for a signature that does not fit.';

CREATE FUNCTION mlops.export_model(model_ref text, format text DEFAULT 'ubj') RETURNS bytea
	AS 'MODULE_PATHNAME', 'mlops_sql_export_model' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.export_model(text, text) IS 'Bytes of a version as they were stored, checked against their digest; XGBoost''s load_model reads them. Needs the right read. Errors: 0A000 when the version is stored in the other format (ubj or json), XX001 when the bytes do not match their digest.';

CREATE FUNCTION mlops.resolve(model_ref text, OUT name text, OUT version int, OUT digest bytea)
	AS 'MODULE_PATHNAME', 'mlops_sql_resolve' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.resolve(text) IS 'Version that name (= name@champion), name@alias or name/version stands for in this statement, and the SHA-256 of its bytes. Needs the right predict. Errors: ML001 for a model, alias or version that does not exist.';

CREATE FUNCTION mlops.classes(model_ref text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'mlops_sql_classes' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.classes(text) IS 'Class labels of a version in the order of predict_proba; for binary tasks the second is the positive one. NULL for other tasks. Needs the right predict.';

CREATE FUNCTION mlops.set_alias(name text, alias text, version int, expected_version int DEFAULT NULL,
								reason text DEFAULT NULL) RETURNS int
	AS 'MODULE_PATHNAME', 'mlops_sql_set_alias' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_alias(text, text, int, int, text) IS 'Points an alias to a version and returns the version before, NULL when there was none. Version NULL removes the alias. With expected_version it moves only when the alias points there now (0: does not exist yet), else ML007. The caller must own the model.';

CREATE FUNCTION mlops.set_threshold(model_ref text, threshold float8) RETURNS void
	AS 'MODULE_PATHNAME', 'mlops_sql_set_threshold' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_threshold(text, float8) IS 'Sets the probability, 0 to 1, from which predict_class answers the positive class of a binary version; 0.5 unless training chose another. The caller must own the model.';

CREATE FUNCTION mlops.delete_model_version(model_ref text, reason text DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'mlops_sql_delete_model_version' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.delete_model_version(text, text) IS 'Deletes the bytes of name/version; digest, run, metrics and lineage stay, and the number is not used again. Refused (55006) while an alias points to it. The caller must own the model.';

CREATE FUNCTION mlops.lineage(model_ref text, OUT depth int, OUT kind text, OUT object text,
							  OUT digest bytea, OUT detail jsonb) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'mlops_sql_lineage' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
	ROWS 10;
COMMENT ON FUNCTION mlops.lineage(text) IS 'Where a version comes from: rows of kind version, run, dataset, query and relation at depth 0, then the same of its parent version at depth 1, and so on. Needs the right read. Also for deleted versions.';

CREATE FUNCTION mlops.evaluate(model_ref text, query text, target name DEFAULT NULL)
	RETURNS TABLE (metric text, value float8, std_error float8, n bigint)
	AS 'MODULE_PATHNAME', 'mlops_sql_evaluate' LANGUAGE C VOLATILE PARALLEL UNSAFE
	ROWS 10;
COMMENT ON FUNCTION mlops.evaluate(text, text, name) IS 'Metrics of a version, under scikit-learn''s names, on the rows of a query, which runs as the caller; $1 in it is now(). target: the column that holds the truth; default the one of the training. Rows count once each, whatever their weight. A metric that these rows do not define is NULL, with a WARNING. Recorded as a run of kind evaluate with its data set and metrics. Needs the right read.';

CREATE FUNCTION mlops.compare(refs text[], query text, target name DEFAULT NULL,
							  unseen_only boolean DEFAULT true)
	RETURNS TABLE (metric text, version text, value float8, std_error float8, n bigint,
				   difference float8, ci_low float8, ci_high float8)
	AS 'MODULE_PATHNAME', 'mlops_sql_compare' LANGUAGE C STABLE PARALLEL UNSAFE
	ROWS 20;
COMMENT ON FUNCTION mlops.compare(text[], text, name, boolean) IS 'Versions on the same rows of one query, which runs once, as the caller. difference: value minus that of the first version, which fixes the metrics; ci_low and ci_high: its 95 % confidence interval from paired losses of rows, for the metric that is a mean of such losses, else NULL. unseen_only: only rows that none of the versions was trained on, by the split that they have in common; ML005 when there is none, as for imported versions. Needs the right read of all. Writes nothing.';

-- predict sees model, alias and metrics; the rest contains data and needs read
ALTER TABLE mlops.model ENABLE ROW LEVEL SECURITY;
CREATE POLICY model_predict ON mlops.model FOR SELECT
	USING (mlops.has_model_privilege(name, 'predict'));
ALTER TABLE mlops.alias ENABLE ROW LEVEL SECURITY;
CREATE POLICY alias_predict ON mlops.alias FOR SELECT
	USING (mlops.has_model_privilege(model, 'predict'));
ALTER TABLE mlops.metric ENABLE ROW LEVEL SECURITY;
CREATE POLICY metric_predict ON mlops.metric FOR SELECT
	USING (mlops.has_run_privilege(run_id, 'predict'));
ALTER TABLE mlops.model_privilege ENABLE ROW LEVEL SECURITY;
CREATE POLICY model_privilege_read ON mlops.model_privilege FOR SELECT
	USING (mlops.has_model_privilege(model, 'read'));
ALTER TABLE mlops.model_version ENABLE ROW LEVEL SECURITY;
CREATE POLICY model_version_read ON mlops.model_version FOR SELECT
	USING (mlops.has_model_privilege(model, 'read'));
ALTER TABLE mlops.model_blob ENABLE ROW LEVEL SECURITY;
CREATE POLICY model_blob_read ON mlops.model_blob FOR SELECT
	USING (EXISTS (SELECT FROM mlops.model_version v
				   WHERE v.digest OPERATOR(pg_catalog.=) model_blob.digest));
ALTER TABLE mlops.run ENABLE ROW LEVEL SECURITY;
CREATE POLICY run_read ON mlops.run FOR SELECT
	USING (pg_catalog.pg_has_role(submitted_by, 'USAGE') OR mlops.has_model_privilege(model, 'read'));
ALTER TABLE mlops.role_limit ENABLE ROW LEVEL SECURITY;
CREATE POLICY role_limit_read ON mlops.role_limit FOR SELECT
	USING (role OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR pg_catalog.pg_has_role(role, 'USAGE'));
ALTER TABLE mlops.cancel_request ENABLE ROW LEVEL SECURITY;
CREATE POLICY cancel_request_read ON mlops.cancel_request FOR SELECT
	USING (mlops.has_run_privilege(run_id, 'read'));
ALTER TABLE mlops.dataset ENABLE ROW LEVEL SECURITY;
CREATE POLICY dataset_read ON mlops.dataset FOR SELECT
	USING (pg_catalog.pg_has_role(read_by, 'USAGE')
		   OR EXISTS (SELECT FROM mlops.run r
					  WHERE r.dataset_id OPERATOR(pg_catalog.=) dataset.id));

