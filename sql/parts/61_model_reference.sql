-- what drift is measured against: profiles of the rows a version has seen; they contain data, and need read

CREATE TABLE mlops.model_reference (
	model text COLLATE "C" NOT NULL,
	version int NOT NULL,
	role text COLLATE "C" NOT NULL CHECK (role IN ('feature', 'label', 'prediction')),
	name text COLLATE "C" NOT NULL,
	profile mlops.profile NOT NULL,
	importance float8 CHECK (importance >= 0 AND importance <= 1),
	dataset text COLLATE "C" NOT NULL CHECK (dataset IN ('train', 'test', 'query')),
	PRIMARY KEY (model, version, role, name),
	FOREIGN KEY (model, version) REFERENCES mlops.model_version (model, version)
);
COMMENT ON TABLE mlops.model_reference IS 'Reference profiles of versions, which drift is measured against: a row per feature, one for the label and one for the prediction. Made by training, unweighted, or by set_reference on a query. Deleted with the version. Needs the right read.';
COMMENT ON COLUMN mlops.model_reference.model IS 'Model name.';
COMMENT ON COLUMN mlops.model_reference.version IS 'Version.';
COMMENT ON COLUMN mlops.model_reference.role IS 'feature, label or prediction.';
COMMENT ON COLUMN mlops.model_reference.name IS 'Name of the feature, or of the target column for the label; prediction for the prediction: what predict gives, for a multiclass version the class that predict_class gives.';
COMMENT ON COLUMN mlops.model_reference.profile IS 'Cells and their counts. Numbers are counted as float32, as the model sees them.';
COMMENT ON COLUMN mlops.model_reference.importance IS 'Share of the feature in the total gain of the model, 0 to 1; NULL for label and prediction, and where the model has no gain (gblinear, a single leaf).';
COMMENT ON COLUMN mlops.model_reference.dataset IS 'Rows that were counted: train (the training side of the split, validation rows included), test (hold-out), or query for set_reference.';

ALTER TABLE mlops.model_reference ENABLE ROW LEVEL SECURITY;
CREATE POLICY model_reference_read ON mlops.model_reference FOR SELECT
	USING (mlops.has_model_privilege(model, 'read'));
SELECT pg_catalog.pg_extension_config_dump('mlops.model_reference', '');

CREATE FUNCTION mlops.set_reference(model_ref text, query text, target name DEFAULT NULL) RETURNS bigint
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_set_reference';
COMMENT ON FUNCTION mlops.set_reference(text, text, name) IS
'Makes the reference profiles of a version (table model_reference) anew from the rows of a query, which runs as the caller: for an imported version, or when drift is to be measured against another population than the training rows. Profiles the features, what the version predicts for the rows, and the label where the query has it; returns the number of rows. target: the column that holds the truth; default the one of the training, if the query returns it; rows where it is NULL take no part. $1 in the query is now(). Rows count once each, whatever their weight. The caller must own the model. Errors: ML001 for a missing model, ML004 for rows that do not fit its signature, ML005 without rows.';
