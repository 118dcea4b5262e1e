-- performance: labels beside predictions -> metrics, under scikit-learn's names

CREATE TYPE mlops.performance;

CREATE FUNCTION mlops.performance_in(cstring) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_in(cstring) IS 'Input of type mlops.performance; checks every byte. Error: 22P02, 22P03.';

CREATE FUNCTION mlops.performance_out(mlops.performance) RETURNS cstring
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_out(mlops.performance) IS 'Output of type mlops.performance: hexadecimal digits; equal contents have equal text.';

CREATE FUNCTION mlops.performance_recv(internal) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_recv(internal) IS 'Binary input of type mlops.performance; checks every byte. Error: 22P03.';

CREATE FUNCTION mlops.performance_send(mlops.performance) RETURNS bytea
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_send(mlops.performance) IS 'Binary output of type mlops.performance.';

CREATE TYPE mlops.performance (
	INPUT = mlops.performance_in, OUTPUT = mlops.performance_out,
	RECEIVE = mlops.performance_recv, SEND = mlops.performance_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = double, STORAGE = extended
);
COMMENT ON TYPE mlops.performance IS
'What the metrics of a set of rows follow from: counts of labels by predictions, exact sums of errors, and for binary scores counts in 515 bins. Made by aggregate mlops.performance, merged by mlops.performance_merge, read by mlops.metrics. Rows merge in any order with equal bits.';

CREATE FUNCTION mlops.performance_combine(mlops.performance, mlops.performance) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_combine(mlops.performance, mlops.performance) IS 'Step of the performance aggregates: adds the rows of the second state to the first. Works in an aggregate only.';

CREATE FUNCTION mlops.performance_final(mlops.performance) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_final(mlops.performance) IS 'Last step of mlops.performance and mlops.performance_merge.';

-- steps per row
CREATE FUNCTION mlops.performance_add_hit(mlops.performance, "any", "any") RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_hit' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_hit(mlops.performance, "any", "any") IS 'Step of the performance aggregates: counts right and wrong predictions. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_hit(mlops.performance, "any", "any", float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_hit' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_hit(mlops.performance, "any", "any", float8) IS 'Step of the performance aggregates: counts right and wrong predictions. Works in an aggregate only.';

CREATE FUNCTION mlops.performance_add_class(mlops.performance, "any", "any") RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_class' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_class(mlops.performance, "any", "any") IS 'Step of the performance aggregates: counts labels by predictions. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_class(mlops.performance, "any", "any", float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_class' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_class(mlops.performance, "any", "any", float8) IS 'Step of the performance aggregates: counts labels by predictions. Works in an aggregate only.';

CREATE FUNCTION mlops.performance_add_cell(mlops.performance, "any", "any") RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_cell' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_cell(mlops.performance, "any", "any") IS 'Step of the performance aggregates: counts the four cells of one class against the others. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_cell(mlops.performance, "any", "any", text) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_cell' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_cell(mlops.performance, "any", "any", text) IS 'Step of the performance aggregates: counts the four cells of one class against the others. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_cell(mlops.performance, "any", "any", text, float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_cell' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_cell(mlops.performance, "any", "any", text, float8) IS 'Step of the performance aggregates: counts the four cells of one class against the others. Works in an aggregate only.';

CREATE FUNCTION mlops.performance_add_average(mlops.performance, "any", "any", text, text) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_average' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_average(mlops.performance, "any", "any", text, text) IS 'Step of the performance aggregates: counts what averages over classes need. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_average(mlops.performance, "any", "any", text, text, float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_average' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_average(mlops.performance, "any", "any", text, text, float8) IS 'Step of the performance aggregates: counts what averages over classes need. Works in an aggregate only.';

CREATE FUNCTION mlops.performance_add_score(mlops.performance, "any", float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_score' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_score(mlops.performance, "any", float8) IS 'Step of the performance aggregates: counts losses of probabilities. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_score(mlops.performance, "any", float8, text) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_score' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_score(mlops.performance, "any", float8, text) IS 'Step of the performance aggregates: counts losses of probabilities. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_score(mlops.performance, "any", float8, text, float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_score' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_score(mlops.performance, "any", float8, text, float8) IS 'Step of the performance aggregates: counts losses of probabilities. Works in an aggregate only.';

CREATE FUNCTION mlops.performance_add_bin(mlops.performance, "any", float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_bin' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_bin(mlops.performance, "any", float8) IS 'Step of the performance aggregates: counts labels by bins of the score. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_bin(mlops.performance, "any", float8, text) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_bin' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_bin(mlops.performance, "any", float8, text) IS 'Step of the performance aggregates: counts labels by bins of the score. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_bin(mlops.performance, "any", float8, text, float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_bin' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_bin(mlops.performance, "any", float8, text, float8) IS 'Step of the performance aggregates: counts labels by bins of the score. Works in an aggregate only.';

CREATE FUNCTION mlops.performance_add_probabilities(mlops.performance, "any", float8[], text[]) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_probabilities' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_probabilities(mlops.performance, "any", float8[], text[]) IS 'Step of the performance aggregates: counts the log loss of several classes. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_probabilities(mlops.performance, "any", float8[], text[], float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_probabilities' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_probabilities(mlops.performance, "any", float8[], text[], float8) IS 'Step of the performance aggregates: counts the log loss of several classes. Works in an aggregate only.';

CREATE FUNCTION mlops.performance_add_value(mlops.performance, float8, float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_value' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_value(mlops.performance, float8, float8) IS 'Step of the performance aggregates: counts errors of numbers. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_value(mlops.performance, float8, float8, float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_value' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_value(mlops.performance, float8, float8, float8) IS 'Step of the performance aggregates: counts errors of numbers. Works in an aggregate only.';

CREATE FUNCTION mlops.performance_add_regression(mlops.performance, float8, float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_regression' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_regression(mlops.performance, float8, float8) IS 'Step of the performance aggregates: counts errors of numbers and their squares. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_regression(mlops.performance, float8, float8, float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_regression' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_regression(mlops.performance, float8, float8, float8) IS 'Step of the performance aggregates: counts errors of numbers and their squares. Works in an aggregate only.';

CREATE FUNCTION mlops.performance_add_binary(mlops.performance, "any", "any", float8, text) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_binary' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_binary(mlops.performance, "any", "any", float8, text) IS 'Step of the performance aggregates: counts all that metrics of two classes need. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_binary(mlops.performance, "any", "any", float8, text, float8) RETURNS mlops.performance
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_binary' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_binary(mlops.performance, "any", "any", float8, text, float8) IS 'Step of the performance aggregates: counts all that metrics of two classes need. Works in an aggregate only.';

-- last steps
CREATE FUNCTION mlops.performance_accuracy(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_accuracy' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_accuracy(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_balanced_accuracy(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_balanced_accuracy' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_balanced_accuracy(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_matthews_corrcoef(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_matthews_corrcoef' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_matthews_corrcoef(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_precision(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_precision' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_precision(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_recall(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_recall' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_recall(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_f1(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_f1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_f1(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_specificity(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_specificity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_specificity(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_log_loss(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_log_loss' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_log_loss(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_brier_score(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_brier_score' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_brier_score(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_calibration_error(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_calibration_error' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_calibration_error(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_roc_auc(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_roc_auc' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_roc_auc(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_average_precision(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_average_precision' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_average_precision(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_mse(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_mse' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_mse(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_rmse(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_rmse' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_rmse(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_mae(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_mae' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_mae(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_mape(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_mape' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_mape(mlops.performance) IS 'Last step of the aggregate of that name.';
CREATE FUNCTION mlops.performance_r2(mlops.performance) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_r2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_r2(mlops.performance) IS 'Last step of the aggregate of that name.';
