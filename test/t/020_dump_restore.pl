# pg_dump and pg_restore carry models, rights and sequences: into a cluster with
# other role OIDs, and not silently into one that lacks a role.
use strict;
use warnings FATAL => 'all';

use MlopsRegistry;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# a model of features a and b that says 0 up to a = 1.5, then 1
my $model = '{"learner":{"attributes":{},"feature_names":["a","b"],"feature_types":["float","float"],'
  . '"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],'
  . '"trees":[{"base_weights":[0,-0.5,0.5],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],'
  . '"default_left":[1,0,0],"id":0,"left_children":[1,-1,-1],"loss_changes":[1,0,0],"parents":[2147483647,0,0],"right_children":[2,-1,-1],'
  . '"split_conditions":[1.5,-0.5,0.5],"split_indices":[0,0,0],"split_type":[0,0,0],"sum_hessian":[4,2,2],'
  . '"tree_param":{"num_deleted":"0","num_feature":"2","num_nodes":"3","size_leaf_vector":"0"}}]},"name":"gbtree"},'
  . '"learner_model_param":{"base_score":"5E-1","boost_from_average":"0","num_class":"0","num_feature":"2","num_target":"1"},'
  . '"objective":{"name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]}';

sub start_cluster
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', "mlops.max_model_size = 1\nmax_prepared_transactions = 2");
	$node->start;
	return $node;
}

my $source = start_cluster('source');
$source->safe_psql('postgres', q{
	CREATE ROLE regress_mlops_owner LOGIN; CREATE ROLE regress_mlops_reader; CREATE ROLE regress_mlops_leaver;
	CREATE EXTENSION mlops; GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_mlops_owner;});
$source->safe_psql('postgres', qq{
	SET ROLE regress_mlops_owner;
	SELECT mlops.register_model('regress_m', '$model', metrics => '{"rmse": 0.25}', tags => '{"k": "v"}');
	SELECT mlops.register_model('regress_m', replace('$model', '1.5', '2.5')::bytea, parent_version => 1);
	SELECT mlops.set_alias('regress_m', 'canary', 2, reason => 'try');
	SELECT mlops.grant_model('regress_m', 'regress_mlops_reader', 'read');
	SELECT mlops.grant_model('regress_m', 'regress_mlops_leaver', 'own');
	SELECT mlops.grant_model('regress_m', '-', 'predict');});
# functions made for a model are their owner's, not the extension's
$source->safe_psql('postgres', q{
	CREATE SCHEMA serve AUTHORIZATION regress_mlops_owner;
	SET ROLE regress_mlops_owner;
	SELECT mlops.create_function('regress_m', 'serve.score'), mlops.create_function('regress_m', 'serve.look', security => 'invoker');
	GRANT USAGE ON SCHEMA serve TO PUBLIC;
	GRANT EXECUTE ON FUNCTION serve.score TO regress_mlops_reader;});
# what only trainings write
$source->safe_psql('postgres', q{
	INSERT INTO mlops.dataset (digest, schema_digest, n_rows, columns, query, context, reproducible, snapshot, lsn, read_by)
	VALUES (sha256('d'), sha256('s'), 4, '[]', 'SELECT 1', '{}', true, pg_current_snapshot(), pg_current_wal_lsn(), 'regress_mlops_owner');
	UPDATE mlops.run SET dataset_id = 1, notes = '{"a note"}' WHERE id = 1;
	INSERT INTO mlops.cancel_request (run_id, requested_by) VALUES (1, 'regress_mlops_owner');
	INSERT INTO mlops.model_calibration VALUES ('regress_m', 1, 'test', 9, '{0.1,0.30000000000000004}', '{0,1}');
	INSERT INTO mlops.model_curve VALUES ('regress_m', 1, 'validation', 9, true, '{0.3,0.1}', '{1,1}', '{0,8.5}');
	INSERT INTO mlops.model_reference SELECT 'regress_m', 1, 'feature', 'a', mlops.reference(i / 3.0::float8), 0.1 + 0.2, 'train' FROM generate_series(1, 50) i;
	INSERT INTO mlops.model_reference SELECT 'regress_m', 1, 'label', 'y', mlops.reference('l' || i % 7), NULL, 'query' FROM generate_series(1, 50) i;});

my $result = $source->psql('postgres', q{SELECT mlops.register_model('regress_big', decode(repeat('7b', 2000000), 'hex'))}, stderr => \my $stderr);
like($stderr, qr/model exceeds the maximum of 1 MB/, 'a model above mlops.max_model_size is refused');

my %before = read_registry($source, 'postgres');
my @empty = grep { !/_seq$/ && $before{$_} eq '' } qw(model model_version model_blob model_privilege alias run metric dataset cancel_request model_calibration model_curve model_reference);
is("@empty", '', 'every table has rows to carry');

my $dump = $source->backup_dir . '/mlops.dump';
mkdir $source->backup_dir;
$source->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $source->connstr('postgres') ], 'B01: dump');

# other OIDs: roles are made in another order, after others
my $target = start_cluster('target');
$target->safe_psql('postgres', q{
	CREATE ROLE regress_mlops_first; CREATE ROLE regress_mlops_leaver; CREATE ROLE regress_mlops_reader;
	CREATE ROLE regress_mlops_second; CREATE ROLE regress_mlops_owner LOGIN; CREATE DATABASE restored; CREATE DATABASE lacking;});
my $oids = q{SELECT string_agg(oid::text, ',' ORDER BY rolname) FROM pg_roles WHERE rolname ~ 'regress_mlops_(owner|reader|leaver)'};
isnt($target->safe_psql('postgres', $oids), $source->safe_psql('postgres', $oids), 'B01: the roles have other OIDs');
$target->command_ok([ 'pg_restore', '--exit-on-error', '-d', $target->connstr('restored'), $dump ], 'B01: restore');
my %after = read_registry($target, 'restored');
is_deeply(\%after, \%before, 'B01: tables and sequences are the same, roles by name');

is($target->safe_psql('restored', q{
	SET ROLE regress_mlops_owner;
	SELECT mlops.predict('regress_m', 2, 0), mlops.predict('regress_m@canary', 2, 0), mlops.has_model_privilege('regress_m', 'own')}),
	'1|0|t', 'B01: the owner predicts and owns');
is($target->safe_psql('restored', q{
	SET ROLE regress_mlops_reader; SELECT serve.score(2, 0), serve.look(2, 0)}), '1|1', 'functions made for the model predict');
my $describe = q{SELECT proname, pg_get_functiondef(oid), proacl, proowner::regrole, obj_description(oid) FROM pg_proc
	WHERE pronamespace = 'serve'::regnamespace ORDER BY proname};
is($target->safe_psql('restored', $describe), $source->safe_psql('postgres', $describe), 'with definition, rights, owner and comment');
is($target->safe_psql('restored', qq{
	SET ROLE regress_mlops_owner;
	SELECT mlops.register_model('regress_m', replace('$model', '1.5', '3.5')::bytea);
	SELECT max(id) > 2 FROM mlops.run;}), "3\nt", 'B01: numbers go on where they stopped');
is($target->safe_psql('restored', q{
	SET ROLE regress_mlops_second;
	SELECT mlops.has_model_privilege('regress_m', 'read'), mlops.has_model_privilege('regress_m', 'predict')}),
	'f|t', 'other roles have what PUBLIC has');

# a role that the target lacks: an error that names it, and nothing half restored
$target->safe_psql('postgres', 'ALTER ROLE regress_mlops_leaver RENAME TO regress_mlops_left');
$target->command_checks_all([ 'pg_restore', '--single-transaction', '-d', $target->connstr('lacking'), $dump ],
	1, [], [qr/role "regress_mlops_leaver" does not exist/], 'B01: a missing role stops the restore');
is($target->safe_psql('lacking', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'mlops'}), '0', 'B01: and leaves nothing');
$target->safe_psql('postgres', 'CREATE ROLE regress_mlops_leaver');
$target->command_ok([ 'pg_restore', '--single-transaction', '-d', $target->connstr('lacking'), $dump ], 'B01: with the role it works');

# a dropped role has nothing, whoever gets its OID later
$target->safe_psql('lacking', 'DROP ROLE regress_mlops_leaver');
like($target->safe_psql('lacking', q{SELECT string_agg(role::text, ',') FROM mlops.model_privilege WHERE privilege = 'own'}),
	qr/^\d+$/, 'a grant to a dropped role dangles');
$target->safe_psql('lacking', q{
	UPDATE mlops.run SET submitted_by = '4294900000' WHERE id = 2;
	UPDATE mlops.model_version SET created_by = '4294900000' WHERE version = 1;
	UPDATE mlops.model SET owner = '4294900000'; SELECT mlops.tick()});
ok($target->poll_query_until('lacking', q{
	SELECT NOT EXISTS (SELECT FROM mlops.model_privilege WHERE privilege = 'own')
		AND (SELECT owner = current_user::regrole FROM mlops.model) AND (SELECT submitted_by::oid = 0 FROM mlops.run WHERE id = 2)
		AND (SELECT count(*) = 1 FROM mlops.model_version WHERE created_by::oid = 0)
		AND EXISTS (SELECT FROM mlops.model_privilege WHERE role = 0::oid) AND (SELECT submitted_by = 'regress_mlops_owner'::regrole FROM mlops.run WHERE id = 1)}),
	'the dispatcher takes dropped roles out, and only those');

# a prepared transaction keeps its version to itself until it commits
$target->safe_psql('restored', qq{
	BEGIN; SELECT mlops.set_alias('regress_m', 'canary', 1); PREPARE TRANSACTION 'move';});
is($target->safe_psql('restored', q{SELECT (mlops.resolve('regress_m@canary')).version}), '2', 'not before COMMIT PREPARED');
$target->safe_psql('restored', q{COMMIT PREPARED 'move'});
is($target->safe_psql('restored', q{SELECT (mlops.resolve('regress_m@canary')).version}), '1', 'but after it');

$source->stop;
$target->stop;
done_testing();
