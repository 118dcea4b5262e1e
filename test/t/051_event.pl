# What monitors' events start: a retraining, a challenger, a comparison, a promotion.
# The windows are made up; what fills them has tests of its own.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use lib 'test/perl';
use MlopsRun;

my $node = new_cluster('node', "shared_preload_libraries = 'mlops'\nmlops.monitor_interval = 1\n");
set_up($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE FUNCTION add_window(monitor text, version int, hour int, status text, streak int, role text DEFAULT 'dataset',
		name text DEFAULT '', psi float8 DEFAULT 0.5, importance float8 DEFAULT NULL) RETURNS void
	BEGIN ATOMIC
		INSERT INTO mlops.drift_window (monitor, version, window_start, window_end, n_rows, closed_at, evaluated_at, status, streak)
		VALUES (monitor, version, timestamptz '2026-01-01 00:00Z' + make_interval(hours => hour),
			timestamptz '2026-01-01 00:00Z' + make_interval(hours => hour + 1), 1000, now(), now(), status, streak)
		ON CONFLICT DO NOTHING;
		INSERT INTO mlops.drift_measure (monitor, version, window_start, role, name, status, streak, psi, psi_critical, importance)
		VALUES (monitor, version, timestamptz '2026-01-01 00:00Z' + make_interval(hours => hour), role, name, status, streak, psi, 0.01, importance);
	END;
	CREATE FUNCTION add_monitor(name text, model text, action text, VARIADIC settings text[] DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO mlops.monitor (name, model, relation, window_size, owner, action)
		VALUES (name, model, 'flower', '1 hour', 'alice', action);
		INSERT INTO mlops.monitor_state (monitor) VALUES (name);
		FOR i IN 1 .. coalesce(array_length(settings, 1), 0) LOOP
			EXECUTE format('UPDATE mlops.monitor SET %s WHERE name = %L', settings[i], name);
		END LOOP;
	END $$;
});

sub run_sql { return $node->safe_psql('postgres', shift); }

sub as_alice { return $node->safe_psql('postgres', shift, extra_params => [ '-U', 'alice' ]); }

sub train
{
	my ($model) = @_;
	as_alice("CALL mlops.train_wait('$model', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 10)");
}

# Wait until a query says t, with a dispatcher at work: there are no writers to wake one.
sub wait_until
{
	my ($query) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if run_sql("DO 'BEGIN PERFORM mlops.tick(); END'; $query") eq 't';
		usleep(100_000);
	}
	diag("not in time: $query");
	diag(run_sql('SELECT id, monitor, cause, closed_at, outcome, outcome_reason, run_id, compare_run_id FROM mlops.drift_event ORDER BY id DESC LIMIT 6'));
	diag(run_sql('SELECT id, kind, model, version, status, phase, error FROM mlops.run ORDER BY id DESC LIMIT 6'));
	return 0;
}

# Wait until an event of the monitor satisfies the condition.
sub wait_event
{
	my ($monitor, $condition) = @_;
	return wait_until("SELECT count(*) > 0 FROM mlops.drift_event WHERE monitor = '$monitor' AND $condition");
}

# Wait until the chore has been called once more, by an event of another monitor.
my $hour = 0;
sub wait_round
{
	$hour++;
	run_sql("SELECT add_window('bell', 1, $hour, 'drift', 2)");
	wait_event('bell', "cause = 'dataset' AND closed_at IS NULL");
	run_sql(qq{SELECT add_window('bell', 1, $hour + 1, 'ok', 0), add_window('bell', 1, $hour + 2, 'ok', 0)});
	$hour += 2;
	wait_until("SELECT count(*) = 0 FROM mlops.drift_event WHERE monitor = 'bell' AND closed_at IS NULL")
	  or die 'the chore is not called';
}

train($_) for qw(bell plan promo same cool label);
run_sql(q{SELECT add_monitor('bell', 'bell', 'alert')});

# one window alone opens nothing, the second one does, once
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN mlops');
run_sql(q{SELECT add_monitor('plan', 'plan', 'alert'), add_window('plan', 1, 0, 'drift', 1)});
wait_round();
is(run_sql(q{SELECT count(*) FROM mlops.drift_event WHERE monitor = 'plan'}), '0', 'one window opens no event');
run_sql(q{SELECT add_window('plan', 1, 1, 'drift', 2), add_window('plan', 1, 1, 'drift', 2, 'prediction', 'prediction'),
	add_window('plan', 1, 1, 'drift', 2, 'feature', 'a', 0.3, 0.9), add_window('plan', 1, 1, 'drift', 2, 'feature', 'b', 2, 0.05),
	add_window('plan', 1, 1, 'ok', 0, 'feature', 'c', 0.01, 0.05)});
ok(wait_event('plan', "cause = 'columns'"), 'the second one does');
is(run_sql(q{SELECT string_agg(format('%s %s %s %s %s', kind, cause, version, action, outcome), ', ' ORDER BY cause) FROM mlops.drift_event WHERE monitor = 'plan'}),
	'drift columns 1 alert alerted, drift dataset 1 alert alerted, drift prediction 1 alert alerted', 'one event per cause');
is(run_sql(q{SELECT jsonb_path_query_array(details, '$.columns[*].name') FROM mlops.drift_event WHERE monitor = 'plan' AND cause = 'dataset'}),
	'["a", "b"]', 'guilty columns first, by importance times PSI');
is(run_sql(q{SELECT details ->> 'psi', window_start = '2026-01-01 01:00Z' FROM mlops.drift_event WHERE monitor = 'plan' AND cause = 'dataset'}), '0.5|t', 'figures and window');
run_sql(q{SELECT add_window('plan', 1, 2, 'drift', 3), add_window('plan', 1, 2, 'drift', 3, 'prediction', 'prediction')});
wait_round();
is(run_sql(q{SELECT count(*) FROM mlops.drift_event WHERE monitor = 'plan'}), '3', 'a third window opens no more');

# closed by two windows that are ok; insufficient ones say nothing
run_sql(q{SELECT add_window('plan', 1, 3, 'ok', 0), add_window('plan', 1, 4, 'insufficient', 0)});
wait_round();
is(run_sql(q{SELECT count(*) FROM mlops.drift_event WHERE monitor = 'plan' AND closed_at IS NULL}), '3', 'one is not enough');
run_sql(q{SELECT add_window('plan', 1, 5, 'ok', 0)});
ok(wait_event('plan', "cause = 'dataset' AND close_reason = 'two windows are ok'"), 'two close it');
is(run_sql(q{SELECT string_agg(cause, ', ' ORDER BY cause) FROM mlops.drift_event WHERE monitor = 'plan' AND closed_at IS NULL}), 'columns, prediction', 'but not what they do not speak of');
# G13: it may open again
run_sql(q{SELECT add_window('plan', 1, 6, 'drift', 1), add_window('plan', 1, 7, 'drift', 2)});
ok(wait_event('plan', "cause = 'dataset' AND window_start = '2026-01-01 07:00Z'"), 'and it opens again');

# what listeners get
my $ids = run_sql(q{SELECT string_agg(id::text, ' ' ORDER BY id) FROM mlops.drift_event WHERE monitor = 'plan'});
my $notes = $listener->query('SELECT 1');
my ($first) = split / /, $ids;
like($notes, qr/"mlops" with payload "\{"event": $first, "kind": "drift", "state": "opened"\}"/, 'the opening is told');
like($notes, qr/"state": "closed"\}"/, 'and the closing');
unlike($notes, qr/plan/, 'without names');

# drift -> event -> run -> challenger -> promotion: the world has turned around
as_alice(q{UPDATE flower SET big = NOT big WHERE id > 4000});
run_sql(q{SELECT add_monitor('promo', 'promo', 'retrain_and_promote'), add_window('promo', 1, 1, 'drift', 2), add_window('promo', 1, 1, 'drift', 2, 'prediction', 'prediction')});
ok(wait_event('promo', "outcome = 'promoted' AND closed_at IS NOT NULL"), 'promoted');
is(run_sql(q{SELECT string_agg(format('%s %s', alias, version), ', ' ORDER BY alias) FROM mlops.alias WHERE model = 'promo'}), 'challenger 2, champion 2', 'champion and challenger');
is(run_sql(q{SELECT r.kind, r.status, r.submitted_by, r.parent_version, e.new_version, e.metric, e.n > 3000, e.challenger_metric < e.champion_metric,
		round((e.champion_metric - e.challenger_metric - e.difference)::numeric, 9), e.difference_low > 0, e.difference_low < e.difference, e.close_reason
	FROM mlops.drift_event e JOIN mlops.run r ON r.id = e.run_id WHERE e.monitor = 'promo' AND outcome = 'promoted'}),
	'train|succeeded|alice|1|2|log_loss|t|t|0.000000000|t|t|version 2 is the champion', 'both figures with n');
is(as_alice(q{SELECT bool_and(abs(c.value - CASE c.version WHEN 'promo/1' THEN e.champion_metric ELSE e.challenger_metric END) < 1e-12),
		bool_and(c.n = e.n), bool_or(abs(-c.difference - 2.5758293035489 * (c.ci_high - c.ci_low) / 2 / 1.95996398454005 - e.difference_low) < 1e-9)
	FROM mlops.compare('{promo/1,promo/2}', 'SELECT * FROM flower', 'big') c, mlops.drift_event e
	WHERE e.monitor = 'promo' AND e.outcome = 'promoted' AND c.metric = 'log_loss'}), 't|t|t', 'as compare has them, on the rows that neither saw');
is(run_sql(q{SELECT kind, status, submitted_by, version, n_rows > 0 FROM mlops.run WHERE id = (SELECT compare_run_id FROM mlops.drift_event WHERE monitor = 'promo' AND outcome = 'promoted')}),
	'compare|succeeded|alice|2|t', 'the comparison is a run');
# two at once: the other one was skipped, and closed with the new champion
like(run_sql(q{SELECT outcome || ': ' || outcome_reason FROM mlops.drift_event WHERE monitor = 'promo' AND outcome <> 'promoted'}),
	qr/^skipped: (run \d+ of the model is not finished|the challenger of event \d+ is being compared|the cool-down of )/, 'two events at once train once');
is(run_sql(q{SELECT count(*) FROM mlops.run WHERE model = 'promo' AND kind = 'train'}), '2', 'one training');
wait_round();
is(run_sql(q{SELECT count(*) FROM mlops.drift_event WHERE monitor = 'promo'}), '2', 'windows of the old champion open nothing');

# nothing new: the same data digest; and a challenger that is not shown to be better
run_sql(q{SELECT add_monitor('same', 'promo', 'retrain_and_promote', 'cooldown = ''0'''), add_window('same', 2, 1, 'drift', 2)});
ok(wait_event('same', "outcome = 'skipped'"), 'skipped');
is(run_sql(q{SELECT e.outcome_reason, r.status, r.sqlstate, r.version IS NULL FROM mlops.drift_event e JOIN mlops.run r ON r.id = e.run_id WHERE e.monitor = 'same'}),
	'there is nothing new to learn from: the rows are those that the champion was trained on|canceled|ML009|t', 'the same rows');
as_alice('DELETE FROM flower WHERE id % 100 = 0');
run_sql(q{SELECT add_window('same', 2, 2, 'drift', 3, 'prediction', 'prediction')});
ok(wait_event('same', "cause = 'prediction' AND outcome = 'undecided'"), 'undecided');
like(run_sql(q{SELECT outcome_reason FROM mlops.drift_event WHERE monitor = 'same' AND cause = 'prediction'}), qr/^log_loss of version 3 is .* the lower bound of the difference is -.*, below/, 'with the reason');
is(run_sql(q{SELECT string_agg(format('%s %s', alias, version), ', ' ORDER BY alias) FROM mlops.alias WHERE model = 'promo'}), 'challenger 3, champion 2', 'nothing moves but the challenger');
is(run_sql(q{SELECT closed_at IS NULL, n > 0, compare_at IS NULL FROM mlops.drift_event WHERE monitor = 'same' AND cause = 'prediction'}), 't|t|t', 'and it stays open');

# too few rows for a verdict
run_sql(q{SELECT add_monitor('few', 'promo', 'retrain_and_promote', 'cooldown = ''0''', 'min_rows = 1000000', 'window_size = ''1 year'''), add_window('few', 2, 1, 'drift', 2)});
as_alice('DELETE FROM flower WHERE id % 100 = 1');
ok(wait_event('few', "outcome = 'undecided'"), 'too few rows');
like(run_sql(q{SELECT outcome_reason || (compare_at > now()) FROM mlops.drift_event WHERE monitor = 'few'}), qr/^there are only \d+ rows that neither version was trained on, of 1000000.*true$/, 'said so, and comes back to it');
run_sql(q{UPDATE mlops.monitor SET min_rows = NULL, margin = 10 WHERE name = 'few'; UPDATE mlops.drift_event SET compare_at = now() WHERE monitor = 'few'});
ok(wait_event('few', "outcome = 'promoted'"), 'decided later, by the margin');

# action retrain: a challenger and no more
as_alice('DELETE FROM flower WHERE id % 100 = 2');
run_sql(q{SELECT add_monitor('cool', 'cool', 'retrain', 'cooldown = ''1 day'''), add_window('cool', 1, 1, 'drift', 2)});
ok(wait_event('cool', "outcome = 'retrained' AND new_version = 2"), 'retrained');
is(run_sql(q{SELECT string_agg(format('%s %s', alias, version), ', ' ORDER BY alias) FROM mlops.alias WHERE model = 'cool'}), 'challenger 2, champion 1', 'without a promotion');
is(run_sql(q{SELECT count(*) FROM mlops.run WHERE model = 'cool' AND kind = 'compare'}), '0', 'or a comparison');
run_sql(q{SELECT add_window('cool', 1, 2, 'drift', 3, 'prediction', 'prediction')});
ok(wait_event('cool', "cause = 'prediction' AND outcome = 'skipped' AND outcome_reason = 'the cool-down of 1 day is not over'"), 'cool-down');
run_sql(q{UPDATE mlops.drift_event SET closed_at = now() WHERE monitor = 'cool'; SELECT add_window('cool', 1, 3, 'drift', 4, 'prediction', 'prediction'); UPDATE mlops.monitor SET cooldown = '0', daily_limit = 1 WHERE name = 'cool'});
ok(wait_event('cool', "cause = 'prediction' AND closed_at IS NULL AND outcome = 'skipped' AND outcome_reason = 'the daily limit of 1 is reached'"), 'daily limit');

# labels
run_sql(q{SELECT add_monitor('label', 'label', 'retrain', 'label = ''big''', 'min_new_labels = 100', 'cooldown = ''0''');
	UPDATE mlops.monitor_state SET n_labels = 99 WHERE monitor = 'label'; SELECT add_window('label', 1, 1, 'drift', 2)});
ok(wait_event('label', "outcome = 'skipped' AND outcome_reason = 'there are only 99 new labels, of 100 that are needed'"), 'too few labels');
run_sql(q{UPDATE mlops.monitor_state SET n_labels = 100 WHERE monitor = 'label'; SELECT add_window('label', 1, 1, 'drift', 2, 'prediction', 'prediction')});
ok(wait_event('label', "cause = 'prediction' AND outcome = 'retrained' AND n_labels = 100"), 'enough labels');

# the other triggers: rows, age, performance
run_sql(q{SELECT add_monitor('rows', 'label', 'alert', 'retrain_rows = 1500'), add_window('rows', 1, 1, 'ok', 0);
	UPDATE mlops.monitor_state SET n_rows = 1000 WHERE monitor = 'rows'});
wait_round();
is(run_sql(q{SELECT count(*) FROM mlops.drift_event WHERE monitor = 'rows'}), '0', 'not so many rows yet');
run_sql(q{SELECT add_window('rows', 1, 2, 'ok', 0); UPDATE mlops.monitor_state SET n_rows = 2000 WHERE monitor = 'rows'});
ok(wait_event('rows', "kind = 'rows' AND details ->> 'rows' = '2000' AND close_reason = 'settled'"), 'so many rows');
wait_round();
is(run_sql(q{SELECT count(*) FROM mlops.drift_event WHERE monitor = 'rows'}), '1', 'counted from there on');
run_sql(q{SELECT add_window('rows', 1, 3, 'ok', 0), add_window('rows', 1, 4, 'ok', 0); UPDATE mlops.monitor_state SET n_rows = 3500 WHERE monitor = 'rows'});
ok(wait_event('rows', "details ->> 'rows' = '1500'"), 'and again');
run_sql(q{SELECT add_monitor('age', 'label', 'retrain', 'retrain_age = ''30 days''')});
wait_round();
is(run_sql(q{SELECT count(*) FROM mlops.drift_event WHERE monitor = 'age'}), '0', 'young');
run_sql(q{UPDATE mlops.model_version SET created_at = created_at - interval '30 days' WHERE model = 'label' AND version = 1});
ok(wait_event('age', "kind = 'age' AND outcome = 'skipped'"), 'old, and trained already');
wait_round();
is(run_sql(q{SELECT count(*), bool_and(closed_at IS NOT NULL) FROM mlops.drift_event WHERE monitor = 'age'}), '1|t', 'once per age');
run_sql(q{SELECT add_monitor('floor', 'label', 'alert', 'metric = ''accuracy''', 'metric_floor = 0.8'), add_window('floor', 1, 1, 'ok', 0), add_window('floor', 1, 2, 'ok', 0),
		add_window('floor', 1, 3, 'ok', 0);
	INSERT INTO mlops.drift_performance SELECT 'floor', 1, '2026-01-01 00:00Z'::timestamptz + make_interval(hours => h), k, 'accuracy', v, 0.01, n FROM (VALUES
		(1, 'realized', 0.9, 500), (2, 'realized', 0.7, 500), (1, 'estimated', 0.79, 500), (2, 'estimated', 0.7, 500), (3, 'realized', 0.1, 29)) p (h, k, v, n)});
ok(wait_event('floor', "kind = 'performance' AND cause = 'estimated' AND window_start = '2026-01-01 02:00Z' AND details @> '{\"value\": 0.7, \"floor\": 0.8, \"n\": 500, \"metric\": \"accuracy\"}'"), 'estimated below the floor');
wait_round();
is(run_sql(q{SELECT count(*) FROM mlops.drift_event WHERE monitor = 'floor'}), '1', 'one window below is not enough, and 29 rows are none');
run_sql(q{INSERT INTO mlops.drift_performance SELECT 'floor', 1, '2026-01-01 03:00Z', 'realized', 'accuracy', 0.75, 0.01, 500 ON CONFLICT (monitor, version, window_start, kind, metric) DO UPDATE SET value = 0.75, n = 500});
ok(wait_event('floor', "cause = 'realized'"), 'realized');
run_sql(q{SELECT add_window('floor', 1, 4, 'ok', 0), add_window('floor', 1, 5, 'ok', 0);
	INSERT INTO mlops.drift_performance SELECT 'floor', 1, '2026-01-01 00:00Z'::timestamptz + make_interval(hours => h), 'realized', 'accuracy', 0.81, 0.01, 500 FROM generate_series(4, 5) h});
ok(wait_event('floor', "cause = 'realized' AND close_reason = 'two windows are ok'"), 'and closed');
# for errors, above
run_sql(q{SELECT add_monitor('ceiling', 'label', 'alert', 'metric_floor = 0.5', 'consecutive = 1'), add_window('ceiling', 1, 1, 'ok', 0), add_window('ceiling', 1, 2, 'ok', 0);
	INSERT INTO mlops.drift_performance VALUES ('ceiling', 1, '2026-01-01 01:00Z', 'realized', 'log_loss', 0.4, NULL, 100), ('ceiling', 1, '2026-01-01 02:00Z', 'realized', 'log_loss', 0.6, NULL, 100)});
ok(wait_event('ceiling', "cause = 'realized' AND details ->> 'value' = '0.6'"), 'an error above the floor, by the metric of the task');

# whoever may not train does not
run_sql(q{CREATE ROLE carol LOGIN; SELECT add_monitor('carol', 'label', 'retrain', 'owner = ''carol''', 'cooldown = ''0'''), add_window('carol', 1, 1, 'drift', 2)});
ok(wait_event('carol', q{outcome = 'failed' AND outcome_reason = 'the monitor''s owner does not own model "label"'}), 'without the right own');
# H05: the role is gone
run_sql(q{DROP ROLE carol; UPDATE mlops.drift_event SET closed_at = now() WHERE monitor = 'carol'; SELECT add_window('carol', 1, 2, 'drift', 3)});
ok(wait_event('carol', q{closed_at IS NULL AND outcome = 'failed'}), 'a dropped role trains nothing');

# a retrain_query runs as the monitor's owner; one that fails is reported
as_alice(q{SELECT mlops.grant_model('cool', 'alice', 'own')});
run_sql(q{CREATE ROLE dave LOGIN; SELECT mlops.grant_model('cool', 'dave', 'own');
	SELECT add_monitor('dave', 'cool', 'retrain', 'owner = ''dave''', 'cooldown = ''0''', 'retrain_query = ''SELECT * FROM flower'''), add_window('dave', 1, 1, 'drift', 2)});
ok(wait_event('dave', q{outcome = 'failed' AND outcome_reason LIKE 'permission denied for table flower%'}), "with the owner's rights only");
is(run_sql(q{SELECT r.submitted_by FROM mlops.run r JOIN mlops.drift_event e ON e.run_id = r.id WHERE e.monitor = 'dave'}), 'dave', 'as the owner');

# rights: events show themselves to readers of the model
run_sql(q{CREATE ROLE erin LOGIN});
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.drift_event', extra_params => [ '-U', 'erin' ]), '0', 'not to everybody');
ok(as_alice('SELECT count(*) > 10 FROM mlops.drift_event'), 'to the owner');

$listener->quit;
# columns that move with time never train: a serial number carries the drift of the data set
run_sql(q{CREATE TABLE serial_reference AS SELECT 'id' AS name, mlops.reference(i::float8) AS r FROM generate_series(1, 1000) i
		UNION ALL SELECT 'x', mlops.reference(i::float8) FROM generate_series(1, 1000) i;
	CREATE FUNCTION add_profile(monitor text, hour int, name text, low int, high int) RETURNS void BEGIN ATOMIC
		INSERT INTO mlops.drift_profile SELECT monitor, 1, timestamptz '2026-01-01 00:00Z' + make_interval(hours => hour), 'feature', name,
			(SELECT mlops.profile(i::float8, s.r) FROM generate_series(low, high) i) FROM serial_reference s WHERE s.name = add_profile.name;
	END;
	SELECT add_monitor(m, 'label', 'retrain', 'cooldown = ''0''') FROM unnest('{grows,jumps}'::text[]) m;
	SELECT add_window(m, 1, h, 'drift', h, 'feature', 'id', 5, 0.9), add_window(m, 1, h, 'ok', 0, 'feature', 'x', 0.01, 0.1) FROM unnest('{grows,jumps}'::text[]) m, generate_series(1, 2) h;
	SELECT add_profile(m, h, 'x', 1, 1000) FROM unnest('{grows,jumps}'::text[]) m, generate_series(1, 2) h;
	SELECT add_profile('grows', 1, 'id', 1001, 1200), add_profile('grows', 2, 'id', 1190, 1400), add_profile('jumps', 1, 'id', 1500, 2500), add_profile('jumps', 2, 'id', 1500, 2500);
	SELECT add_window('grows', 1, 2, 'drift', 2), add_window('jumps', 1, 2, 'drift', 2)});
ok(wait_event('jumps', "cause = 'dataset' AND action = 'retrain' AND outcome <> 'pending'"), 'a jump does');
is(run_sql(q{SELECT string_agg(cause || ' ' || outcome, ', ') FROM mlops.drift_event WHERE monitor = 'grows'}), 'columns alerted', 'a serial number trains nothing');
# nor does it hide what does, or keep that open
run_sql(q{SELECT add_window('grows', 1, 3, 'drift', 3, 'feature', 'id', 5, 0.9), add_profile('grows', 3, 'id', 1400, 1600),
	add_window('grows', 1, 3, 'drift', 2, 'feature', 'x', 0.4, 0.1), add_profile('grows', 3, 'x', 1, 500), add_window('grows', 1, 3, 'drift', 3)});
ok(wait_event('grows', "cause = 'dataset' AND outcome <> 'pending'"), 'another column does');
run_sql(q{SELECT add_window('grows', 1, h, 'drift', h, 'feature', 'id', 5, 0.9), add_profile('grows', h, 'id', 1000 + 200 * h, 1200 + 200 * h),
	add_window('grows', 1, h, 'ok', 0, 'feature', 'x', 0.01, 0.1), add_profile('grows', h, 'x', 1, 1000), add_window('grows', 1, h, 'drift', h) FROM generate_series(4, 5) h});
ok(wait_event('grows', "cause = 'dataset' AND close_reason = 'two windows are ok'"), 'and is over when it is');

# split by time: rows after both versions' reading, when they have come
as_alice(q{CREATE TABLE sale AS SELECT i AS id, timestamptz '2026-01-01' + make_interval(secs => i) AS at, (i * 7919 % 1000) / 1000.0::float8 AS x,
		(i * 7919 % 1000) > 500 AS big FROM generate_series(1, 5000) i;
	CALL mlops.train_wait('sale', 'SELECT * FROM sale; ', 'big', split => 'time', split_by => 'at', exclude => '{id}', num_boost_round => 10);
	UPDATE sale SET big = NOT big WHERE id > 2000});
run_sql(q{SELECT add_monitor('sale', 'sale', 'retrain_and_promote'), add_window('sale', 1, 1, 'drift', 2)});
ok(wait_event('sale', "outcome = 'undecided' AND outcome_reason LIKE 'there are only 0 rows that neither version was trained on%' AND compare_at IS NOT NULL"), 'no row is newer than both');
as_alice(q{INSERT INTO sale SELECT i, now() + make_interval(secs => i), (i * 7919 % 1000) / 1000.0, (i * 7919 % 1000) <= 500 FROM generate_series(6001, 6500) i});
run_sql(q{UPDATE mlops.drift_event SET compare_at = now() WHERE monitor = 'sale'});
ok(wait_event('sale', "outcome = 'promoted' AND n = 500"), 'newer rows decide');

# other tasks: the metric that decides, and compare's figures
as_alice(q{CALL mlops.train_wait('number', 'SELECT id, b, c, d, a FROM flower', 'a', key => '{id}', num_boost_round => 3);
	CALL mlops.train_wait('colour', 'SELECT * FROM flower', 'colour', key => '{id}', num_boost_round => 3);
	UPDATE flower SET a = b WHERE id > 1000});
run_sql(q{SELECT add_monitor(m, m, 'retrain_and_promote', 'metric = ''mae'''), add_window(m, 1, 1, 'drift', 2) FROM unnest('{number,colour}'::text[]) m});
for ([ 'number', 'a', 'rmse' ], [ 'colour', 'colour', 'log_loss' ])
{
	my ($model, $target, $metric) = @$_;
	ok(wait_event($model, "outcome IN ('promoted', 'undecided')"), "$model is settled");
	is(as_alice(qq{SELECT e.metric, bool_and(abs(c.value - CASE c.version WHEN '$model/1' THEN e.champion_metric ELSE e.challenger_metric END) < 1e-9),
			bool_and(c.n = e.n AND e.n > 1000), bool_and((e.outcome = 'promoted') = (e.difference_low >= 0)),
			bool_or(abs(-c.difference - 2.5758293035489 * (c.ci_high - c.ci_low) / 2 / 1.95996398454005 - e.difference_low) < 1e-9)
		FROM mlops.compare('{$model/1,$model/2}', 'SELECT * FROM flower', '$target') c, mlops.drift_event e
		WHERE e.monitor = '$model' AND c.metric = '$metric' GROUP BY e.metric}), "$metric|t|t|t|t", "by $metric");
}
is(run_sql(q{SELECT version FROM mlops.alias WHERE model = 'number' AND alias = 'champion'}), '2', 'a better regression is promoted');

# crash between an event and its action: exactly once
as_alice('DELETE FROM flower WHERE id % 100 = 3');
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE mlops.run IN SHARE MODE');
run_sql(q{SELECT add_monitor('crash', 'bell', 'retrain'), add_window('crash', 1, 1, 'drift', 2)});
ok(wait_event('crash', "outcome = 'pending'"), 'opened, and not acted on');
$node->stop('immediate');
$locker->{run}->kill_kill;
$node->start;
ok(wait_event('crash', "outcome = 'retrained' AND new_version = 2"), 'acted on after the crash');
is(run_sql(q{SELECT count(*), (SELECT count(*) FROM mlops.run WHERE model = 'bell' AND kind = 'train') FROM mlops.drift_event WHERE monitor = 'crash'}), '1|2', 'once');

# B01: a dump carries them, and nothing starts again after the restore
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'dumped');
run_sql('CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--single-transaction', '-d', $node->connstr('restored'), $dump ], 'restored');
my $all = q{SELECT md5(string_agg(e::text, ' ' ORDER BY id)), (SELECT count(*) FROM mlops.run) FROM mlops.drift_event e};
is($node->safe_psql('restored', $all), run_sql($all), 'the same events');
$node->safe_psql('restored', 'SELECT mlops.tick()');
ok($node->poll_query_until('restored', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'restored' AND backend_type LIKE 'mlops%'}), 'nothing to do');
is($node->safe_psql('restored', $all), run_sql($all), 'and nothing was done');

$node->stop;
done_testing();
