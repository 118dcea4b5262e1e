# Runs and restarts, with the launcher: queued work is picked up, interrupted work
# starts again, crashes are counted, and prepared transactions are found.
use strict;
use warnings;

use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('restart', q{
shared_preload_libraries = 'mlops'
restart_after_crash = on
mlops.max_concurrent_runs = 0
});
set_up($node, 'postgres');
$node->safe_psql('postgres', 'CREATE DATABASE second');
set_up($node, 'second');

sub row
{
	my ($run, $columns, $database) = @_;
	return $node->safe_psql($database // 'postgres', "SELECT $columns FROM mlops.run WHERE id = $run");
}

is($node->safe_psql('postgres', "SELECT datname IS NULL FROM pg_stat_activity WHERE backend_type = 'mlops launcher'"),
	't', 'the launcher is connected to no database');

# Queued before a restart, done after it, in every database.
my $first = start_training($node, 'postgres', 'flower', 'num_boost_round => 5');
my $second = start_training($node, 'second', 'flower', 'num_boost_round => 5');
is(row($first, 'status'), 'queued', 'queued before the restart');
$node->append_conf('postgresql.conf', "mlops.max_concurrent_runs = 2\n");
$node->restart;
ok(wait_for($node, 'postgres', $first, "status = 'succeeded'"), 'done after it');
ok(wait_for($node, 'second', $second, "status = 'succeeded'"), 'in the other database as well');

# Interrupted by a restart.
for my $mode ('fast', 'immediate')
{
	my $run = start_training($node, 'postgres', 'slow', "params => '$slow_params'");
	wait_for($node, 'postgres', $run, "phase = 'training'");
	$node->stop($mode);
	$node->start;
	ok(wait_for($node, 'postgres', $run, "attempt = 2 AND phase = 'training'"),
		($mode eq 'fast' ? 'O05' : 'K06') . ": a run interrupted by a restart ($mode) starts again");
	is(row($run, 'crashes'), 1, 'and the attempt is counted');
	$node->safe_psql('postgres', "SELECT mlops.cancel($run)");
	ok(wait_for($node, 'postgres', $run, "status = 'canceled'"), 'until it is canceled');
}

# A crash of the executor, which restarts the cluster.
my $run = start_training($node, 'postgres', 'slow', "params => '$slow_params'");
for my $crash (1 .. 3)
{
	wait_for($node, 'postgres', $run, "phase = 'training'");
	my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops run'");
	kill 'KILL', $pid;
	ok($node->poll_query_until('postgres', "SELECT crashes = $crash FROM mlops.run WHERE id = $run"),
		"K04, Q16: crash $crash is counted");
	next if $crash == 3;
	is(row($run, "status, not_before - progress_at > interval '4 minutes'"), 'queued|t', 'Q15: and backed off');
	$node->safe_psql('postgres', "UPDATE mlops.run SET not_before = now() WHERE id = $run; SELECT mlops.tick()");
}
is(row($run, 'status'), 'quarantined', 'K04, Q16: the third one quarantines the run');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_ls_dir('base/pgsql_tmp') d, pg_ls_dir('base/pgsql_tmp/' || d) f"),
	0, 'no files are left');

# A prepared transaction commits without our callback; the launcher's next round finds it.
$run = $node->safe_psql('postgres', q{
	SET ROLE alice;
	BEGIN;
	SELECT mlops.train('flower', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 5);
	PREPARE TRANSACTION 'training'});
$node->safe_psql('postgres', "COMMIT PREPARED 'training'");
$node->reload;
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'Q02: a run of a prepared transaction');

# Due later.
change_settings($node, 'mlops.max_concurrent_runs' => '0');
$run = start_training($node, 'postgres', 'flower', 'num_boost_round => 6');
$node->safe_psql('postgres', "UPDATE mlops.run SET not_before = now() + interval '2 seconds' WHERE id = $run");
change_settings($node, 'mlops.max_concurrent_runs' => '2');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded' AND started_at >= not_before"), 'a run that is due later');

# Somebody idle in a transaction that locks an alias stops nobody else.
my $owner = $node->background_psql('postgres');
$run = start_training($node, 'postgres', 'locked', 'num_boost_round => 5');
wait_for($node, 'postgres', $run, "status = 'succeeded'");
$owner->query_safe("BEGIN; SELECT mlops.set_alias('locked', 'champion', 1)");
my $blocked = start_training($node, 'postgres', 'locked', "num_boost_round => 7, promote => 'if_not_worse'");
$run = start_training($node, 'postgres', 'free', 'num_boost_round => 5');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'B12: other runs publish meanwhile');
is(row($blocked, 'status'), 'running', 'while one waits for a locked model');
$owner->query_safe('COMMIT');
ok(wait_for($node, 'postgres', $blocked, "status = 'succeeded'"), 'and publishes when it is free');
$owner->quit;

# Databases come and go beside the launcher.
is($node->psql('postgres', 'DROP DATABASE second'), 0, 'O01: a database can be dropped beside the launcher');
$node->safe_psql('postgres', 'DROP EXTENSION mlops CASCADE');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type IN ('mlops run', 'mlops dispatcher')"),
	'O03: and the extension, too');

my $log = slurp_file($node->logfile);
unlike($log, qr/TRAP|PANIC/, 'the server is healthy');
done_testing();
