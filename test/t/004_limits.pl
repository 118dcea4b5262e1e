# T16, T21: every limit is kept, and its error names the setting.
use strict;
use warnings;

use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('limits', "include_if_exists = 'limit.conf'\n");
set_up($node, 'postgres');

sub configure
{
	my ($setting, $value) = @_;
	my $file = $node->data_dir . '/limit.conf';
	unlink $file;
	append_to_file($file, "$setting = '$value'\n");
	$node->reload;
	$node->poll_query_until('postgres', "LOAD 'mlops'; SELECT current_setting('$setting') = '$value'", "LOAD\nt")
		or die "$setting was not set";
}

my $rows = 'SELECT * FROM flower';
my $many = 'SELECT f.* FROM flower f, generate_series(1, 3)';
my $forest = q{params => '{"num_parallel_tree": 500, "max_depth": 10}', num_boost_round => 2};

for my $case (
	[ 'mlops.max_rows', '2', $rows, '', qr/more than mlops\.max_rows \(2000\) rows/ ],
	[ 'mlops.max_columns', '3', $rows, '', qr/5 features, more than mlops\.max_columns \(3\)/ ],
	[ 'mlops.max_categories', '2', $rows, '', qr/"colour" has .* labels, more than mlops\.max_categories \(2\)/ ],
	[ 'mlops.max_spool_size', '1MB', $many, '', qr/more than mlops\.max_spool_size \(1 MB\)/ ],
	[ 'mlops.max_model_size', '1MB', $rows, $forest, qr/more than mlops\.max_model_size \(1 MB\)/ ],
	[ 'mlops.trainer_memory', '100MB', $rows, '', qr/more than the allowed 100 MB.*mlops\.trainer_memory/s ],
	[ 'mlops.max_run_time', '1s', $rows, "params => '$slow_params'", qr/exceeded mlops\.max_run_time \(1 s\)/ ],
	[ 'mlops.max_queued_runs', '0', $rows, '', qr/0 unfinished runs.*mlops\.max_queued_runs/s ],
	[ 'mlops.max_threads', '3', $rows, q{params => '{"nthread": 4}'}, qr/at most 3, not 4.*mlops\.max_threads/s ])
{
	my ($setting, $value, $query, $arguments, $expected) = @$case;
	configure($setting, $value);
	my ($status, $out, $err) = $node->psql('postgres',
		"CALL mlops.train_wait('flower', '$query', 'big', key => '{id}'" . ($arguments ? ", $arguments)" : ')'),
		extra_params => [ '-U', 'alice' ]);
	is($status, 3, "$setting is kept");
	like($err, $expected, 'and named');
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.model_version'), 0, 'no version is made');

# Whoever runs may not raise them, not even before the library is there.
my ($status, $out, $err) = $node->psql('postgres',
	q{SET mlops.max_threads = 64; SELECT mlops.train('flower', 'SELECT * FROM flower', 'big', params => '{"nthread": 4}')},
	extra_params => [ '-U', 'alice' ]);
like($err, qr/at most 3, not 4/, 'a session cannot raise a limit');

# Limits of single roles: alice waits while bob trains; '-' stands for the rest.
configure('mlops.max_concurrent_runs', '2');
$node->safe_psql('postgres', q{
	CREATE ROLE bob LOGIN; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO bob;
	REVOKE EXECUTE ON FUNCTION mlops.set_role_limit FROM alice; GRANT SELECT ON flower TO bob;
	SELECT mlops.set_role_limit('alice', max_concurrent_runs => 0);
	SELECT mlops.set_role_limit('-', max_queued_runs => 0)});
my $held = start_training($node, 'postgres', 'flower', 'num_boost_round => 1');
($status, $out, $err) = $node->psql('postgres', "SELECT mlops.train('bob', 'SELECT * FROM flower', 'big')",
	extra_params => [ '-U', 'bob', '-v', 'VERBOSITY=verbose' ]);
like($err, qr/53400: +role "bob" already has 0 unfinished runs/, 'Q21: everybody without a limit of his own is limited');
$node->safe_psql('postgres', q{SELECT mlops.set_role_limit('-')});
is($node->safe_psql('postgres', q{SET ROLE bob; SELECT mlops.train('bob', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 1) AS run \gset
	SELECT status FROM mlops.wait(:run)}), 'succeeded', 'Q21: another role trains');
is($node->safe_psql('postgres', "SELECT status FROM mlops.run WHERE id = $held"), 'queued', 'the limited one waits');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'mlops%'"),
	'and nobody spins for it');
($status, $out, $err) = $node->psql('postgres', q{SELECT mlops.set_role_limit('alice')}, extra_params => [ '-U', 'alice' ]);
like($err, qr/permission denied/, 'a role does not lift its own limit');
$node->safe_psql('postgres', q{SELECT mlops.set_role_limit('alice')});
ok(wait_for($node, 'postgres', $held, "status = 'succeeded'"), 'until the limit is gone');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.role_limit'), 0, 'no limit is left');

configure('mlops.max_concurrent_runs', '0');
my $run = start_training($node, 'postgres', 'flower', 'num_boost_round => 1');
is($node->safe_psql('postgres', "SET ROLE alice; SELECT status FROM mlops.wait($run, '1 s')"), 'queued',
	'no runs at a time start none');
configure('mlops.max_concurrent_runs', '1');
is($node->safe_psql('postgres', "SET ROLE alice; SELECT status FROM mlops.wait($run)"), 'succeeded',
	'and those that waited start later');
done_testing();
