# Runs in trouble: locked tables, a lost or canceled dispatcher, owners who hold
# locks, settings of the database, no worker slots.
use strict;
use warnings;

use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('troubles', q{
shared_preload_libraries = 'mlops'
mlops.max_concurrent_runs = 2
});
set_up($node, 'postgres');

sub row
{
	my ($run, $columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM mlops.run WHERE id = $run");
}

# A table lock of an administrator, longer than any timeout of the dispatcher.
my $run = start_training($node, 'postgres', 'slow', "params => '$slow_params'");
wait_for($node, 'postgres', $run, "phase = 'training'");
my $administrator = $node->background_psql('postgres');
$administrator->query_safe('BEGIN; LOCK TABLE mlops.run IN ACCESS EXCLUSIVE MODE');
my $log_position = -s $node->logfile;
ok($node->poll_query_until('postgres', q{SELECT now() - xact_start > interval '8 seconds' FROM pg_stat_activity
	WHERE state = 'idle in transaction'}),
	'a table lock outlasts ten looks of the dispatcher');
$administrator->query_safe('COMMIT');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'mlops run'"), 1,
	'Q23: the executor lives on');
is(row($run, 'status'), 'running', 'so does the run');
my $complaints = () = slurp_file($node->logfile, $log_position) =~ /mlops dispatcher could not/g;
cmp_ok($complaints, '<=', 3, 'Q22: the log tells once');

# A dispatcher that was terminated comes back by itself, and cancels.
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'");
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'"),
	'Q08: a lost dispatcher is replaced');
$node->safe_psql('postgres', "SELECT mlops.cancel($run)");
ok(wait_for($node, 'postgres', $run, "status = 'canceled'"), 'the run can be canceled');
$administrator->quit;

# Somebody idle in a transaction that locks an alias: as many runs as there are
# places wait for it, and the others go on.
$run = start_training($node, 'postgres', 'held', 'num_boost_round => 5');
wait_for($node, 'postgres', $run, "status = 'succeeded'");
my $owner = $node->background_psql('postgres');
$owner->query_safe("BEGIN; SELECT mlops.set_alias('held', 'champion', 1)");
my @blocked = map { start_training($node, 'postgres', 'held', "num_boost_round => $_, promote => 'if_not_worse'") } 6 .. 8;
$run = start_training($node, 'postgres', 'other', 'num_boost_round => 5');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'B12: runs of other models start and publish');
is(row($blocked[0], 'status'), 'running', 'while some wait for a locked alias');
my $start = time;
$node->safe_psql('postgres', "SELECT mlops.cancel($blocked[1])");
ok(wait_for($node, 'postgres', $blocked[1], "status = 'canceled'"), 'one of them is canceled');
cmp_ok(time - $start, '<', 2, 'B12: within two seconds, while it waits to be published');
$owner->query_safe('COMMIT');
ok(wait_for($node, 'postgres', $_, "status = 'succeeded'"), 'the others publish when it is free') for @blocked[0, 2];
$owner->quit;

# An administrator who cancels the dispatcher fails nobody's run.
$run = start_training($node, 'postgres', 'nudged', 'num_boost_round => 5');
for (1 .. 30)
{
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity, generate_series(1, 100) WHERE backend_type = 'mlops dispatcher'");
}
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'Q07: a nudged dispatcher goes on');

# Settings of a database do not reach the bookkeeping.
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET exit_on_error = on');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'"), 'the dispatcher leaves');
$owner = $node->background_psql('postgres');
$owner->query_safe("BEGIN; SELECT mlops.set_alias('held', 'champion', 1)");
$log_position = -s $node->logfile;
$run = start_training($node, 'postgres', 'held', "num_boost_round => 9, promote => 'if_not_worse'");
ok(wait_for($node, 'postgres', $run, "status = 'running' AND clock_timestamp() - started_at > interval '4 seconds'"),
	'a run waits for its alias');
$owner->query_safe('COMMIT');
$owner->quit;
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'and publishes');
unlike(slurp_file($node->logfile, $log_position), qr/FATAL/, 'with the same dispatcher');
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET exit_on_error');

# As many databases with work as there are worker slots.
$node->stop;
$node->append_conf('postgresql.conf', "max_worker_processes = 4\n");
$node->start;
my @databases = qw(one two three);
my @runs;
for my $database (@databases)
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	set_up($node, $database);
}
for my $database (@databases)
{
	push @runs, start_training($node, $database, 'flower', 'num_boost_round => 3');
}
ok(wait_for($node, $databases[$_], $runs[$_], "status = 'succeeded'"), "Q11: database $databases[$_] gets a worker") for 0 .. 2;

unlike(slurp_file($node->logfile), qr/TRAP|PANIC/, 'the server is healthy');
done_testing();
