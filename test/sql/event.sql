-- events and schedules as everybody sees them; what events start is in test/t/051_event.pl
CREATE ROLE regress_event_owner LOGIN;
CREATE ROLE regress_event_reader LOGIN;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO regress_event_owner;
GRANT CREATE ON SCHEMA public TO regress_event_owner;
SET ROLE regress_event_owner;
CREATE TABLE event_rows AS SELECT i AS id, i % 7 AS x, i % 7 > 3 AS y FROM generate_series(1, 500) i;
SET client_min_messages = error;
SELECT mlops.train('event', 'SELECT * FROM event_rows', 'y', key => '{id}', num_boost_round => 1) AS run \gset
CALL mlops.wait_run(:run);
RESET client_min_messages;

-- schedules: arguments first, then pg_cron, which is not here
SELECT mlops.schedule_retrain(NULL, '* * * * *');
SELECT mlops.schedule_retrain('event', NULL);
SELECT mlops.schedule_retrain('event', '* * * * *', NULL);
SELECT mlops.schedule_retrain('no; such', '* * * * *');
SELECT mlops.schedule_retrain('absent', '* * * * *');
SELECT mlops.schedule_retrain('event', '* * * * *', promote => 'always');
SELECT mlops.schedule_retrain('event', E'* * * * *\nDROP TABLE event_rows');
SELECT mlops.schedule_retrain('event', repeat('*', 200));
SELECT mlops.schedule_retrain('event', '0 3 * * 0', promote => 'if_not_worse');
SELECT mlops.unschedule_retrain('event');
SELECT mlops.unschedule_retrain('');
BEGIN READ ONLY;
SELECT mlops.schedule_retrain('event', '0 3 * * 0');
ROLLBACK;
BEGIN READ ONLY;
SELECT mlops.unschedule_retrain('event');
ROLLBACK;
SET ROLE regress_event_reader;
SELECT mlops.schedule_retrain('event', '0 3 * * 0');
SELECT mlops.schedule_retrain('absent', '0 3 * * 0');

-- events: readers of the model see them, nobody writes them
RESET ROLE;
INSERT INTO mlops.monitor (name, model, relation, window_size, owner) VALUES ('event', 'event', 'event_rows', '1 day', 'regress_event_owner');
INSERT INTO mlops.drift_event (monitor, model, version, kind, cause, opened_at, action, outcome, outcome_at, notified_at)
	VALUES ('event', 'event', 1, 'drift', 'dataset', now(), 'alert', 'alerted', now(), now());
INSERT INTO mlops.drift_event (monitor, model, version, kind, cause, opened_at, action, outcome, outcome_at, notified_at)
	VALUES ('event', 'event', 1, 'drift', 'dataset', now(), 'alert', 'alerted', now(), now());
SET ROLE regress_event_owner;
SELECT monitor, version, kind, cause, action, outcome FROM mlops.drift_event WHERE closed_at IS NULL;
UPDATE mlops.drift_event SET closed_at = now();
DELETE FROM mlops.drift_event;
SET ROLE regress_event_reader;
SELECT count(*) FROM mlops.drift_event;
RESET ROLE;
-- they go with their monitor
DELETE FROM mlops.monitor WHERE name = 'event';
SELECT count(*) FROM mlops.drift_event;
SELECT count(*) FROM pg_extension e, unnest(extconfig) t WHERE extname = 'mlops' AND t IN ('mlops.drift_event'::regclass, 'mlops.drift_event_id_seq'::regclass);

SET client_min_messages = error;
DROP TABLE event_rows;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset RESTART IDENTITY CASCADE;
DROP OWNED BY regress_event_owner;
DROP ROLE regress_event_owner, regress_event_reader;
