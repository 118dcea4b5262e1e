-- rights: functions that check the model's own rights are for everybody; train,
-- train_wait and register_model make models and need a GRANT by an administrator

REVOKE ALL ON SCHEMA mlops FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA mlops FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA mlops FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA mlops FROM PUBLIC;

GRANT USAGE ON SCHEMA mlops TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA mlops TO PUBLIC;

GRANT EXECUTE ON FUNCTION mlops.dataset_digest(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.has_model_privilege(text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.has_run_privilege(bigint, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.grant_model(text, regrole, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.revoke_model(text, regrole, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.export_model(text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.resolve(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.classes(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_alias(text, text, int, int, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_threshold(text, float8) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.delete_model_version(text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.lineage(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.evaluate(text, text, name) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.compare(text[], text, name, boolean) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict(text, VARIADIC "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_class(text, VARIADIC "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_array(text, VARIADIC "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_raw(text, VARIADIC "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_calibrated(text, VARIADIC "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.check_skew(text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_calibration(text, text, name) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_reference(text, text, name) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_leaf(text, VARIADIC "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_proba(text, VARIADIC "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_classes(text, VARIADIC "any") TO PUBLIC;


GRANT EXECUTE ON FUNCTION mlops.predict(text, "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_class(text, "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_array(text, "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_raw(text, "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_proba(text, "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_classes(text, "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.explain(text, "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.explain_interactions(text, "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.importance(text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.retrain(text, text, name, jsonb, text, text, int, int, text, name, float8, float8, interval, boolean, name[], name, name, text, name, name[], name[], timestamptz, interval, text, text, text, jsonb) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.wait(bigint, interval) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.cancel(bigint) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.tick() TO PUBLIC;
GRANT EXECUTE ON PROCEDURE mlops.retrain_wait(text, text, name, jsonb, text, text, int, int, text, name, float8, float8, interval, boolean, name[], name, name, text, name, name[], name[], timestamptz, interval, text, text, text, jsonb) TO PUBLIC;
GRANT EXECUTE ON PROCEDURE mlops.wait_run(bigint, interval) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.check_predictions(text, text, name) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_batch(text, text, name) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_agg(text, VARIADIC "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.create_function(text, text, text, text, boolean) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.named_row(text[], VARIADIC "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.predict_logged(text, text, VARIADIC "any") TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.record_outcome(text, text, text, timestamptz, interval) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.set_traffic(text, jsonb, jsonb, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.route(text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.prediction_performance(text, timestamptz, timestamptz, interval) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.compare_logged(text, text, timestamptz, timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.stat_predictions() TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.stat_latencies() TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.stat_prediction_info() TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.schedule_retrain(text, text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.unschedule_retrain(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.estimate_add(bigint[], float8, float8, float8) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.estimate_add_state(bigint[], bigint[]) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.estimate_final(bigint[]) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.estimate(float8, float8, float8) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.estimate_merge(bigint[]) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.estimate_metrics(bigint[]) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.estimated_performance(text, text, name) TO PUBLIC;

-- profiles are values: whoever has one may read and merge it
GRANT EXECUTE ON FUNCTION mlops.profile_equal(mlops.profile, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile_differ(mlops.profile, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.rows(mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.mean(mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.stddev(mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.minimum(mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.maximum(mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.null_rate(mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.quantile(mlops.profile, float8) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.histogram(mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile_merge(mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile(float8, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(float8) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(float8, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile(boolean, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(boolean) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(boolean, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile(date, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(date) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(date, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile(time, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(time) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(time, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile(timestamp, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(timestamp) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(timestamp, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile(timestamptz, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(timestamptz, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile(interval, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(interval) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(interval, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile(text, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(text, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile(anyenum, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(anyenum) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(anyenum, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profiles(mlops.profile_set) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.column_profile(mlops.profile_set, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile_set(text, mlops.profile) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile(record, mlops.profile_set) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(record) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.reference(record, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.profile_merge(mlops.profile_set) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.drift(mlops.profile, mlops.profile, float8, float8) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.drift(text, text, float8, float8) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.bh_adjust(float8) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.auc_test(float8, float8, float8) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.domain_query(text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.domain_classifier(text, text, text, name[], name[]) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.create_monitor(text, text, regclass, text, name[], name, name, name, name, interval, interval, interval, bigint, float8, float8, int, interval, name, bigint, text, interval, text, text, interval, int, bigint, float8, text, float8, bigint, interval, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.alter_monitor(text, text, name[], name, name, name, name, interval, interval, float8, float8, int, interval, name, bigint, text, interval, text, text, interval, int, bigint, float8, text, float8, bigint, interval, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.drop_monitor(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.pause_monitor(text, boolean) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.check_monitor(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.observe_insert() TO PUBLIC;
GRANT EXECUTE ON FUNCTION mlops.observe_update() TO PUBLIC;

GRANT EXECUTE ON FUNCTION
	mlops.accuracy("any", "any"),
	mlops.accuracy("any", "any", float8),
	mlops.balanced_accuracy("any", "any"),
	mlops.balanced_accuracy("any", "any", float8),
	mlops.matthews_corrcoef("any", "any"),
	mlops.matthews_corrcoef("any", "any", float8),
	mlops.precision("any", "any"),
	mlops.precision("any", "any", text),
	mlops.precision("any", "any", text, float8),
	mlops.precision("any", "any", text, text),
	mlops.precision("any", "any", text, text, float8),
	mlops.recall("any", "any"),
	mlops.recall("any", "any", text),
	mlops.recall("any", "any", text, float8),
	mlops.recall("any", "any", text, text),
	mlops.recall("any", "any", text, text, float8),
	mlops.f1("any", "any"),
	mlops.f1("any", "any", text),
	mlops.f1("any", "any", text, float8),
	mlops.f1("any", "any", text, text),
	mlops.f1("any", "any", text, text, float8),
	mlops.specificity("any", "any"),
	mlops.specificity("any", "any", text),
	mlops.specificity("any", "any", text, float8),
	mlops.log_loss("any", float8),
	mlops.log_loss("any", float8, text),
	mlops.log_loss("any", float8, text, float8),
	mlops.brier_score("any", float8),
	mlops.brier_score("any", float8, text),
	mlops.brier_score("any", float8, text, float8),
	mlops.calibration_error("any", float8),
	mlops.calibration_error("any", float8, text),
	mlops.calibration_error("any", float8, text, float8),
	mlops.roc_auc_binned("any", float8),
	mlops.roc_auc_binned("any", float8, text),
	mlops.roc_auc_binned("any", float8, text, float8),
	mlops.average_precision_binned("any", float8),
	mlops.average_precision_binned("any", float8, text),
	mlops.average_precision_binned("any", float8, text, float8),
	mlops.log_loss("any", float8[], text[]),
	mlops.log_loss("any", float8[], text[], float8),
	mlops.roc_auc("any", float8),
	mlops.roc_auc("any", float8, text),
	mlops.roc_auc("any", float8, text, float8),
	mlops.average_precision("any", float8),
	mlops.average_precision("any", float8, text),
	mlops.average_precision("any", float8, text, float8),
	mlops.mse(float8, float8),
	mlops.mse(float8, float8, float8),
	mlops.rmse(float8, float8),
	mlops.rmse(float8, float8, float8),
	mlops.mae(float8, float8),
	mlops.mae(float8, float8, float8),
	mlops.mape(float8, float8),
	mlops.mape(float8, float8, float8),
	mlops.r2(float8, float8),
	mlops.r2(float8, float8, float8),
	mlops.performance("any", text),
	mlops.performance("any", text, float8),
	mlops.performance("any", "any", float8, text),
	mlops.performance("any", "any", float8, text, float8),
	mlops.performance(float8, float8),
	mlops.performance(float8, float8, float8),
	mlops.performance_merge(mlops.performance),
	mlops.metrics(mlops.performance)
	TO PUBLIC;
