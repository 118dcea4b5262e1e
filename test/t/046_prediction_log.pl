# The log of predictions: partitions and who may look at them, what an absent
# dispatcher leaves behind, retention beside a long reader, many writers, dump and
# restore, a standby.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf',
	"max_worker_processes = 16\nmax_connections = 100\nmax_prepared_transactions = 2\nautovacuum = off\nshared_preload_libraries = 'mlops'\nmlops.monitor_interval = 1\n");
$node->start;

# Model m predicts 1 for every row.
$node->safe_psql('postgres', q{
CREATE EXTENSION mlops;
CREATE ROLE reader LOGIN;
SELECT mlops.register_model('m', convert_to('{"version": [1, 7, 4], "learner": {"attributes": {}, "feature_names": [], "feature_types": [],
	"learner_model_param": {"base_score": "0E0", "num_class": "0", "num_feature": "1", "num_target": "1", "boost_from_average": "1"},
	"objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
	"gradient_booster": {"name": "gbtree", "model": {
		"gbtree_model_param": {"num_trees": "1", "num_parallel_tree": "1", "size_leaf_vector": "0"}, "tree_info": [0],
		"trees": [{"id": 0, "left_children": [-1], "right_children": [-1], "parents": [2147483647], "split_indices": [0],
			"split_conditions": [1.0], "default_left": [0], "base_weights": [0.0], "loss_changes": [0.0], "sum_hessian": [1.0],
			"split_type": [0], "categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": [],
			"tree_param": {"num_nodes": "1", "num_feature": "1", "num_deleted": "0", "size_leaf_vector": "0"}}]}}}}', 'UTF8'), '{"features": ["a"]}');
SELECT mlops.grant_model('m', 'reader', 'read');});

sub sql { my ($query, $database) = @_; return $node->safe_psql($database // 'postgres', $query); }
my $partitions = q{SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND relname ~ '^prediction_log_[0-9]'};
my $rows = q{SELECT count(*), md5(string_agg(l::text, ' ' ORDER BY l::text)) FROM mlops.prediction_log l};

is(sql(q{SELECT last_day - (now() AT TIME ZONE 'UTC')::date, last_day - first_day + 1 = partitions, alarm IS NULL FROM mlops.prediction_log_status}),
	'7|t|t', 'CREATE EXTENSION makes partitions a week ahead');

# Partitions made later: whatever the owner's default privileges say.
sql(q{ALTER DEFAULT PRIVILEGES IN SCHEMA mlops GRANT ALL ON TABLES TO reader; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC});
my ($last) = sort { $b cmp $a } split /\n/, sql($partitions);
sql("ALTER EXTENSION mlops DROP TABLE mlops.$last; DROP TABLE mlops.$last; SELECT mlops.tick()");
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_class WHERE relname = '$last'"), 'a missing partition is made');
is(sql(qq{SELECT relrowsecurity, has_table_privilege('reader', oid, 'SELECT, INSERT, UPDATE, DELETE'),
		(SELECT count(*) FROM pg_policy WHERE polrelid = c.oid), obj_description(oid) IS NOT NULL,
		(SELECT deptype FROM pg_depend d WHERE d.objid = c.oid AND refclassid = 'pg_extension'::regclass), pg_get_expr(relpartbound, oid) = pg_get_expr(relpartbound, oid)
	FROM pg_class c WHERE relname = '$last'}), 't|f|0|t|e|t', 'with row security, without grants, a member of the extension');
sql(q{ALTER DEFAULT PRIVILEGES IN SCHEMA mlops REVOKE ALL ON TABLES FROM reader; ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC});

# Many writers: nobody waits for another's row, nothing is lost, ids are unique.
append_to_file($node->basedir . '/write.sql', "\\set k random(1, 1000)\nSELECT prediction FROM mlops.predict_logged('m', :k::text, 1.5::float8);\n");
sub write_logged
{
	my ($transactions, @options) = @_;
	my ($stdout, $stderr);
	IPC::Run::run([ 'pgbench', '-n', '-c', '64', '-j', '2', '-t', $transactions, @options,
			'-f', $node->basedir . '/write.sql', $node->connstr('postgres') ], '>', \$stdout, '2>', \$stderr) or diag $stderr;
	return $stdout;
}
like(write_logged(50), qr/actually processed: 3200\/3200/, '64 writers');
is(sql(q{SELECT count(*), count(DISTINCT id), min(prediction), max(prediction) FROM mlops.prediction_log}), '3200|3200|1|1', 'each prediction is there once');
is(sql(q{SELECT count(*) FROM mlops.prediction_log_default}), '0', 'and has a partition');
my ($direct) = sort split /\n/, sql($partitions);
my ($status, $stdout, $stderr) = $node->psql('postgres', "SET ROLE reader; SELECT count(*) FROM mlops.$direct");
like($stderr, qr/permission denied for table $direct/, 'a reader of the model reads no partition');
is(sql('SET ROLE reader; SELECT count(*) FROM mlops.prediction_log'), '3200', 'but the log');

# In a prepared transaction.
sql(q{BEGIN; SELECT * FROM mlops.predict_logged('m', 'prepared', 1.5::float8); SELECT mlops.record_outcome('m', 'prepared', '2'); PREPARE TRANSACTION 'log'});
is(sql(q{SELECT count(*) FROM mlops.prediction_log WHERE key = 'prepared'}), '0', 'not before COMMIT PREPARED');
sql(q{COMMIT PREPARED 'log'});
is(sql(q{SELECT outcome FROM mlops.prediction_log WHERE key = 'prepared'}), '2', 'but after it');

# No partition of the day: the rows are kept, and sorted when a dispatcher comes.
my $before = sql($rows);
is(sql(q{
	BEGIN;
	DO $$ DECLARE p regclass; BEGIN
		FOR p IN SELECT inhrelid FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'mlops.prediction_log'::regclass AND relname <> 'prediction_log_default' LOOP
			EXECUTE format('CREATE TEMP TABLE IF NOT EXISTS saved AS TABLE %s WITH NO DATA; INSERT INTO saved TABLE %s', p, p);
			EXECUTE format('ALTER EXTENSION mlops DROP TABLE %s', p);
			EXECUTE format('DROP TABLE %s', p);
		END LOOP; END $$;
	INSERT INTO mlops.prediction_log OVERRIDING SYSTEM VALUE TABLE saved;
	SELECT prediction FROM mlops.predict_logged('m', 'stray', 1.5::float8);
	SELECT partitions, rows_without_partition, alarm FROM mlops.prediction_log_status;
	COMMIT}), "1\n0|3202|rows without a partition of their day", 'rows without partition raise the alarm');
sql('SELECT mlops.tick()');
ok($node->poll_query_until('postgres', q{SELECT alarm IS NULL AND rows_restored = 0 AND partitions = 8 FROM mlops.prediction_log_status}), 'the dispatcher sorts them');
like(slurp_file($node->logfile), qr/WARNING:  3202 logged predictions came when there was no partition of their day/, 'and says so');
sql(q{DELETE FROM mlops.prediction_log WHERE key = 'stray'});
is(sql($rows), $before, 'nothing is lost or changed');

# Retention, with a reader that stays: writers go on, and partitions go when it leaves.
sql(q{INSERT INTO mlops.prediction_log_restored SELECT 1000000 + i, now() - i % 20 * interval '1 day', 1, current_user::regrole, 'm', 'champion', false, 'old' || i, 1
	FROM generate_series(1, 2000) i; SELECT mlops.tick()});
ok($node->poll_query_until('postgres', q{SELECT rows_restored = 0 AND last_day - first_day = 26 FROM mlops.prediction_log_status}), 'old rows get partitions of their days');
is(sql(q{SELECT count(*), count(DISTINCT tableoid), bool_and(tableoid::regclass::text = 'mlops.prediction_log_' || to_char(predicted_at AT TIME ZONE 'UTC', 'YYYYMMDD'))
	FROM mlops.prediction_log WHERE key LIKE 'old%'}), '2000|20|t', 'each row in that of its day');
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN');
is($reader->query_safe(q{SELECT count(*) FROM mlops.prediction_log WHERE key LIKE 'old%'}), '2000', 'a long reader');
$node->append_conf('postgresql.conf', "mlops.prediction_log_retention = '10d'\n");
$node->reload;
sql('SELECT mlops.tick()');
my $offset = -s $node->logfile;
for (1 .. 600)
{
	last if slurp_file($node->logfile) =~ /could not keep the log of predictions: canceling statement due to lock timeout/;
	select(undef, undef, undef, 0.1);
}
like(slurp_file($node->logfile), qr/could not keep the log of predictions: canceling statement due to lock timeout/, 'no partition is dropped under the reader');
my $written = write_logged(400, '-L', '5000');
like($written, qr/actually processed: 25600\/25600/, 'writers go on meanwhile');
like($written, qr/above the 5000.0 ms latency limit: 0\//, 'and none waits for the reader');
is(sql(q{SELECT count(*) FROM mlops.prediction_log WHERE key LIKE 'old%'}), '2000', 'all old rows are there');
$reader->query_safe('COMMIT');
$reader->quit;
ok($node->poll_query_until('postgres', q{SELECT first_day >= (now() AT TIME ZONE 'UTC')::date - 11 FROM mlops.prediction_log_status}), 'then old partitions go');
$node->poll_query_until('postgres', q{SELECT min(predicted_at) >= date_trunc('day', now(), 'UTC') - interval '10 days' FROM mlops.prediction_log WHERE key LIKE 'old%'});
is(sql(q{SELECT min(predicted_at) >= date_trunc('day', now(), 'UTC') - interval '10 days', count(*) BETWEEN 1000 AND 1200 FROM mlops.prediction_log WHERE key LIKE 'old%'}),
	't|t', 'younger ones stay');

# Dump and restore, in every form, beside a running dispatcher.
sql(q{SET mlops.log_features = on; SELECT * FROM mlops.predict_logged('m', E'odd\tkey\n', 1.5::float8); SELECT mlops.record_outcome('m', E'odd\tkey\n', '2');
	SELECT mlops.record_outcome('m', E'odd\tkey\n', '3')});
# a role that goes
sql(q{CREATE ROLE leaver LOGIN; SELECT mlops.grant_model('m', 'leaver', 'predict')});
sql(q{SET ROLE leaver; SELECT * FROM mlops.predict_logged('m', 'left', 1.5::float8); SELECT mlops.record_outcome('m', 'left', '2')});
sql(q{SELECT mlops.revoke_model('m', 'leaver', 'predict'); DROP ROLE leaver});
# some rows that still wait
sql(q{BEGIN; INSERT INTO mlops.prediction_log_restored OVERRIDING SYSTEM VALUE SELECT * FROM mlops.prediction_log WHERE key = '7'; DELETE FROM mlops.prediction_log WHERE key = '7'; COMMIT});
sql(q{SELECT mlops.set_alias('m', 'challenger', 1), mlops.set_traffic('m', '{"champion": 0.5, "challenger": 0.5}', '{"champion": 0.25}', 'try')});
my $routes = q{SELECT (SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM mlops.traffic t), md5(string_agg(alias, ' ' ORDER BY i)) FROM generate_series(1, 100) i, mlops.route('m', i::text)};
mkdir $node->backup_dir;
my $whole = q{SELECT count(*), md5(string_agg(l::text, ' ' ORDER BY l::text)) FROM (TABLE mlops.prediction_log UNION ALL TABLE mlops.prediction_log_restored) l WHERE key <> 'left'};
$before = sql($whole);
my %dump = (custom => [ '-Fc' ], directory => [ '-Fd', '-j2' ], inserts => [ '-Fc', '--inserts' ], root => [ '-Fc', '--load-via-partition-root' ]);
for my $form (sort keys %dump)
{
	my $file = $node->backup_dir . "/$form";
	$node->command_ok([ 'pg_dump', @{ $dump{$form} }, '-f', $file, $node->connstr('postgres') ], "dump: $form");
	my $list;
	IPC::Run::run([ 'pg_restore', '-l', $file ], '>', \$list) or die;
	unlike($list, qr/prediction_log_(\d|default)/, 'no partition is in it');
	sql("CREATE DATABASE restored_$form");
	IPC::Run::run([ 'pg_restore', '--exit-on-error', '--single-transaction', '-d', $node->connstr("restored_$form"), $file ], '2>', \my $errors);
	is($errors, '', 'restore');
	is(sql($whole, "restored_$form"), $before, 'all rows are there');
	sql('SELECT mlops.tick()', "restored_$form");
	ok($node->poll_query_until("restored_$form", q{SELECT rows_restored = 0 AND alarm IS NULL FROM mlops.prediction_log_status}), 'and get their partitions');
	is(sql($whole, "restored_$form"), $before, 'unchanged');
	is(sql($routes, "restored_$form"), sql($routes), 'traffic goes the same ways');
	is(sql(q{SELECT predicted_by, outcome_recorded_by FROM mlops.prediction_log WHERE key = 'left'}, "restored_$form"), '-|-', 'a dropped role is nobody');
}
is(sql(q{SELECT corrections -> 0 ->> 'value', outcome, features FROM mlops.prediction_log WHERE key ~ 'odd'}, 'restored_custom'), '2|3|{"a": 1.5}', 'with outcome and features');
is(sql(q{SELECT count(*) = count(DISTINCT id) FROM (SELECT id FROM mlops.prediction_log UNION ALL SELECT prediction_id FROM generate_series(1, 100) g, mlops.predict_logged('m', 'new' || g, 1::float8)) i},
	'restored_custom'), 't', 'numbers go on where they stopped');
is(sql(q{SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r' AND NOT relrowsecurity}, 'restored_custom'), '0', 'all partitions have row security');
# over what is there, and into an extension that is
my @again = ([ 'custom', '--clean', '--if-exists' ], [ 'data', '--data-only' ]);
sql('CREATE DATABASE restored_data');
sql('CREATE EXTENSION mlops', 'restored_data');
for my $again (@again)
{
	my ($database, @options) = @$again;
	$node->command_ok([ 'pg_restore', '--exit-on-error', @options, '-d', $node->connstr("restored_$database"), $node->backup_dir . '/custom' ], "restore: @options");
	sql('SELECT mlops.tick()', "restored_$database");
	ok($node->poll_query_until("restored_$database", q{SELECT rows_restored = 0 AND alarm IS NULL FROM mlops.prediction_log_status}), 'rows get their partitions');
	is(sql($whole, "restored_$database"), $before, 'and are all there');
}
sql('DROP EXTENSION mlops; CREATE EXTENSION mlops', 'restored_custom');
is(sql('SELECT count(*) FROM mlops.prediction_log', 'restored_custom'), '0', 'DROP EXTENSION takes the partitions');

# A standby reads the log, and says that it does not write.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT count(*) > 0, bool_and(alarm IS NULL) FROM mlops.prediction_log, mlops.prediction_log_status'), 't|t', 'a standby shows the log');
for my $call (q{SELECT * FROM mlops.predict_logged('m', 'k', 1::float8)}, q{SELECT mlops.record_outcome('m', 'k', '1')})
{
	my ($name) = $call =~ /mlops\.(\w+)/;
	$standby->psql('postgres', "\\set VERBOSITY verbose\n$call", stderr => \my $error);
	like($error, qr/ERROR:  25006: cannot execute $name\(\) in a read-only transaction/, "$name is refused on a standby");
}
$standby->stop;
$node->stop;
done_testing();
