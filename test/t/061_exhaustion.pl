# X01-X07: memory, disk, descriptors, connections, locks, time and processors run out.
use strict;
use warnings;

use MlopsFault;
use MlopsGate;
use MlopsHealth;
use MlopsRun;
use POSIX qw(dup2 :sys_wait_h);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = fault_cluster('exhaustion', q{
shared_preload_libraries = 'mlops'
restart_after_crash = on
max_connections = 12
superuser_reserved_connections = 1
max_locks_per_transaction = 10
mlops.max_concurrent_runs = 4
});
set_up($node, 'postgres');
sql(q{
	CREATE SCHEMA gate; GRANT USAGE ON SCHEMA gate TO PUBLIC;
	CREATE FUNCTION gate.pass(name text) RETURNS boolean LANGUAGE plpgsql AS
		'BEGIN WHILE NOT pg_try_advisory_xact_lock_shared(hashtext(name)) LOOP PERFORM pg_sleep(0.01); END LOOP; /* allowed: polls */ RETURN true; END';
	SET ROLE alice; CREATE TABLE petal AS SELECT * FROM flower ORDER BY id LIMIT 500});
my $gate = MlopsGate->new($node, 'postgres');
my $health = MlopsHealth->new($node, 'postgres');

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub row { return sql("SELECT $_[1] FROM mlops.run WHERE id = $_[0]"); }

sub train
{
	my ($model, $query, $arguments) = @_;
	$query =~ s/'/''/g;
	return sql("SET ROLE alice; SELECT mlops.train('$model', '$query', 'big', key => '{id}', " . ($arguments // 'num_boost_round => 2') . ')');
}

# The run's outcome and its error.
sub outcome
{
	my ($run) = @_;
	wait_for($node, 'postgres', $run, 'ended_at IS NOT NULL OR crashes > 0');
	return split /\|/, row($run, "concat_ws(' ', status, sqlstate, nullif(crashes, 0)), error"), 2;
}

sub ends_as
{
	my ($run, $wanted, $reason, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($outcome, $error) = outcome($run);
	is($outcome, $wanted, $name) or diag($error);
	like($error // '', $reason, "$name: with the reason");
}

my $out_of_memory = qr/out of memory|Out of memory|bad_alloc|cannot allocate memory|Cannot allocate memory|failed to map|could not map/;

# X01: a trainer with too little memory, by its limit
change_settings($node, 'mlops.trainer_memory' => '250MB');
ends_as(train('small', 'SELECT * FROM flower', q{params => '{"max_bin": 20000, "max_depth": 12}'}), 'failed ML006', $out_of_memory, 'X01: a trainer that needs more than its limit');
change_settings($node, 'mlops.trainer_memory' => '4GB');
$health->check('X01');

# X01: the k-th allocation fails.  Here the trainer runs by itself on a recorded run: it
# ends with a reason, or with the model that it makes with enough memory.
my $record = PostgreSQL::Test::Utils::tempdir('record');
wrap_trainer("for fd in 4 5 6 7; do cat <&\$fd > $record/\$fd; done", '0');
outcome(train('recorded', 'SELECT * FROM petal'));
restore_trainer();
my ($trainer) = grep { -x } map { "$_/mlops_trainer.real" } split /\n/, `$node->{_install_path}/bin/pg_config --pkglibdir`;
my ($protocol) = slurp_file('src/job/trainer_protocol.h') =~ /TRAINER_PROTOCOL "(\d+)"/;
my $library = fault_library();

# Run it; returns its wait status, last words and model.
sub run_trainer
{
	my ($allocation) = @_;
	my $pid = fork();
	if ($pid == 0)
	{
		setpgrp;
		alarm 60;
		my %file = (2 => '>log', 3 => '>pipe', 4 => '<4', 5 => '<5', 6 => '<6', 7 => '<7', 8 => '>model', 10 => '>reference');
		my %fd;
		for my $fd (sort { $a <=> $b } keys %file)
		{
			my ($mode, $name) = $file{$fd} =~ /(.)(.*)/;
			my $at = POSIX::open("$record/$name", $mode eq '<' ? &POSIX::O_RDONLY : &POSIX::O_WRONLY | &POSIX::O_CREAT | &POSIX::O_TRUNC, 0600);
			dup2($at, 30 + $fd);
			POSIX::close($at);
		}
		dup2(30 + $_, $_) for keys %file;
		POSIX::close(9);
		$ENV{LD_PRELOAD} = $library;
		$ENV{OMP_NUM_THREADS} = 1;
		$ENV{FAULT_MALLOC} = $allocation if $allocation;
		exec $trainer, $protocol or POSIX::_exit(126);
	}
	waitpid $pid, 0;
	my $status = $?;
	my $pipe = slurp_file("$record/pipe", 0);
	my $last = substr $pipe, -1024;
	return ($status, length $pipe >= 1024 ? unpack('L', $last) : 0, length $pipe >= 1024 ? unpack('x48 Z*', $last) : '',
		slurp_file("$record/log", 0), slurp_file("$record/model", 0));
}

my ($done, $failed) = (13, 12);    # TRAINER_DONE and TRAINER_ERROR
my ($status, $type, $text, $log, $model) = run_trainer(0);
is("$status $type", "0 $done", 'X01: the recorded run') or diag("$text $log");
my (%ends, @wrong);
my $k = 1;
while ($k < 200_000)
{
	for my $allocation ($k, -$k)
	{
		my ($s, $t, $words, $err, $bytes) = run_trainer($allocation);
		my $how = $s == 0 && $t == $done ? ($bytes eq $model ? 'made the model' : 'WRONG MODEL')
		  : $t == $failed && "$words" =~ $out_of_memory ? 'said why'
		  : ($s & 127) == 6 && $err =~ $out_of_memory ? 'aborted'
		  : $s != 0 && $err =~ $out_of_memory ? 'exited' : "status $s, last message $t \"$words\", $err";
		$ends{$how}++;
		push @wrong, "allocation $allocation: $how" if $how !~ /^(made the model|said why|aborted|exited)$/;
	}
	$k = int($k * 1.45) + 1;
}
is(join("\n", @wrong), '', 'X01: any allocation that fails ends the trainer with a reason, or changes nothing');
cmp_ok($ends{'said why'} // 0, '>', 5, 'X01: mostly by itself');
note(join ', ', map { "$_: $ends{$_}" } sort keys %ends);
for my $allocation (1, 2000, -30000)
{
	wrap_trainer('', undef, FAULT_MALLOC => $allocation);
	my ($outcome, $error) = outcome(train('starved', 'SELECT * FROM petal'));
	ok($outcome =~ /^succeeded/ || $outcome eq 'failed ML006' && $error =~ $out_of_memory, "X01: allocation $allocation in a run") or diag("$outcome: $error");
}
restore_trainer();
$health->check('X01, allocations');

# X02: the kernel takes the trainer, or the executor
hold_trainer();
my $run = train('taken', 'SELECT * FROM petal');
wait_for($node, 'postgres', $run, "phase = 'loading'");
kill 'KILL', trainers($node);
ends_as($run, 'failed ML006', qr/terminated by signal 9.*mlops\.trainer_memory/s, 'X02: a trainer that is killed');
restore_trainer();
$health->check('X02, trainer');
hold_trainer();
$run = train('taken', 'SELECT * FROM petal');
wait_for($node, 'postgres', $run, "phase = 'loading'");
my ($killed) = trainers($node);
kill 'KILL', sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops run'");
$gate->quit;
ok($node->poll_query_until('postgres', "SELECT status = 'queued' AND crashes = 1 AND not_before > now() + interval '4 minutes' FROM mlops.run WHERE id = $run"), 'X02: an executor that is killed counts as a crash');
sql("SELECT mlops.cancel($run)");
is((outcome($run))[0], 'canceled 1', 'X02: its run can be canceled');
ok(defined wait_until_gone(10, $killed), 'X02: its trainer is gone');
restore_trainer();
$health->check('X02, executor', crash => 1);
$gate = MlopsGate->new($node, 'postgres');

# X03: allocations of the server itself fail
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe("SET client_min_messages = error; SET ROLE alice");
my $pid = $session->query_safe('SELECT pg_backend_pid()');
my $score = "SELECT sum(mlops.predict('health', f)) FROM flower f WHERE id <= 100";
my $sum = $session->query_safe($score);
my $refused = 0;
for my $statement ([ 'DISCARD PLANS', $score, $sum ], [ 'SELECT 1', "SELECT mlops.dataset_digest('SELECT * FROM petal') IS NOT NULL", 't' ],
	[ 'SELECT 1', "SELECT count(*) > 0 FROM mlops.explain('health', (SELECT f FROM flower f LIMIT 1))", 't' ])
{
	my ($prepare, $query, $answer) = @$statement;
	for my $countdown (0 .. 14)
	{
		$session->query($prepare);
		fail_memory($pid, $countdown);
		my $got = $session->query($query);
		fail_memory(0, 0, 0);
		$refused++ if $got ne $answer;
		$got = $session->query($query);
		is($got, $answer, "X03: after allocation $countdown failed: $query") if $got ne $answer;
	}
}
cmp_ok($refused, '>', 3, "X03: statements were refused, and the next ones answered");
$session->quit;

# X03: of executors, before and after their rows
for my $countdown (0, 1, 2, 4, 8)
{
	$gate->close('x03');
	$run = train('short', q{SELECT * FROM petal WHERE gate.pass('x03')});
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'mlops run' AND wait_event = 'PgSleep'"), 'X03: an executor waits');
	fail_memory(sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops run'"), $countdown);
	$gate->open('x03');
	my ($outcome, $error) = outcome($run);
	fail_memory(0, 0, 0);
	ok($outcome eq 'succeeded' || $outcome eq 'failed 53200', "X03: allocation $countdown of the executor fails") or diag("$outcome $error");
}
# X03: of the dispatcher while it publishes
for my $countdown (0, 1, 3, 6)
{
	hold_trainer();
	$run = train('short', 'SELECT * FROM petal', "num_boost_round => 20$countdown");
	wait_for($node, 'postgres', $run, "phase = 'loading'");
	fail_memory(sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'"), $countdown);
	release_trainer();
	my ($outcome, $error) = outcome($run);
	fail_memory(0, 0, 0);
	restore_trainer();
	ok($outcome eq 'succeeded' || $outcome eq 'failed 53200', "X03: allocation $countdown of the dispatcher fails") or diag("$outcome $error");
}
$health->check('X03');

# X04: no room for temporary files while a run reads, none for tables while it claims
$gate->close('x04');
$run = train('full', q{SELECT * FROM flower WHERE gate.pass('x04')});
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'mlops run' AND wait_event = 'PgSleep'"), 'X04: a run reads');
fill_disk('temp');
$gate->open('x04');
ends_as($run, 'failed 53100', qr/No space left on device/, 'X04: a disk that is full for the spool');
like(sql("SET work_mem = '64kB'; SELECT count(*) FROM (SELECT mlops.predict('health', f) AS p FROM flower f) s WHERE p IS NOT NULL"), qr/20000/, 'X04: predictions go on');
free_disk();
$health->check('X04, temp');
fill_disk('data');
my @runs = map { my (undef, $out) = $node->psql('postgres', "SET ROLE alice; SELECT mlops.train('full_$_', 'SELECT * FROM petal', 'big', key => '{id}')"); $out } 1 .. 30;
free_disk();
@runs = grep { /^\d+$/ } @runs;
like((outcome($_))[0], qr/^(succeeded|failed 53100)$/, 'X04: a run while the disk is full for tables') for @runs;
$health->check('X04, data');

# X05: descriptors, connections, locks
my %limited;
for my $limit (9, 12, 15, 18)
{
	$gate->close('x05');
	$run = train('few', q{SELECT * FROM petal WHERE gate.pass('x05')});
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'mlops run' AND wait_event = 'PgSleep'"), 'X05: a run reads');
	$pid = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops run'");
	system_or_bail('prlimit', '--pid', $pid, "--nofile=$limit:$limit");
	$gate->open('x05');
	my ($outcome, $error) = outcome($run);
	# without one for the reason it counts as a crash
	ok($outcome =~ /^(succeeded|queued 1)$/ || $error =~ /Too many open files/, "X05: $limit descriptors for a run") or diag("$outcome $error");
	$limited{$outcome}++;
	sql("SELECT mlops.cancel($run)");
}
ok(grep({ $_ ne 'succeeded' } keys %limited), 'X05: which are too few') or diag(join ' ', %limited);
$health->check('X05, descriptors');

my @crowd;
while (@crowd < 20)
{
	my $one = eval { $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'alice' ]) } or last;
	push @crowd, $one;
}
my $refusal = $node->psql('postgres', 'SELECT 1', extra_params => [ '-U', 'alice' ]);
is($refusal, 2, 'X05: no connection is left');
$crowd[0]->query_safe('SET client_min_messages = error');
$run = $crowd[0]->query_safe("SELECT mlops.train('crowd', 'SELECT * FROM petal', 'big', key => '{id}', num_boost_round => 3)");
is($crowd[0]->query_safe("SELECT status FROM mlops.wait($run)"), 'succeeded', 'X05: a run needs none');
$_->quit for @crowd;
$health->check('X05, connections');

my $locks = $node->background_psql('postgres', on_error_stop => 0);
$locks->query_safe('SET client_min_messages = error');
change_settings($node, 'mlops.max_concurrent_runs' => '0');
$run = train('locks', 'SELECT * FROM petal');
my $position = -s $node->logfile;
$locks->query("SELECT pg_advisory_lock(i) FROM generate_series(1, 100000) i");
like(slurp_file($node->logfile, $position), qr/out of shared memory/, 'X05: no lock is left');
$position = -s $node->logfile;
$node->append_conf('postgresql.conf', "mlops.max_concurrent_runs = 4\n");
$node->reload;
$node->wait_for_log(qr/out of shared memory/, $position);
$locks->quit;
like((outcome($run))[0], qr/^(succeeded|failed 53200)$/, 'X05: the run ends when there are some again');
$health->check('X05, locks');

# X06: all timeouts at a second
my $launcher = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops launcher'");
my @timeouts = qw(statement_timeout lock_timeout idle_in_transaction_session_timeout idle_session_timeout);
push @timeouts, 'transaction_timeout' if sql("SELECT current_setting('transaction_timeout', true) IS NOT NULL") eq 't';
change_settings($node, map { $_ => '1s' } @timeouts);
hold_trainer();
my $patient = train('patient', 'SELECT * FROM petal');
wait_for($node, 'postgres', $patient, "phase = 'loading'");
my $dispatcher = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'");
ok(wait_for($node, 'postgres', $patient, "clock_timestamp() - started_at > interval '2500 ms'"), 'X06: a training longer than any timeout');
is(sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'"), $dispatcher, 'X06: the dispatcher stays');
is(sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops launcher'"), $launcher, 'X06: and the launcher');
release_trainer();
is((outcome($patient))[0], 'succeeded', 'X06: the training ends well');
restore_trainer();
ends_as(train('impatient', 'SELECT p.* FROM petal p WHERE (SELECT pg_sleep(60)) IS NOT NULL'), 'failed 57014', qr/due to (statement|transaction) timeout|terminat/, 'X06: a query that is too long');
change_settings($node, map { $_ => '0' } @timeouts);
$health->check('X06');

# X07: many runs
$position = -s $node->logfile;
@runs = split /\n/, sql(q{SET ROLE alice; SELECT mlops.train('many_' || i, 'SELECT * FROM petal', 'big', key => '{id}', num_boost_round => 1) FROM generate_series(1, 64) i});
is(scalar(@runs), 64, 'X07: 64 runs are submitted');
my $most = 0;
my @times;
$session = $node->background_psql('postgres');
until ($session->query_safe("SELECT count(*) FROM mlops.run WHERE id >= $runs[0] AND ended_at IS NULL") eq '0')
{
	my $executors = $session->query_safe("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'mlops run'");
	$most = $executors if $executors > $most;
	my $start = time;
	$session->query_safe("SELECT mlops.predict('health', f) FROM flower f WHERE id = 7");
	push @times, time - $start;
	usleep(20_000);
}
$session->quit;
cmp_ok($most, '<=', 4, 'X07: never more executors than allowed');
cmp_ok($most, '>=', 2, 'X07: but several');
is(sql("SELECT count(*) FROM mlops.run WHERE id >= $runs[0] AND status = 'succeeded' AND attempt = 1"), 64, 'X07: each succeeds at once');
@times = sort { $a <=> $b } @times;
cmp_ok($times[@times / 2], '<', 1, 'X07: predictions are served meanwhile');
note('median of a prediction: ' . $times[@times / 2] . ' s');
$health->check('X07');

$gate->quit;
done_testing();
