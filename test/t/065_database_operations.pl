# O01-O07: what administrators do to databases, to the extension and to the server while
# runs are under way.
use strict;
use warnings;

use IPC::Run;
use MlopsGate;
use MlopsHealth;
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('operations', "mlops.max_concurrent_runs = 4\n$gate_settings");

sub sql { return $node->safe_psql($_[1] // 'postgres', $_[0]); }

sub answer
{
	my ($sql, $database, @parameters) = @_;
	my ($status, $out, $err) = $node->psql($database // 'postgres', $sql, on_error_stop => 1, @parameters);
	return $status == 0 ? $out : $err;
}

sub slow { return start_training($node, $_[0], $_[1] // 'slow', "params => '$slow_params'"); }

# A slow training that trains.
sub start_slow
{
	my $run = slow(@_);
	wait_for($node, $_[0], $run, "phase = 'training'") or die;
	return $run;
}

sub cancel
{
	my ($run, $database) = @_;
	sql("SELECT mlops.cancel($run)", $database);
	wait_for($node, $database // 'postgres', $run, "status = 'canceled'") or die;
}

# Seconds of a call.
sub time_of
{
	my ($call) = @_;
	my $start = time;
	$call->();
	return time - $start;
}

# O04: how the extension comes into a database.
sql('CREATE ROLE stranger LOGIN; GRANT CREATE ON DATABASE postgres TO stranger; CREATE SCHEMA elsewhere');
like(answer('CREATE EXTENSION mlops', 'postgres', extra_params => [ '-U', 'stranger' ]),
	qr/permission denied to create extension "mlops".*HINT:.*superuser/s, 'O04: CREATE EXTENSION as no superuser');
like(answer('CREATE EXTENSION mlops SCHEMA elsewhere'), qr/extension "mlops" must be installed in schema "pg_catalog"/, 'O04: in another schema');
is(sql('SELECT count(*) FROM pg_extension WHERE extname = $$mlops$$'), 0, 'O04: nothing came of it');
set_up($node, 'postgres');
like(answer('CREATE EXTENSION mlops'), qr/extension "mlops" already exists/, 'O04: twice');
is(sql("SELECT current_setting('shared_preload_libraries')"), '', 'O04: without preload');
my $run = start_training($node, 'postgres', 'flower', 'num_boost_round => 2');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'O04: there are runs without preload');
sql('CREATE EXTENSION mlops', 'template1');
sql('CREATE DATABASE inherited');
sql('DROP EXTENSION mlops', 'template1');
like(answer('CREATE EXTENSION mlops', 'inherited'), qr/already exists/, 'O04: from template1 a database inherits it');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'mlops'\nallow_in_place_tablespaces = on");
$node->restart;
my $health = MlopsHealth->new($node, 'postgres');
$health->check('O04');

# O06: reloads without end, and settings out of bounds.
$run = start_slow('postgres');
sql('SELECT pg_reload_conf() FROM generate_series(1, 1000)') for 1 .. 5;
is(sql("SELECT status, attempt FROM mlops.run WHERE id = $run"), 'running|1', 'O06: a run goes on through five thousand reloads');
cancel($run);
my ($status, $tried, $refused) = $node->psql('postgres', q{
	SELECT format('ALTER SYSTEM SET %s = %s', name, bound) FROM pg_settings,
		LATERAL (VALUES (min_val::bigint - 1), (max_val::bigint + 1)) b (bound)
	WHERE name LIKE 'mlops.%' AND vartype = 'integer'
	\gexec
	SELECT 2 * count(*) FROM pg_settings WHERE name LIKE 'mlops.%' AND vartype = 'integer'}, on_error_stop => 0);
is(scalar(() = $refused =~ /ERROR:  (?:invalid value for parameter|-?\d+.* is outside the valid range)/g), $tried, 'O06: no setting takes a value out of its range');
$node->append_conf('postgresql.conf', 'mlops.max_threads = 100000');
$node->reload;
$node->wait_for_log(qr/100000 is outside the valid range for parameter "mlops.max_threads"/, $health->{log_offset});
is(sql('SHOW mlops.max_threads'), 1, 'O06: not from the file either');
$node->append_conf('postgresql.conf', 'mlops.max_threads = 1');
($status, $tried, $refused) = $node->psql('postgres', q{
	SELECT format('SET %s = %L', name, setting) FROM pg_settings WHERE name LIKE 'mlops.%' AND name <> 'mlops.log_features'
	\gexec
	SELECT count(*) - 1 FROM pg_settings WHERE name LIKE 'mlops.%'}, on_error_stop => 0, extra_params => [ '-U', 'alice' ]);
is(scalar(() = $refused =~ /ERROR:  (?:permission denied to set parameter|parameter "[a-z_.]+" cannot be changed)/g), $tried, 'O06: users set one of them only');
$health->check('O06');

# O01: a database is not dropped under a run, but by force.  DROP DATABASE waits five
# seconds; O03, where the extension itself goes, happens beside it.
sql('CREATE DATABASE busy');
set_up($node, 'busy');
start_slow('busy');
my @executor = split ' ', sql("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE datname = 'busy'");
push @executor, trainers($node);
my $refusal = '';
my $drop = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', 'DROP DATABASE busy' ], '>&', \$refusal);

# The extension goes while a run is under way.
my $other = $node->background_psql('postgres');
$run = start_slow('postgres');
$other->query_safe('BEGIN; DROP EXTENSION mlops');
my $offset = -s $node->logfile;
$node->wait_for_log(qr/mlops dispatcher could not list runs: canceling statement due to lock timeout/, $offset);
$other->query_safe('ROLLBACK');
is(sql("SELECT status, attempt FROM mlops.run WHERE id = $run"), 'running|1', 'O03: DROP EXTENSION that is rolled back leaves the run alone');
cancel($run);
sql("SELECT mlops.create_function('flower', 'score'), mlops.create_function('flower', 'own_score', security => 'invoker')");
$run = start_slow('postgres');
# adopted by another dispatcher, which can not know its executor by a handle
sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'postgres' AND backend_type = 'mlops dispatcher'");
my $next = start_training($node, 'postgres', 'flower', 'num_boost_round => 4');
ok(wait_for($node, 'postgres', $next, "status = 'succeeded'"), 'O03: the next dispatcher works');
my ($executor, @trainers) = (executor_of($node, 'postgres', $run), grep { my $pid = $_; !grep { $_ == $pid } @executor } trainers($node));
is(scalar(@trainers), 1, 'O03: a run trains');
like(answer('DROP EXTENSION mlops'), qr/cannot drop extension mlops because other objects depend on it/, 'O03: DROP EXTENSION with functions of models');
ok(time_of(sub { sql('DROP EXTENSION mlops CASCADE') }) < 5, 'O03: CASCADE');
ok(defined wait_until_gone(10, $executor, @trainers), 'O03: the run ends');
$other->quit;
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'postgres' AND backend_type LIKE 'mlops%'"),
	'O03: so does the dispatcher');
is(join(' ', glob($node->data_dir . '/base/pgsql_tmp/pgsql_tmp_mlops_run/' . sql("SELECT oid FROM pg_database WHERE datname = 'postgres'") . '_*')),
	'', 'O03: no files are left');
like(answer("SELECT score(0.1, 0.2, 0.3, 0.4, 'red')"), qr/ERROR:  schema "mlops" does not exist/, 'O03: a function of a model that is left says so');
sql('DROP OWNED BY alice');
set_up($node, 'postgres');

# The extension comes again, and with it a run of the same number, before an executor has ended.
$run = start_slow('postgres');
$executor = executor_of($node, 'postgres', $run);
kill 'STOP', $executor;
my $grant = 'GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO alice, stranger; GRANT SELECT ON flower TO stranger;';
sql("BEGIN; DROP EXTENSION mlops; CREATE EXTENSION mlops; $grant COMMIT");
is(start_training($node, 'postgres', 'again', 'num_boost_round => 2'), $run, 'O03: a run of the same number');
my $theirs = sql("SET ROLE stranger; SELECT mlops.train('theirs', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 2)");
ok(wait_for($node, 'postgres', $theirs, "status = 'succeeded'"), 'O03: others are done meanwhile');
is(sql("SELECT status, attempt FROM mlops.run WHERE id = $run"), 'queued|0', 'O03: it waits');
kill 'CONT', $executor;
ok(wait_for($node, 'postgres', $run, "status = 'succeeded' AND attempt = 1 AND crashes = 0"), 'O03: and is done when the other has gone');

ok(!$drop->finish && $refusal =~ /database "busy" is being accessed by other users/, 'O01: DROP DATABASE under a run is refused') or diag($refusal);
is(sql('SELECT count(*) FROM mlops.run WHERE status = $$running$$ AND attempt = 1', 'busy'), 1, 'O01: the run does not notice');
cmp_ok(time_of(sub { sql('DROP DATABASE busy WITH (FORCE)') }), '<', 3, 'O01: WITH (FORCE) takes a moment');
ok(defined wait_until_gone(3, @executor), 'O01: no process is left');
$health->check('O01, O03');

# O02: copies, names, places, doors.
sql('CREATE DATABASE source');
set_up($node, 'source');
$run = start_training($node, 'source', 'flower', 'num_boost_round => 2');
wait_for($node, 'source', $run, "status = 'succeeded'");
change_settings($node, 'mlops.max_concurrent_runs' => '0');
my $orphan = start_training($node, 'source', 'flower', 'num_boost_round => 3');
# as a crash leaves it
sql("UPDATE mlops.run SET status = 'running', attempt = 1, started_at = now() - interval '1 day' WHERE id = $orphan", 'source');
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'source'");
sql('CREATE DATABASE copy TEMPLATE source');
sql('ALTER DATABASE source RENAME TO renamed');
sql("CREATE TABLESPACE place LOCATION ''");
sql('ALTER DATABASE renamed SET TABLESPACE place');
change_settings($node, 'mlops.max_concurrent_runs' => '4');
for my $database ('copy', 'renamed')
{
	is(sql("SELECT count(mlops.predict('flower', f)) FROM flower f", $database), 20000, "O02: predictions in $database");
	ok(wait_for($node, $database, $orphan, "status = 'succeeded' AND attempt = 2 AND crashes = 1 AND version = 2"), "O02: what a crash interrupted is done once in $database");
}
change_settings($node, 'mlops.max_concurrent_runs' => '0');
$run = start_training($node, 'copy', 'flower', 'num_boost_round => 4');
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'copy'");
sql('ALTER DATABASE copy ALLOW_CONNECTIONS false');
$offset = -s $node->logfile;
change_settings($node, 'mlops.max_concurrent_runs' => '4');
$health->check('O02');
unlike(slurp_file($node->logfile, $offset), qr/FATAL/, 'O02: nobody knocks at a closed database');
sql('ALTER DATABASE copy ALLOW_CONNECTIONS true IS_TEMPLATE true');
$node->reload;
is(sql("SELECT status FROM mlops.run WHERE id = $run", 'copy'), 'queued', 'O02: no run starts in a template by itself');
sql('ALTER DATABASE copy IS_TEMPLATE false');
$node->reload;
ok(wait_for($node, 'copy', $run, "status = 'succeeded'"), 'O02: a database that opens goes on with its queue');

# O05: shutdowns under a training; at the last one a session waits for a standby that does not exist.
for my $mode ('smart', 'fast', 'fast with a missing standby')
{
	$run = start_slow('postgres');
	my ($executor, @trainers) = (executor_of($node, 'postgres', $run), trainers($node));
	my $waiting;
	if ($mode =~ /standby/)
	{
		$other = $node->background_psql('postgres', on_error_stop => 0);
		$other->query_until(qr/sent/, "\\echo sent\nSET synchronous_commit = on; SET ROLE alice; SELECT mlops.train('sync', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 2);\n");
		$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'") or die;
	}
	$health->{bystander}->quit;
	cmp_ok(time_of(sub { $node->stop($mode =~ /(\w+)/) }), '<', 5, "O05: shutdown under a training: $mode");
	ok(defined wait_until_gone(1, $executor, @trainers), "O05: no process is left: $mode");
	$node->start;
	ok(wait_for($node, 'postgres', $run, "attempt = 2"), "O05: the run starts again: $mode");
	cancel($run);
	$health->check("O05, $mode", restart => 1);
}
eval { $other->quit };
is(sql("SELECT count(*) FROM mlops.model_version WHERE model = 'sync'"), 1, 'O05: what was committed without the standby is done once');

# O07: without the postmaster everybody goes.
set_up_gates($node, 'postgres');
my $gate = MlopsGate->new($node, 'postgres');
$gate->close('reading');
my @runs = (start_slow('postgres'),
	sql("SET ROLE alice; SELECT mlops.train('waits', 'SELECT * FROM flower WHERE id <> 10000 OR gate.pass(''reading'')', 'big', key => '{id}')"));
executor_of($node, 'postgres', $runs[1], "wait_event = 'PgSleep'");
my @processes = (split(' ', sql('SELECT string_agg(pid::text, $$ $$) FROM pg_stat_activity WHERE pid <> pg_backend_pid()')), trainers($node));
cmp_ok(scalar(@processes), '>=', 11, 'O07: many processes');
my $took = kill_postmaster($node, @processes);
ok(defined $took && $took < 3, 'O07: all are gone soon after the postmaster') or diag($took // 'never');
$gate->quit;
$node->start;
ok(wait_for($node, 'postgres', $_, 'attempt = 2 AND crashes = 1'), 'O07: the run starts again') for @runs;
sql("SELECT mlops.cancel($_)") for @runs;
$health->check('O07', restart => 1);

# O01: no worker asks for the database that is gone, again and again.
my $asked = () = slurp_file($node->logfile) =~ /FATAL:  database (?:\d+|"busy") does not exist/g;
cmp_ok($asked, '<=', 1, 'O01: no loop after a dropped database');
done_testing();
