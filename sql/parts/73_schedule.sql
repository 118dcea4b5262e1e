-- retraining by the clock, through pg_cron

CREATE FUNCTION mlops.schedule_retrain(model text, schedule text, promote text DEFAULT 'if_not_worse')
	RETURNS bigint
	AS 'MODULE_PATHNAME', 'mlops_sql_schedule_retrain' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.schedule_retrain(text, text, text) IS
'Has pg_cron retrain a model at the times of schedule, which is pg_cron''s notation (''0 3 * * 0'': Sundays at 3, in cron.timezone, by default GMT), and returns the id of its job. The job is CALL mlops.retrain_wait(model, promote => promote), runs as the caller and replaces the caller''s earlier one for this model. The caller must own the model and needs USAGE on schema cron in cron.database_name; where that is another database, also CONNECT on it and EXECUTE on cron.schedule_in_database, and the job stays when the transaction is rolled back. Errors: ML001, 22023 for an argument, 42501 for a missing right, 55000 without pg_cron.';

CREATE FUNCTION mlops.unschedule_retrain(model text)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'mlops_sql_unschedule_retrain' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.unschedule_retrain(text) IS
'Removes the caller''s job of schedule_retrain for a model, also of one that is gone; false when there is none. Rights and errors as for schedule_retrain, but none on the model.';
