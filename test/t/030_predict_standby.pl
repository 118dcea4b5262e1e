# S06: prediction on a streaming standby: follows the primary by replay, writes nothing,
# keeps its snapshot's version, works in parallel workers, and after promotion.
use strict;
use warnings;

use IPC::Run;
use MlopsRun;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "max_worker_processes = 16\nautovacuum = off\n");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\n");
$standby->start;

# Version n of model "constant" predicts n for every row.
my $setup = "CREATE EXTENSION mlops; $constant_model" . q{
CREATE TABLE point AS SELECT i::float8 AS a FROM generate_series(1, 10000) i;
SELECT mlops.register_model('constant', constant_model(v), '{"features": ["a"]}') FROM generate_series(1, 2) v;
SELECT mlops.set_reference('constant', 'SELECT * FROM point');
};
$primary->safe_psql('postgres', $setup);
$primary->safe_psql('postgres', 'CREATE DATABASE other');
$primary->safe_psql('other', $setup . "SELECT mlops.set_alias('constant', 'champion', 2)");
$primary->wait_for_catchup($standby);

# Files of forests in use, by name; a standby makes its own.
sub forest_files
{
	my ($node) = @_;
	my %files = map { (m{([^/]+)$})[0] => slurp_file($_) } glob($node->data_dir . '/base/pgsql_tmp/pgsql_tmp_mlops/*');
	return \%files;
}
$primary->safe_psql('postgres', "SELECT mlops.predict('constant/1', 1.0), mlops.predict('constant/2', 1.0)");
is(scalar(keys %{ forest_files($primary) }), 2, 'the primary has its forests in files');
is(scalar(keys %{ forest_files($standby) }), 0, 'the standby has none of them');

my $predict = "SELECT string_agg(DISTINCT mlops.predict('constant', p)::text, ',') FROM point p";
is($standby->safe_psql('postgres', $predict), '1', 'a standby predicts');
is($standby->safe_psql('other', $predict), '2', 'and in each database what is registered there');

is_deeply(forest_files($standby), forest_files($primary), 'the standby made the same files, one for both databases');

# A session that stays: promotions and new models arrive by replay.
my $session = $standby->background_psql('postgres');
is($session->query_safe($predict), '1', 'first answer of a session');
$primary->safe_psql('postgres', "SELECT mlops.set_alias('constant', 'champion', 2)");
$primary->wait_for_catchup($standby);
is($session->query_safe($predict), '2', 'the next statement after replay sees the promotion');
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($session->query_safe($predict), '2', 'REPEATABLE READ before a promotion');
$primary->safe_psql('postgres', "SELECT mlops.set_alias('constant', 'champion', 1)");
$primary->wait_for_catchup($standby);
is($session->query_safe($predict), '2', 'REPEATABLE READ keeps its version');
$session->query_safe('COMMIT');
is($session->query_safe($predict), '1', 'until it ends');
$primary->safe_psql('postgres', "SELECT mlops.register_model('late', constant_model(7), '{\"features\": [\"a\"]}')");
$primary->safe_psql('postgres', "SELECT mlops.create_function('late', 'late_score'), mlops.create_function('late', 'late_look', security => 'invoker')");
$primary->wait_for_catchup($standby);
is($session->query_safe("SELECT mlops.predict('late', 1.0)"), '7', 'a model registered meanwhile');
is($session->query_safe(q{SELECT mlops.predict('late', '{"a": 1}'), late_score(1), late_look(1)}), '7|7|7', 'a row as text, and functions made for the model');

# Parallel workers on the standby.
my $parallel = q{
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
};
like($standby->safe_psql('postgres', "$parallel EXPLAIN $predict"), qr/Gather/, 'parallel plan on the standby');
is($standby->safe_psql('postgres', "$parallel SELECT sum(mlops.predict('constant', p)) FROM point p"),
	'10000', 'parallel prediction on the standby');
is($standby->safe_psql('postgres', "$parallel SELECT count(*), max(prediction), max(version) FROM mlops.predict_batch('constant', 'SELECT * FROM point', 'a')"),
	'10000|1|1', 'predict_batch on the standby');
is($standby->safe_psql('postgres', "$parallel SELECT cardinality(mlops.predict_agg('constant', p)) FROM point p"),
	'10000', 'predict_agg on the standby');
is($standby->safe_psql('postgres', "$parallel SELECT string_agg(role || ' ' || status || ' ' || n_current, ', ') FROM mlops.drift('constant', 'SELECT 20000.0 AS a FROM point')"),
	'dataset drift 10000, prediction ok 10000, feature drift 10000', 'drift on the standby');

# It is read-only, and says so.
my ($status, $stdout, $stderr) = $standby->psql('postgres', "SELECT mlops.create_function('late', 'another')");
like($stderr, qr/cannot execute create_function\(\) (during recovery|in a read-only transaction)/, 'no function is made on a standby');
($status, $stdout, $stderr) = $standby->psql('postgres', "SELECT mlops.set_alias('constant', 'champion', 2)");
isnt($status, 0, 'an alias cannot be set on a standby');
like($stderr, qr/read-only transaction/, 'the error says why');

for my $call ("train('late', 'SELECT * FROM point', 'a')", 'retrain($$constant$$)', 'cancel(1)', 'tick()')
{
	($status, $stdout, $stderr) = $standby->psql('postgres', "SELECT mlops.$call", extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($stderr, qr/ERROR:  25006: +cannot execute [\w.]+\(\) /, "Q03: no $call on a standby");
}

# Dropping one database does not disturb sessions of another, nor does an empty folder, nor both while forests are made.
my $folder = $standby->data_dir . '/base/pgsql_tmp/pgsql_tmp_mlops';
my $script = $standby->basedir . '/predict.sql';
append_to_file($script, "SELECT 1 / (mlops.predict('constant/1', 1.0) = 1 AND mlops.predict('constant/2', 1.0) = 2)::int;\n");
unlink glob("$folder/*");
rmdir $folder or die "$folder: $!";
my $output = '';
my $clients = IPC::Run::start(
	[ 'pgbench', '-n', '-C', '-c', 4, '-t', 100, '-f', $script, '-h', $standby->host, '-p', $standby->port, 'postgres' ],
	'>&', \$output);
$primary->safe_psql('postgres', 'DROP DATABASE other');
$primary->wait_for_catchup($standby);
while ($clients->pumpable)
{
	unlink glob("$folder/*[0-9]");
	$clients->pump_nb;
}
ok($clients->finish, 'predictions while DROP DATABASE is replayed and the files vanish') or diag($output);
is($session->query_safe($predict), '1', 'prediction after DROP DATABASE of another was replayed');
unlike(slurp_file($standby->logfile), qr/WARNING|PANIC/, 'without a warning');

# After promotion of the standby the same session goes on, and can change aliases.
$primary->stop('immediate');
$standby->promote;
is($session->query_safe($predict), '1', 'prediction after the standby was promoted');
$session->query_safe("SELECT mlops.set_alias('constant', 'champion', 2)");
is($session->query_safe($predict), '2', 'an alias set on the new primary');
$session->quit;
$standby->stop;

done_testing();
