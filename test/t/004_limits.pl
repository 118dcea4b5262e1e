# Every limit is kept, and its error names the setting.
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

configure('mlops.max_concurrent_runs', '0');
my $run = start_training($node, 'postgres', 'flower', 'num_boost_round => 1');
is($node->safe_psql('postgres', "SET ROLE alice; SELECT status FROM mlops.wait($run, '1 s')"), 'queued',
	'no runs at a time start none');
configure('mlops.max_concurrent_runs', '1');
is($node->safe_psql('postgres', "SET ROLE alice; SELECT status FROM mlops.wait($run)"), 'succeeded',
	'and those that waited start later');
done_testing();
