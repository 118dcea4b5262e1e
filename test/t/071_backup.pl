# Backups: dumps in all formats and while runs publish, restores into other encodings
# and without rights, and recovery of a base backup to a point in time.
use strict;
use warnings;

use IPC::Run;
use MlopsHealth;
use MlopsRegistry;
use MlopsRun;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1, has_archiving => 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'mlops'\nautovacuum = off\nmax_worker_processes = 16\nmlops.monitor_interval = 1\n");
$node->start;
set_up($node, 'postgres');
my $folder = $node->backup_dir;
mkdir $folder;
my $connection = $node->connstr('postgres');

# Something in every table: a model with a hold-out, two versions of another one, a
# monitor with windows and an event, logged predictions with outcomes, rights, limits.
my $run = start_training($node, 'postgres', 'flower', 'num_boost_round => 5');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'a model');
$node->safe_psql('postgres', $constant_model . q{
	CREATE ROLE reader;
	SELECT mlops.set_role_limit('reader', max_queued_runs => 5);
	SET ROLE alice;
	SELECT mlops.register_model('constant', constant_model(v), '{"features": ["a"]}', description => 'caf' || chr(233)) FROM generate_series(1, 2) v;
	SELECT mlops.set_alias('constant', 'challenger', 2), mlops.set_traffic('constant', '{"champion": 0.5, "challenger": 0.5}');
	SELECT mlops.grant_model('flower', 'reader', 'predict'), mlops.create_function('flower', 'flower_score');
	SELECT mlops.predict_logged('flower', id::text, f) FROM flower f WHERE id <= 100;
	SELECT mlops.record_outcome('flower', id::text, big::text, now()) FROM flower f WHERE id <= 50;
	CREATE TABLE live (LIKE flower);
	SELECT mlops.create_monitor('watch', 'flower', 'live', label => 'big', window_rows => 10000);
	INSERT INTO live SELECT * FROM flower;
	RESET ROLE;
	INSERT INTO mlops.drift_event (monitor, model, version, kind, cause, opened_at, action, outcome, outcome_at, run_id, notified_at)
		VALUES ('watch', 'flower', 1, 'age', 'age', now(), 'alert', 'alerted', now(), 1, now());
});
ok($node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM mlops.drift_measure'), 'a window is evaluated');

# Nothing starts from here on, neither here nor where it is restored.
change_settings($node, 'mlops.max_concurrent_runs' => 0, 'mlops.monitor_interval' => '1h');
my $idle = q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'};
my $queued = start_training($node, 'postgres', 'flower', 'num_boost_round => 6');
my $canceled = start_training($node, 'postgres', 'flower');
my $running = start_training($node, 'postgres', 'flower', 'num_boost_round => 7');
ok($node->poll_query_until('postgres', $idle), 'no dispatcher');
$node->safe_psql('postgres', qq{
	INSERT INTO mlops.cancel_request VALUES ($canceled, 'alice');
	UPDATE mlops.run SET status = 'running', attempt = 1, started_at = now() WHERE id = $running;
	INSERT INTO mlops.drift_performance SELECT monitor, version, window_start, 'realized', 'f1', 0.1 + 0.2, NULL, 9 FROM mlops.drift_window;
	INSERT INTO live SELECT * FROM flower LIMIT 10});

my $log = qr/^prediction_log(_restored|_default|_p?\d+)?$/;
my %before = read_registry($node, 'postgres', $log);
is(join(' ', grep { !/_seq$/ && $before{$_} eq '' } sort keys %before), '', 'every table has rows to carry');
my $logged = $node->safe_psql('postgres', 'SELECT l FROM mlops.prediction_log l ORDER BY id');
my $scores = 'SELECT sum(mlops.predict($$flower$$, f)), sum(flower_score(a, b, c, d, colour)) FROM flower f';
my $score = $node->safe_psql('postgres', $scores);

sub restored
{
	my ($database, $name) = @_;
	my %after = read_registry($node, $database, $log);
	is_deeply(\%after, \%before, "B01: $name: every table is as it was");
	is($node->safe_psql($database, 'SELECT l FROM mlops.prediction_log_restored l ORDER BY id'), $logged, "B01: $name: the log of predictions waits");
	is($node->safe_psql($database, $scores), $score, "B01: $name: the model predicts the same");
}

# Restore with a command into a new database.
sub restore
{
	my ($name, @command) = @_;
	(my $database = $name) =~ s/\W+/_/g;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok([ @command, '--dbname', $node->connstr($database) ], "B01: restore: $name");
	return $database;
}

my %format = (plain => [], custom => ['-Fc'], directory => [ '-Fd', '-j', 2 ], tar => ['-Ft']);
$node->command_ok([ 'pg_dump', @{ $format{$_} }, '-f', "$folder/$_", $connection ], "B01: dump: $_") for sort keys %format;
my @restore = ('pg_restore', '--exit-on-error');
my @psql = ('psql', '-X', '-q', '--set', 'ON_ERROR_STOP=1');
restored(restore('plain', @psql, '-f', "$folder/plain"), 'plain');
restored(restore('tar', @restore, "$folder/tar"), 'tar');
my $custom = restore('custom in one transaction', @restore, '--single-transaction', "$folder/custom");
restored($custom, 'custom');

# pg_restore does not know foreign keys between tables of an extension, so that
# loading them in any order needs a session that does not check them.
{
	local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
	restored(restore('directory by 4 jobs', @restore, '-j', 4, "$folder/directory"), 'directory by 4 jobs');
}

# Definitions first, then data, without the triggers of monitors; and over what is there.
my $parts = restore('definitions', @restore, '--schema-only', "$folder/custom");
is($node->safe_psql($parts, 'SELECT count(*) FROM mlops.model'), 0, 'B01: definitions alone hold no model');
$node->command_ok([ @restore, '--data-only', '--disable-triggers', '--dbname', $node->connstr($parts), "$folder/custom" ], 'B01: data alone');
restored($parts, 'data alone');
$node->safe_psql($parts, q{SET ROLE alice; SELECT mlops.set_alias('constant', 'champion', 2)});
$node->command_ok([ @restore, '--clean', '--if-exists', '--dbname', $node->connstr($parts), "$folder/custom" ], 'B01: --clean');
restored($parts, '--clean');

# Who is no superuser needs to see all rows for a dump, and cannot make the extension.
$node->safe_psql('postgres', q{
	CREATE ROLE dumper LOGIN IN ROLE pg_read_all_data; CREATE ROLE bypasser LOGIN BYPASSRLS IN ROLE pg_read_all_data;
	CREATE DATABASE lacking OWNER dumper;});
$node->command_checks_all([ 'pg_dump', '-Fc', '-f', "$folder/dumper", '-U', 'dumper', $connection ], 1, [],
	[qr/query would be affected by row-level security policy/], 'B01: a dump without some rows is refused');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/bypasser", '-U', 'bypasser', $connection ], 'B01: a dump with BYPASSRLS');
restored(restore('by no superuser', @restore, "$folder/bypasser"), 'dumped by no superuser');
$node->command_checks_all([ @restore, '-U', 'dumper', '--dbname', $node->connstr('lacking'), "$folder/custom" ], 1, [],
	[qr/permission denied to create extension "mlops".*Must be superuser/s], 'B01: a restore needs a superuser');

# Other encodings: a category is the same label there, or the restore says what it cannot write.
$node->safe_psql('postgres', q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0; CREATE DATABASE russian ENCODING 'KOI8R' LOCALE 'C' TEMPLATE template0});
$node->command_ok([ @restore, '--dbname', $node->connstr('latin'), "$folder/custom" ], 'B03: into another encoding');
is($node->safe_psql('latin', "$scores; SELECT DISTINCT description = 'caf' || chr(233) FROM mlops.model_version WHERE model = 'constant'"), "$score\nt", 'B03: predicts the same');
$node->command_checks_all([ @restore, '--dbname', $node->connstr('russian'), "$folder/custom" ], 1, [],
	[qr/has no equivalent in encoding "KOI8R"/], 'B03: a character that the encoding lacks stops the restore');

# A restored queue waits until runs are allowed; what was running counts as a crash.
is($node->safe_psql($custom, "SELECT string_agg(status, ' ' ORDER BY id) FROM mlops.run WHERE id >= $queued"), 'queued queued running', 'B01: no run starts by itself');
change_settings($node, 'mlops.max_concurrent_runs' => 2);
for my $database ('postgres', $custom)
{
	$node->safe_psql($database, 'SELECT mlops.tick()');
	ok(wait_for($node, $database, $canceled, "status = 'canceled'"), "B01: a cancellation is carried out, $database");
	ok(wait_for($node, $database, $running, "status = 'queued' AND crashes = 1 AND not_before > now()"), "B01: what was running waits for another try, $database");
	$node->safe_psql($database, "UPDATE mlops.run SET not_before = now() WHERE id = $running; SELECT mlops.tick()");
	ok(wait_for($node, $database, $_, "status = 'succeeded'"), "B01: run $_ succeeds, $database") for $queued, $running;
}
my $digests = q{SELECT string_agg(encode(digest, 'hex'), ' ' ORDER BY digest) FROM mlops.model_version};
is($node->safe_psql($custom, $digests), $node->safe_psql('postgres', $digests), 'B01: and makes the same models');
ok($node->poll_query_until($custom, 'SELECT count(*) = 0 FROM mlops.prediction_log_restored'), 'B01: the log of predictions gets its partitions');
is($node->safe_psql($custom, 'SELECT l FROM mlops.prediction_log l ORDER BY id'), $logged, 'B01: with the same rows');

# Dumps while runs publish.
my $health = MlopsHealth->new($node, 'postgres');
my $trainings = $node->safe_psql('postgres', q{
	SET ROLE alice; SELECT count(mlops.train('busy', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => i)) FROM generate_series(1, 12) i});
for my $i (1 .. 3)
{
	$node->poll_query_until('postgres', "SELECT count(*) >= 3 * $i FROM mlops.model_version WHERE model = 'busy'");
	$node->command_ok([ 'pg_dump', '-Fd', '-j', 2, '-f', "$folder/busy$i", $connection ], "B02: dump $i while runs publish");
	my $database = restore("busy$i", @restore, '--single-transaction', "$folder/busy$i");
	is(half_done($node, $database), '', "B02: nothing in it is half done");
	cmp_ok($node->safe_psql($database, "SELECT count(*) FROM mlops.model_version WHERE model = 'busy'"), '>=', 3 * $i, 'B02: versions are there');
}
$health->check('B02');

# A point in time: a run publishes, and the recovery ends just before or after that commit.
$node->backup('base');
is(join(' ', map { glob "$folder/base/base/pgsql_tmp/*" } 1), '', 'B04: a base backup leaves forests and spool files out');
$run = start_training($node, 'postgres', 'pitr', 'num_boost_round => 5');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'B04: a version is published');
my $version = q{SELECT encode(digest, 'hex') FROM mlops.model_version WHERE model = 'pitr'};
my $digest = $node->safe_psql('postgres', $version);
# published in a subtransaction, which gets its number right after the transaction
my $xid = $node->safe_psql('postgres', q{SELECT xmin::text::int - 1 FROM mlops.model_version WHERE model = 'pitr'});
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
for my $inclusive ('off', 'on')
{
	my $restored = PostgreSQL::Test::Cluster->new("inclusive_$inclusive");
	$restored->init_from_backup($node, 'base', has_restoring => 1, standby => 0);
	$restored->append_conf('postgresql.conf', "recovery_target_xid = '$xid'\nrecovery_target_inclusive = $inclusive\nrecovery_target_action = promote\n"
		. "archive_mode = off\nmlops.max_concurrent_runs = 0\n");
	$restored->start;
	ok($restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), "B04: recovered to the commit, inclusive $inclusive");
	is($restored->safe_psql('postgres', "SELECT status = 'succeeded', (SELECT count(*) FROM mlops.model_version WHERE model = 'pitr') FROM mlops.run WHERE id = $run"),
		$inclusive eq 'on' ? 't|1' : 'f|0', 'B04: run and version agree');
	is(half_done($restored, 'postgres'), '', 'B04: nothing is half done');
	is($restored->safe_psql('postgres', 'SELECT sum(mlops.predict($$flower/1$$, f)) FROM flower f'), (split /\|/, $score)[0], 'B04: earlier versions predict');
	change_settings($restored, 'mlops.max_concurrent_runs' => 2);
	ok(wait_for($restored, 'postgres', $run, "status = 'succeeded'"), 'B04: the run is done, or done again');
	is($restored->safe_psql('postgres', $version), $digest, 'B04: and makes the same bytes');
	MlopsHealth->new($restored, 'postgres')->check('B04');
	$restored->stop;
}
$node->stop;
done_testing();
