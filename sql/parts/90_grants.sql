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
