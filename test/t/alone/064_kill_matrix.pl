# K01-K12: what is killed, and where everybody else stands at that moment.  Executors wait
# before their first row, amid the rows, in the sort and inside a round; the dispatcher at
# one point of its work; sessions before or after the commit record of a submission, a
# promotion and an INSERT into a watched table.
#
# The building of a forest file ("cache load") is killed in 032_forest_cache.pl.  K10, the
# loss of power, is left to the server: what must last is in its tables; files of ours are
# all in base/pgsql_tmp, which it empties before anybody can read them.
use strict;
use warnings;

use File::Spec;
use IPC::Run;
use MlopsGate;
use MlopsHealth;
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = new_cluster('matrix', qq{
shared_preload_libraries = 'mlops'
restart_after_crash = on
mlops.max_concurrent_runs = 8
mlops.monitor_interval = 1
$gate_settings});
set_up($node, 'postgres');
set_up_gates($node, 'postgres');
sql($constant_model);
sql(q{
	GRANT SELECT ON flower TO PUBLIC;
	SET ROLE alice;
	CREATE TABLE door AS SELECT 1 AS open;
	CREATE TABLE many AS SELECT f.* FROM flower f, generate_series(1, 8) ORDER BY id;
	CREATE TABLE live (a float8);
	SELECT mlops.register_model('served', public.constant_model(v, 1), '{"features": ["a"]}') FROM generate_series(1, 2) v;
	SELECT mlops.set_reference('served/' || v, 'SELECT a FROM flower') FROM generate_series(1, 2) v;
	SELECT mlops.create_monitor('seen', 'served', 'live');
});
my $health = MlopsHealth->new($node, 'postgres');

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub row { return sql("SELECT $_[1] FROM mlops.run WHERE id = $_[0]"); }
sub process { return sql("SELECT pid FROM pg_stat_activity WHERE backend_type = '$_[0]'"); }
sub is_process { return "backend_type = '$_[0]'" }

my $rounds = 1;    # no two models are the same

# Submit a run; its query has that condition.
sub submit
{
	my ($model, $query, $arguments) = @_;
	my $n = $rounds++;
	$query =~ s/'/''/g;
	return sql("SET ROLE alice; SELECT mlops.train('$model', '$query', 'big', exclude => '{id}', "
		. ($arguments // "num_boost_round => $n") . ')');
}

# Executors, each at its point: point => [run, pid].
my @points = qw(attached reading sorting training);

sub park
{
	my ($gate) = @_;
	$gate->close('claim', 'reading', 'sorting');
	my %run = (
		attached => submit('attached', 'SELECT f.* FROM flower f, door'),
		reading => submit('reading', "SELECT * FROM flower WHERE id <> 10000 OR gate.pass('reading')"),
		sorting => submit('sorting', "SELECT * FROM many WHERE id > 3 AND (id <> 20000 OR gate.pass('sorting'))"),
		training => submit('training', 'SELECT * FROM flower', "params => '$slow_params'"));
	# a submission locks the tables of its query, too
	$gate->{session}->query_safe('BEGIN; LOCK TABLE door');
	$gate->open('claim');
	my %pid = (
		attached => executor_of($node, 'postgres', $run{attached}, "wait_event_type = 'Lock'"),
		reading => executor_of($node, 'postgres', $run{reading}, "wait_event = 'PgSleep'"),
		sorting => executor_of($node, 'postgres', $run{sorting}, "wait_event = 'PgSleep'"));
	wait_for($node, 'postgres', $run{training}, "phase = 'training'") or die;
	$pid{training} = executor_of($node, 'postgres', $run{training});
	stop_sorting($node, 'postgres', $run{sorting}, $pid{sorting}, sub { $gate->open('sorting') });
	return map { $_ => { run => $run{$_}, pid => $pid{$_} } } @points;
}

# Stop the dispatcher at a point of its work for a new run; returns the run.
sub hold_dispatcher
{
	my ($gate, $point) = @_;
	$gate->close('late', $point);
	my $run = submit('point', $point =~ /handed_over|progress/ ? "SELECT * FROM flower WHERE id <> 10000 OR gate.pass('late')" : 'SELECT * FROM flower');
	if ($point eq 'handed_over')
	{
		executor_of($node, 'postgres', $run, "wait_event = 'PgSleep'");
		kill 'STOP', process('mlops dispatcher');
		$gate->open('late');
		$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'userlock' AND objid = $run") or die;
		return $run;
	}
	$gate->wait_at($point, is_process('mlops dispatcher'));
	$gate->open('late');
	return $run;
}

# Let a run start that has backed off.
sub release { sql("UPDATE mlops.run SET not_before = now() WHERE id = $_[0]; SELECT mlops.tick()") }

# Whether the run made exactly one version, of the next number, in that many attempts.
sub is_published
{
	my ($run, $attempts, $crashes, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), "$name: the run succeeds");
	is(sql("SELECT r.attempt, r.crashes, count(v), max(v.version) = r.version, max(m.last_version) = (SELECT count(*) FROM mlops.model_version WHERE model = r.model)
		FROM mlops.run r JOIN mlops.model m ON m.name = r.model LEFT JOIN mlops.model_version v ON v.run_id = r.id WHERE r.id = $run GROUP BY r.id"),
		"$attempts|$crashes|1|t|t", "$name: attempts, crashes, versions");
}

# Signal the executors at all points, with what becomes of their runs.
for my $case ([ 'K01', 'TERM', 'failed|57P01' ], [ 'K02', 'INT', 'canceled|57014' ])
{
	my ($id, $signal, $result) = @$case;
	my $gate = MlopsGate->new($node, 'postgres');
	my %at = park($gate);
	my @trainers = children_of($at{training}{pid});
	kill $signal, map { $_->{pid} } values %at;
	kill 'CONT', $at{sorting}{pid};
	for my $point (@points)
	{
		my $run = $at{$point}{run};
		ok(wait_for($node, 'postgres', $run, "status NOT IN ('queued', 'running')"), "$id: SIG$signal, $point: the run ends");
		is(row($run, "status, sqlstate, attempt, crashes"), "$result|1|0", "$id: $point: how");
	}
	ok(defined wait_until_gone(5, @trainers), "$id: the trainer is gone");
	$gate->quit;
	$health->check($id);
}

# The loss of a trainer is that of one run.  A stopped executor keeps its run: nobody takes it over.
my $gate = MlopsGate->new($node, 'postgres');
my %at = park($gate);
kill 'KILL', children_of($at{training}{pid});
ok(wait_for($node, 'postgres', $at{training}{run}, "status = 'failed'"), 'K03: SIGKILL to the trainer fails the run');
is(row($at{training}{run}, 'sqlstate, attempt, crashes'), 'ML006|1|0', 'K03: how');
my $dispatcher = process('mlops dispatcher');
kill 'TERM', $dispatcher;
wait_until_gone(5, $dispatcher);
sql('SELECT mlops.tick()');
is_published(submit('point', 'SELECT * FROM flower'), 1, 0, 'K08: the next dispatcher works');
is(sql("SELECT count(*) FROM mlops.run WHERE status = 'running' AND attempt = 1"), 3, 'K08: a stopped executor and others have their runs');
kill 'CONT', $at{sorting}{pid};
$gate->quit;
is_published($at{$_}{run}, 1, 0, "K08, $_") for qw(sorting reading attached);
$health->check('K08');

# A result that comes late, while the row has gone on to another attempt: the dispatcher looks at
# a run before it in the list meanwhile.
$gate = MlopsGate->new($node, 'postgres');
$gate->close('reading', 'late');
my $other = submit('point', "SELECT * FROM flower WHERE id <> 10000 OR gate.pass('reading')", 'num_boost_round => 100');
my $late = submit('late', "SELECT * FROM flower WHERE id <> 10000 OR gate.pass('late')");
executor_of($node, 'postgres', $_, "wait_event = 'PgSleep'") for $other, $late;
$gate->close('progress');
$gate->open('reading');
$gate->wait_at('progress', is_process('mlops dispatcher'));
$gate->open('late');
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'userlock' AND objid = $late") or die;
sql("UPDATE mlops.run SET attempt = 2 WHERE id = $late");
$gate->open('progress');
is_published($other, 1, 0, 'K08: the other run');
ok(wait_for($node, 'postgres', $late, "status = 'queued'"), 'K08: the late result is not taken');
is(sql("SELECT count(*) FROM mlops.model_version WHERE run_id = $late"), 0, 'K08: no version');
release($late);
is_published($late, 3, 1, 'K08: the next attempt');
$gate->quit;

# SIGTERM to the launcher, and to the dispatcher at each point: nothing is lost or done twice.
my $killed = time;
kill 'TERM', process('mlops launcher');
my @dispatcher_points = qw(claim_committing claim_committed progress handed_over blob publish_committing publish_committed);
for my $point (@dispatcher_points)
{
	$gate = MlopsGate->new($node, 'postgres');
	my $run = hold_dispatcher($gate, $point);
	my $pid = process('mlops dispatcher');
	kill 'TERM', $pid;
	kill 'CONT', $pid;
	ok(defined wait_until_gone(5, $pid), "K11, $point: SIGTERM to the dispatcher");
	$gate->quit;
	sql('SELECT mlops.tick()');
	is_published($run, 1, 0, "K11, $point");
}
$health->check('K11, K12');
cmp_ok(sql("SELECT extract(epoch FROM backend_start) FROM pg_stat_activity WHERE backend_type = 'mlops launcher'") - $killed,
	'<', 20, 'K12: the launcher came back in the ten seconds of its restart interval');

# Crashes.  Where the dispatcher stands, where sessions stand, and what dies.
my @crashes = (
	[ 'K04', 'claim_committing', 'committing', sub { kill 'KILL', $_[0]{attached}{pid} } ],
	[ 'K04', 'claim_committed', 'committed', sub { kill 'KILL', $_[0]{reading}{pid} } ],
	[ 'K04', 'progress', 'committing', sub { kill 'KILL', $_[0]{sorting}{pid} } ],
	[ 'K04', 'handed_over', 'committed', sub { kill 'KILL', $_[0]{training}{pid} } ],
	[ 'K05', 'blob', 'committing', sub { kill 'KILL', process('checkpointer') } ],
	[ 'K05', 'publish_committing', 'committed', sub { kill 'KILL', process('walwriter') } ],
	[ 'K05', 'publish_committed', 'committed', sub { kill 'KILL', $_[0]{deploy}{pid} } ],
	[ 'K11', 'publish_committing', 'committing', sub { kill 'KILL', $_[0]{dispatcher}{pid} } ],
	[ 'K11', 'publish_committed', 'committing', sub { kill 'KILL', $_[0]{dispatcher}{pid} } ],
	[ 'K12', 'claim_committed', 'committed', sub { kill 'KILL', process('mlops launcher') } ],
	[ 'K06', 'publish_committing', 'committing', \&restart ],
	[ 'K06', 'publish_committed', 'committed', \&restart ],
	[ 'K07', 'blob', 'committed', \&leave_a_child ],
	[ 'K09', 'publish_committed', 'committed', \&crash_in_recovery ]);

sub restart
{
	my ($at) = @_;
	# stopped processes do not see the signal
	my $stop = IPC::Run::start([ 'pg_ctl', '-D', $node->data_dir, '-m', 'immediate', 'stop' ], '>', \my $out);
	$node->wait_for_log(qr/received immediate shutdown request/, $health->{log_offset});
	kill 'CONT', $at->{sorting}{pid}, $at->{dispatcher}{pid};
	$stop->finish or die $out;
	$node->_update_pid(0);
	$node->start;
}

# The stopped executor is a child that survives its postmaster.
sub leave_a_child
{
	my ($at) = @_;
	ok(defined kill_postmaster($node, map { $at->{$_}{pid} } grep { $_ ne 'sorting' } keys %$at),
		'K07: without the postmaster, processes end');
	is($node->start(fail_ok => 1), 0, 'K07: no start while one of them is left');
	like(slurp_file($node->logfile, $health->{log_offset}), qr/pre-existing shared memory block/, 'K07: because of it');
	kill 'CONT', $at->{sorting}{pid};
	ok(defined wait_until_gone(5, $at->{sorting}{pid}), 'K07: it goes');
	$node->start;
}

# Crash before anything is replayed, then when everything is; the commands of an archive
# recovery are gates.
sub crash_in_recovery
{
	my ($at) = @_;
	my $gate = File::Spec->rel2abs($node->basedir . '/recovery_gate');
	kill 'CONT', $at->{sorting}{pid};
	$node->stop('immediate');
	# nobody ever writes into the pipe
	append_to_file("$gate.sh", "test \"\$(cat $gate)\" = \$1 && touch $gate.reached && cat $gate.pipe\nexit 1\n");
	system_or_bail('mkfifo', "$gate.pipe");
	$node->append_conf('postgresql.conf', "restore_command = 'sh $gate.sh start'\nrecovery_end_command = 'sh $gate.sh end'");
	append_to_file($node->data_dir . '/recovery.signal', '');
	for my $place ('start', 'end')
	{
		append_to_file($gate, $place);
		system_log('pg_ctl', '-W', '-D', $node->data_dir, '-l', $node->logfile, 'start');
		my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
		usleep(10_000) until -e "$gate.reached" || time > $deadline;
		ok(-e "$gate.reached", "K09: stopped at the $place of recovery");
		system_log('pg_ctl', '-m', 'immediate', '-D', $node->data_dir, 'stop');
		unlink $gate, "$gate.reached";
	}
	$node->start;
}

# Sessions that wait before or after their commit record: point => {pid, and what tells the outcome}.
my @sessions = (
	[ submit => sub { "SET ROLE alice; SELECT mlops.train('submitted', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => @{[ $rounds++ ]})" },
		"SELECT count(*) FROM mlops.run WHERE model = 'submitted'" ],
	[ deploy => sub { "SELECT mlops.set_alias('served', 'champion', 3 - version) FROM mlops.alias WHERE model = 'served'" },
		"SELECT mlops.predict('served', 0.5)" ],
	[ observe => sub { 'INSERT INTO live SELECT 0.5' },
		"SELECT count(*), count(*) = (SELECT coalesce((SELECT sum(n_rows) FROM mlops.drift_window WHERE monitor = 'seen'), 0)
			+ coalesce((SELECT sum(n_rows) FROM mlops.drift_state WHERE monitor = 'seen'), 0)) FROM live" ]);

for my $crash (@crashes)
{
	my ($id, $point, $moment, $act) = @$crash;
	my $restarts = ref $act eq 'CODE' && $id =~ /K0[679]/;
	my $name = "$id, dispatcher at $point, sessions $moment";

	$gate = MlopsGate->new($node, 'postgres');
	%at = park($gate);
	my $run = hold_dispatcher($gate, $point);
	$at{dispatcher}{pid} = process('mlops dispatcher');
	my (@before, @clients);
	for my $session (@sessions)
	{
		my ($what, $statement, $outcome) = @$session;
		push @before, sql($outcome);
		$gate->close("${what}_$moment");
		my $client = $node->background_psql('postgres', on_error_stop => 0);
		my $sql = $statement->();
		$at{$what}{pid} = $client->query_safe('SELECT pg_backend_pid()');
		$client->query_until(qr/sent/, "\\echo sent\n$sql;\n");
		$gate->wait_at("${what}_$moment", "pid = $at{$what}{pid}");
		push @clients, $client;
	}

	$act->(\%at);
	kill 'CONT', map { $_->{pid} } values %at if !$restarts;
	$node->wait_for_log(qr/database system is ready to accept connections/, $health->{log_offset});
	eval { $_->quit } for @clients, $gate;

	for my $i (0 .. $#sessions)
	{
		my ($what, undef, $outcome) = @{$sessions[$i]};
		my $after = $before[$i];
		if ($moment eq 'committed')
		{
			$after = $what eq 'deploy' ? 3 - $before[$i] : $before[$i] =~ s/^(\d+)/$1 + 1/er;
		}
		is(sql($outcome), $after, "$name: $what");
	}
	for my $at (@points)
	{
		my $back = $restarts ? 'attempt = 2' : "status = 'queued' AND attempt = 1 AND not_before > clock_timestamp() + interval '4 minutes'";
		ok(wait_for($node, 'postgres', $at{$at}{run}, "$back AND crashes = 1"), "$name: run $at starts again, later");
	}
	if ($point eq 'publish_committed' || $point eq 'claim_committing')
	{
		is_published($run, 1, 0, $name);
	}
	else
	{
		if (!$restarts)
		{
			ok(wait_for($node, 'postgres', $run, "status = 'queued' AND crashes = 1"), "$name: the run backs off");
			release($run);
		}
		is_published($run, 2, 1, $name);
	}
	sql("SELECT mlops.cancel(id) FROM mlops.run WHERE model = ANY ('{" . join(',', @points) . "}')");
	$health->check($name, $restarts ? (restart => 1) : (crash => 1));
}

done_testing();
