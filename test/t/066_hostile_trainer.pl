# Whatever a trainer does, its run fails with a reason and nothing else happens.
# The trainer of this test's own copy of the installation misbehaves when a
# feature is called "hostile: ACTION at MOMENT"; see test/unit/hostile_trainer.c.
use strict;
use warnings;

use MlopsHealth;
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

system_or_bail('make', '-s', 'build/hostile_trainer');
my $node = new_cluster('trainer', q{
shared_preload_libraries = 'mlops'
mlops.max_concurrent_runs = 6
mlops.max_model_size = 1MB
mlops.trainer_memory = 400MB
}, install_path => copy_installation('mlops_trainer' => 'build/hostile_trainer'));
set_up($node, 'postgres');
$node->safe_psql('postgres', q{
	SET ROLE alice;
	CREATE TABLE petal AS SELECT id, a, b, c, big, (ARRAY['train', 'validation', 'test'])[1 + id % 3] AS part FROM flower LIMIT 600});
my $health = MlopsHealth->new($node, 'postgres');

# Enqueue a training of the misbehaving trainer.
sub start
{
	my ($what, $arguments) = @_;
	return $node->safe_psql('postgres', qq{SET ROLE alice;
		SELECT mlops.train('box', 'SELECT id, a, b, c AS "hostile: $what", big, part FROM petal', 'big', key => '{id}',
			split => 'column', split_by => 'part', num_boost_round => 2} . ($arguments // '') . ')');
}

# Each case: what is done and when, the error, and the state if it is not ML006.
sub check_cases
{
	my ($name, @cases) = @_;
	my @runs = map { start($_->[0]) } @cases;
	my $log = -s $node->logfile;
	for my $i (0 .. $#cases)
	{
		my ($what, $error, $state) = @{$cases[$i]};
		wait_for($node, 'postgres', $runs[$i], "ended_at IS NOT NULL OR crashes > 0") or die "$what: the run does not end";
		my $got = $node->safe_psql('postgres', "SELECT status, sqlstate, error FROM mlops.run WHERE id = $runs[$i]");
		$state //= 'ML006';
		like($got, qr/^failed\|(?:$state)\|/, "$what: failed") or diag($got);
		like($got =~ s/^\w+\|\w+\|//r, ref $error ? $error : qr/^\Q$error\E$/, "$what: with a reason");
	}
	cmp_ok((-s $node->logfile) - $log, '<', 4000 * @cases, "$name: the log stays short");
	$health->check($name);
}

my $memory = "\nHINT:  It may have run out of memory; see mlops.trainer_memory.";
my $fault = "\nHINT:  This is a fault of libxgboost; other parameters or another version may avoid it.";
my $install = "\nHINT:  Install mlops.so and mlops_trainer of the same version.";

# Ends
check_cases('crashes', map {
	my $when = $_;
	my $status = $when eq 'result' ? 'after its result' : 'without a result';
	([ "segv at $when", "trainer was terminated by signal 11: Segmentation fault$fault" ],
		[ "abort at $when", "trainer was terminated by signal 6: Aborted$memory" ],
		$when eq 'result' ? () : [ "exit_0 at $when", "trainer exited with status 0 $status" ],
		[ "exit_3 at $when", "trainer exited with status 3 $status" ]) } qw(start hello loading middle result));
check_cases('other ends',
	[ 'kill_self at loading', "trainer was terminated by signal 9: Killed$memory" ],
	[ 'recurse at loading', "trainer was terminated by signal 11: Segmentation fault$fault" ],
	[ 'use_other_abi at loading', "trainer was terminated by signal 31: Bad system call$fault" ],
	[ 'close_and_hang at loading', 'trainer did not exit within 5 s after its last message' ],
	[ 'hang at result', 'trainer did not exit within 5 s after its result' ],
	[ 'more_after_done at end', 'trainer did not exit within 5 s after its result' ]);

# Lies on the pipe
check_cases('messages', (map { [ "$_ at hello", "trainer sent an invalid message$install" ] }
		qw(type_0 type_99 type_max two_hellos break_text)),
	[ 'no_hello at start', "trainer sent an invalid message$install" ],
	[ 'bad_hello at start', 'trainer sent an invalid version of libxgboost' ],
	[ 'long_hello at start', 'trainer sent an invalid version of libxgboost' ],
	[ 'other_protocol at start', 'training failed: mlops_trainer speaks protocol 2 only' ],
	[ 'bad_phase at hello', 'trainer sent an invalid phase' ],
	(map { [ "$_ at loading", 'trainer sent an invalid round' ] } qw(round_below round_above stopped_above)),
	(map { [ "$_ at loading", 'trainer sent an invalid metric' ] } qw(metric_unnamed metric_long metric_part)),
	(map { [ "$_ at loading", 'trainer sent an invalid threshold' ] } qw(threshold_nan threshold_above)),
	(map { [ "$_ at end", 'trainer sent an invalid calibration' ] } qw(knot_nan many_knots)),
	[ 'cut_infinite at end', 'trainer sent an invalid curve of thresholds' ],
	[ 'shout at loading', qr/^training failed: a\?\[2Jb\?LOG:  forged\?\?c\?\?\(de{900}$/ ]);

# Lies in files
check_cases('files', (map { [ "$_ at end", 'trainer left a model file of another size than it said' ] }
		qw(size_negative size_zero size_2_31 size_2_63 size_max size_more size_less)),
	[ 'fill_model at loading', qr/^model needs more than mlops\.max_model_size \(1 MB\)\nHINT:  .*raise mlops\.max_model_size\.$/, '54000' ],
	[ 'fill_model_to_the_limit at loading', 'trainer left profiles that are not valid' ],
	[ 'model_garbage at model', 'invalid model bytes: model is neither UBJSON nor JSON', 'ML003' ],
	[ 'model_cut at model', 'invalid model bytes: an array is longer than the model', 'ML003' ],
	[ 'model_other at model', 'the signature does not list the 1 features of the model', 'ML004' ],
	(map { [ "$_ at profiles", 'trainer left profiles that are not valid' ] }
		qw(profiles_none profiles_one profiles_longer profiles_longest profiles_many profiles_garbage profiles_negative profiles_full)));

# Without end
check_cases('floods',
	[ 'flood_garbage at loading', "trainer sent an invalid message$install" ],
	[ 'flood_messages at loading', qr/^trainer sent more than \d{4} messages$/ ],
	[ 'flood_log at loading', qr/^trainer exited with status 3 without a result\nDETAIL:  \?{2000}$/ ],
	[ 'allocate at loading', 'training failed: out of memory' ],
	[ 'start_threads at loading', qr/^training failed: \d{2,4} threads$/ ],
	[ 'open_descriptors at loading', qr/^training failed: 5\d descriptors$/ ]);

# What the sandbox is for: nothing of it works, and those it was aimed at are there.
check_cases('escapes', [ 'escape at loading', qr/^training failed: \d\d refused, done:$/ ]);

# Odd, but no reason to fail: numbers that are none, and no standard files.
my $run = start('odd_metrics at end');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'odd metrics are taken');
is($node->safe_psql('postgres', "SELECT string_agg(name || '=' || coalesce(value::text, 'NULL'), ',' ORDER BY name) FROM mlops.metric
	WHERE run_id = $run AND round IS NULL AND name ~ '[ ?]'"),
	'bell?=1,infinite thing=Infinity,no ? UTF-8=1,not a number=NULL', 'and stored as what they are');
$run = start('close_all at loading');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'nothing needs the standard files');

# Trainers that do not end by themselves, deaf to every signal
sub start_and_wait
{
	my ($what) = @_;
	my $started = start($what);
	$node->poll_query_until('postgres', "SELECT phase = 'loading' FROM mlops.run WHERE id = $started") or die "$what: no start";
	return $started;
}
for my $what ('hang at start', 'hang at hello', 'hang at middle', 'burn at loading')
{
	$run = start_and_wait($what);
	my $start = time;
	is($node->safe_psql('postgres', "SELECT mlops.cancel($run)"), 't', "$what: cancel");
	ok(wait_for($node, 'postgres', $run, "status = 'canceled'"), "$what: canceled");
	cmp_ok(time - $start, '<', 4, "$what: at once");
}
$health->check('cancel');

$run = start_and_wait('hang at loading');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'mlops run'");
ok(wait_for($node, 'postgres', $run, "status = 'failed'"), 'hang: the executor is terminated');
is($node->safe_psql('postgres', "SELECT sqlstate || ' ' || error FROM mlops.run WHERE id = $run"),
	'57P01 the executor was terminated', 'hang: the run says so');
$health->check('terminate');

# Whoever listens to as much as is allowed stays small.
$run = start_and_wait('talk_and_hang at loading');
my $executor = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops run'");
$node->poll_query_until('postgres', "SELECT metric_name = 'metric of number 499' FROM mlops.run WHERE id = $run") or die 'it does not talk';
my ($kilobytes) = slurp_file("/proc/$executor/status") =~ /^RssAnon:\s+(\d+) kB/m;
cmp_ok($kilobytes, '<', 20000, 'an executor does not grow');
$node->safe_psql('postgres', "SELECT mlops.cancel($run)");
ok(wait_for($node, 'postgres', $run, "status = 'canceled'"), 'and it can be canceled');
$health->check('talk');

change_settings($node, 'mlops.max_run_time' => '1s');
check_cases('deadlines', map { [ "$_ at loading", qr/mlops\.max_run_time \(1 s\)/, $_ eq 'burn' ? '57014|54000' : '57014' ] } qw(hang burn));

done_testing();
