# Clusters with rows to train on and models to predict with.
package MlopsRun;
use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use File::Path;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(new_cluster copy_installation set_up change_settings start_training wait_for postmaster_pid children_of trainers $slow_params $constant_model);

# One round of a thousand trees: many seconds without a boundary between rounds.
our $slow_params = '{"num_parallel_tree": 1000, "max_depth": 10, "subsample": 0.9, "seed": 7}';

# Creates constant_model: an XGBoost model of so many numbers that predicts one
# value for every row; one tree, one leaf.
our $constant_model = q{
CREATE FUNCTION constant_model(value int, n_features int DEFAULT 1) RETURNS bytea LANGUAGE sql AS $$
	SELECT convert_to(format('{"version": [1, 7, 4], "learner": {"attributes": {}, "feature_names": [], "feature_types": [],
		"learner_model_param": {"base_score": "0E0", "num_class": "0", "num_feature": "%2$s", "num_target": "1", "boost_from_average": "1"},
		"objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
		"gradient_booster": {"name": "gbtree", "model": {
			"gbtree_model_param": {"num_trees": "1", "num_parallel_tree": "1", "size_leaf_vector": "0"}, "tree_info": [0],
			"trees": [{"id": 0, "left_children": [-1], "right_children": [-1], "parents": [2147483647], "split_indices": [0],
				"split_conditions": [%1$s.0], "default_left": [0], "base_weights": [0.0], "loss_changes": [0.0], "sum_hessian": [1.0],
				"split_type": [0], "categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": [],
				"tree_param": {"num_nodes": "1", "num_feature": "%2$s", "num_deleted": "0", "size_leaf_vector": "0"}}]}}}}',
		value, n_features), 'UTF8') $$;
};

# A started cluster with the given settings and options of PostgreSQL::Test::Cluster.
sub new_cluster
{
	my ($name, $settings, @options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, @options);
	$node->init;
	$node->append_conf('postgresql.conf',
		"autovacuum = off\nmax_worker_processes = 16\nmax_prepared_transactions = 5\n" . ($settings // ''));
	$node->start;
	return $node;
}

# A copy of the installation of this test alone, by links where nothing differs:
# the files of its library folder that are named come from elsewhere.  Its path.
sub copy_installation
{
	my (%files) = @_;
	my ($programs, $library, $share) = map { my $folder = `pg_config --$_`; chomp $folder; $folder } qw(bindir pkglibdir sharedir);
	my $home = dirname($programs);
	my $copy = PostgreSQL::Test::Utils::tempdir_short();
	for my $folder ($home, $share)
	{
		next if -e "$copy$folder";
		mkpath("$copy/" . dirname($folder));
		system_or_bail('cp', '-al', $folder, "$copy$folder");
	}
	while (my ($name, $from) = each %files)
	{
		my $to = "$copy$library/$name";
		unlink $to;
		system_or_bail('cp', $from, $to);
	}
	return "$copy$home";
}

# The extension, role alice and her table of 20,000 rows in a database.
sub set_up
{
	my ($node, $database) = @_;
	$node->safe_psql($database, q{
		CREATE EXTENSION mlops;
		DO $$ BEGIN CREATE ROLE alice LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
		GRANT CREATE ON SCHEMA public TO alice;
		GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO alice;
		SET ROLE alice;
		SELECT setseed(0.25);
		CREATE TABLE flower AS
			SELECT i AS id, random() AS a, random() AS b, random() AS c, random() AS d,
				(ARRAY['red', 'green', 'blue'])[1 + i % 3] AS colour
			FROM generate_series(1, 20000) i;
		ALTER TABLE flower ADD big boolean;
		UPDATE flower SET big = a + b * c + 0.3 * d + CASE colour WHEN 'red' THEN 0.2 ELSE 0 END > 1;
	});
}

# Change server settings; returns when new processes start with them.
sub change_settings
{
	my ($node, %settings) = @_;
	$node->append_conf('postgresql.conf', join('', map { "$_ = $settings{$_}\n" } keys %settings));
	$node->reload;
	while (my ($name, $value) = each %settings)
	{
		$node->poll_query_until('postgres', "SELECT current_setting('$name') = '$value'")
		  or die "$name is not $value";
	}
}

# Enqueue a training as alice; returns the run.
sub start_training
{
	my ($node, $database, $model, $arguments) = @_;
	return $node->safe_psql($database,
		"SET ROLE alice; SELECT mlops.train('$model', 'SELECT * FROM flower', 'big', key => '{id}'"
		. ($arguments ? ", $arguments" : '') . ')');
}

# Process of the server.
sub postmaster_pid
{
	my ($node) = @_;
	my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	return $pid;
}

# Processes below a process.
sub children_of
{
	my ($pid) = @_;
	return split ' ', eval { slurp_file("/proc/$pid/task/$pid/children") } // '';
}

# Trainers of a cluster: grandchildren of its postmaster.
sub trainers
{
	my ($node) = @_;
	return map { children_of($_) } children_of(postmaster_pid($node));
}

# Poll until the condition on the run's row holds.
sub wait_for
{
	my ($node, $database, $run, $condition) = @_;
	return $node->poll_query_until($database, "SELECT $condition FROM mlops.run WHERE id = $run");
}

1;
