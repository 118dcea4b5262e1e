# Long queues, by the catalogue's ids Q04, Q13 and Q24: each run is started once, roles
# take turns, memory stays as it is. MLOPS_TEST_SCALE multiplies the numbers of runs:
# 50 makes 10,000 that are executed and 100,000 that are canceled.
use strict;
use warnings;

use MlopsHealth;
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $scale = $ENV{MLOPS_TEST_SCALE} || 1;
my $executed = 200 * $scale;
my $canceled = 2000 * $scale;
my $submitters = 5;

my $node = new_cluster('load', qq{
shared_preload_libraries = 'mlops'
mlops.max_concurrent_runs = 2
mlops.max_queued_runs = ${\ (2 * $canceled)}
log_statement = none
});
set_up($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE ROLE bob LOGIN;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO bob;
	SET ROLE alice;
	CREATE TABLE nothing (LIKE flower);
	GRANT SELECT ON nothing, flower TO bob;});
my $health = MlopsHealth->new($node, 'postgres');

sub value { return $node->safe_psql('postgres', $_[0]) }

# SQL that submits a run which fails at once: its query has no rows.
sub cheap
{
	my ($model) = @_;
	return "mlops.train('$model', 'SELECT * FROM nothing', 'big', key => '{id}')";
}

# Resident memory of a process that is its own, in MB; 0 for one that has gone.
sub memory
{
	my ($pid) = @_;
	my $status = eval { slurp_file("/proc/$pid/status") } // '';
	my ($kb) = $status =~ /^RssAnon:\s+(\d+) kB/m;
	return ($kb // 0) / 1024;
}

sub pid_of
{
	my ($kind) = @_;
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'mlops $kind'");
	return value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops $kind'");
}

# Q04: many submitters, two places.
{
	# something to stay for, so that it is one dispatcher
	my $holder = $node->background_psql('postgres', on_error_stop => 0);
	my $run = start_training($node, 'postgres', 'held', 'num_boost_round => 2');
	wait_for($node, 'postgres', $run, "status = 'succeeded'");
	$holder->query_safe("BEGIN; SELECT mlops.set_alias('held', 'champion', 1)");
	my $held = start_training($node, 'postgres', 'held', "num_boost_round => 3, promote => 'if_not_worse'");
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_locks JOIN pg_stat_activity USING (pid)
		WHERE backend_type = 'mlops dispatcher' AND NOT granted");
	my %pid = map { $_ => pid_of($_) } 'launcher', 'dispatcher';

	my $start = time;
	my $each = $executed / $submitters;
	my $file = $node->basedir . '/submit.sql';
	append_to_file($file, 'SELECT ' . cheap('load_:client_id') . ";\n");
	value('SET ROLE alice; SELECT ' . join(', ', map { cheap("load_$_") } 0 .. $submitters - 1));
	$node->command_ok([ 'pgbench', '-n', '-f', $file, '-c', $submitters, '-j', 1, '-t', $each, '-U', 'alice', $node->connstr('postgres') ],
		'Q04: submitters beside each other');
	# memory after a tenth and at the end
	my $total = $executed + $submitters;
	my $done = "SELECT count(*) >= %d FROM mlops.run WHERE model LIKE 'load%%' AND status = 'failed'";
	$node->poll_query_until('postgres', sprintf($done, $total / 10));
	my %before = map { $_ => memory($pid{$_}) } keys %pid;
	for (1 .. 100)
	{
		last if $node->poll_query_until('postgres', sprintf($done, $total));
	}
	my $seconds = time - $start;
	is(value("SELECT count(*), min(attempt), max(attempt), max(crashes), count(DISTINCT error) FROM mlops.run WHERE model LIKE 'load%' AND status = 'failed'"),
		"$total|1|1|0|1", 'Q04: each run is executed exactly once');
	# bounded by two places: no more are under way at any time
	is(value("SELECT count(*) FROM mlops.run a WHERE model LIKE 'load%' AND (SELECT count(*) FROM mlops.run b
		WHERE b.id BETWEEN a.id - 50 AND a.id + 50 AND b.model LIKE 'load%' AND b.started_at <= a.started_at AND b.ended_at > a.started_at) > 2"), 0,
		'Q04: at most two at a time');
	is(value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'"), $pid{dispatcher}, 'Q04: by one dispatcher');
	for my $kind (sort keys %pid)
	{
		my $growth = memory($pid{$kind}) - $before{$kind};
		cmp_ok($growth, '<', 5, "Q24: executing leaves the memory of the $kind as it is");
		note(sprintf('%d runs in %.1f s; %s %.1f MB, %+.2f MB', $total, $seconds, $kind, $before{$kind} + $growth, $growth));
	}
	$holder->query_safe('COMMIT');
	$holder->quit;
	wait_for($node, 'postgres', $held, "status = 'succeeded'");
	$health->check('Q04');
}

# Q13: roles take turns, and within a role the oldest goes first.
{
	change_settings($node, 'mlops.max_concurrent_runs' => 0);
	value('SET ROLE bob; SELECT ' . cheap('fair_bob') . ' FROM generate_series(1, 40); SET ROLE alice; SELECT ' . cheap('fair_alice') . ' FROM generate_series(1, 3)');
	change_settings($node, 'mlops.max_concurrent_runs' => 1);
	# new ones keep coming, and wait their turn
	my $n = 0;
	while ($n++ < 500 && value("SELECT count(*) FROM mlops.run WHERE model = 'fair_alice' AND status = 'queued'") > 0)
	{
		value('SET ROLE bob; SELECT ' . cheap('fair_bob'));
	}
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM mlops.run WHERE status IN ('queued', 'running')"), 'Q13: all runs end');
	is(value("SELECT max(place) <= 7 FROM (SELECT model, row_number() OVER (ORDER BY started_at) AS place FROM mlops.run WHERE model LIKE 'fair%') r
		WHERE model = 'fair_alice'"), 't', 'Q13: the few runs of one role are among the first');
	is(value("SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY model ORDER BY started_at) AS before FROM mlops.run WHERE model LIKE 'fair%') r WHERE before > id"),
		0, 'Q13: each role has its oldest first');
	change_settings($node, 'mlops.max_concurrent_runs' => 2);
	$health->check('Q13');
}

# B12: a long queue keeps nobody waiting, neither to run nor to cancel. Q24: nor does it cost memory.
{
	change_settings($node, 'mlops.max_concurrent_runs' => 0);
	my $start = time;
	value('SET client_min_messages = error; SET ROLE alice; SELECT count(' . cheap('long') . ") FROM generate_series(1, $canceled)");
	note(sprintf('%d runs submitted in %.1f s', $canceled, time - $start));
	my $run = value(q{SET ROLE bob; SELECT mlops.train('short', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 2)});
	change_settings($node, 'mlops.max_concurrent_runs' => 1);
	ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'B12: a run behind a long queue of another role runs');
	is(value("SELECT count(*) <= 2 FROM mlops.run a, mlops.run b WHERE a.model = 'long' AND b.id = $run AND a.started_at < b.started_at"), 't',
		'B12: as one of the first');
	change_settings($node, 'mlops.max_concurrent_runs' => 2);

	my $slow = value("SET ROLE bob; SELECT mlops.train('slow', 'SELECT * FROM flower', 'big', key => '{id}', params => '$slow_params')");
	wait_for($node, 'postgres', $slow, "phase = 'training'");
	my %pid = map { $_ => pid_of($_) } 'launcher', 'dispatcher';
	my %before = map { $_ => memory($pid{$_}) } keys %pid;
	$start = time;
	value("SET ROLE alice; SELECT count(mlops.cancel(id)) FROM mlops.run WHERE model = 'long' AND status = 'queued'");
	my $asked = time;
	value("SET ROLE bob; SELECT mlops.cancel($slow)");
	my $cancel = time;
	ok(wait_for($node, 'postgres', $slow, "status = 'canceled'"), 'B12: beside the cancellation of a long queue a run is canceled');
	my $took = time - $cancel;
	cmp_ok($took, '<', 2, 'B12: within two seconds');
	# the dispatcher is gone at the end, with its memory
	my %peak = %before;
	my $left = 1;
	for (my $try = 0; $left && $try < 5000; $try++)
	{
		$left = value("SELECT count(*) FROM mlops.run WHERE model = 'long' AND status IN ('queued', 'running')");
		for my $kind (keys %pid)
		{
			my $now = memory($pid{$kind});
			$peak{$kind} = $now if $now > $peak{$kind};
		}
	}
	is($left, 0, 'B12: so is the whole queue');
	my $seconds = time - $asked;
	cmp_ok($seconds, '<', 5 + $canceled / 500, 'B12: soon');
	is(value("SELECT count(*) FROM mlops.run WHERE model = 'long' AND (status NOT IN ('canceled', 'failed') OR attempt > 1 OR crashes > 0)"), 0,
		'B12: nothing else happened to it');
	note(sprintf('%d cancels asked for in %.1f s, carried out %.1f s later; another cancel took %.1f s', $canceled, $asked - $start, $seconds, $took));
	for my $kind (sort keys %pid)
	{
		my $growth = $peak{$kind} - $before{$kind};
		cmp_ok($growth, '<', 5, "Q24: canceling leaves the memory of the $kind as it is");
		note(sprintf('%s %+.2f MB', $kind, $growth));
	}
	$health->check('B12 long queue');
}

# B12: one role whose predictions push each other out of the cache.
{
	my $forest = q{params => '{"num_parallel_tree": 20, "max_depth": 10}', num_boost_round => 2};
	my @runs = map { start_training($node, 'postgres', "big_$_", $forest) } 1 .. 3;
	wait_for($node, 'postgres', $_, "status = 'succeeded'") for @runs;
	change_settings($node, 'mlops.cache_size' => '1MB');
	value(q{SET ROLE alice; SELECT mlops.grant_model('big_' || i, 'bob', 'predict') FROM generate_series(1, 3) i});
	my $thrasher = $node->background_psql('postgres', on_error_stop => 0);
	$thrasher->query_until(qr/thrashing/, q{SET ROLE bob;
		\echo thrashing
		DO $$ BEGIN
			FOR i IN 1 .. 1000000 LOOP
				PERFORM mlops.predict('big_' || 1 + i % 3, f) FROM flower f WHERE id = 1 + i % 100;
			END LOOP;
		END $$;
	});
	my $run = start_training($node, 'postgres', 'beside', 'num_boost_round => 5');
	ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'B12: runs go on beside a role that thrashes the cache');
	is(value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active' AND usename IS NOT NULL"), 1, 'B12: which it still does');
	value("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'");
	$thrasher->quit;
	change_settings($node, 'mlops.cache_size' => '256MB');
	$health->check('B12 cache');
}
done_testing();
