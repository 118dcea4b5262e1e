# H01, H02, H08, H09: schedules through the real pg_cron: the clock fires, the run trains, the
# version appears; in pg_cron's own database and from another one.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/perl';
use MlopsRun;

my $node = new_cluster('node');

sub as_alice
{
	my ($database, $sql) = @_;
	my $status = $node->psql($database, $sql, stdout => \my $out, stderr => \my $err,
		extra_params => [ '-U', 'alice' ], on_error_stop => 1);
	return $status == 0 ? $out : $err;
}

$node->safe_psql('postgres', 'CREATE DATABASE shop');
for my $database ('postgres', 'shop')
{
	set_up($node, $database);
	as_alice($database, q{CALL mlops.train_wait('flower', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 5)});
	# without new rows there would be the same model
	as_alice($database, 'DELETE FROM flower WHERE id > 15000');
}
my $schedule = q{SELECT mlops.schedule_retrain('flower', '* * * * *') > 0};

# what is missing, one thing after the other
like(as_alice('shop', $schedule), qr/55000|pg_cron is not loaded.*HINT:.*shared_preload_libraries.*CALL mlops.retrain_wait/s, 'not loaded');
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'mlops, pg_cron'
cron.database_name = 'nowhere'
cron.use_background_workers = on
});
$node->restart;
like(as_alice('shop', $schedule), qr/database "nowhere" of pg_cron does not exist.*HINT:.*cron.database_name/s, 'no such database');
$node->append_conf('postgresql.conf', q{cron.database_name = 'postgres'});
$node->restart;
for my $database ('postgres', 'shop')
{
	like(as_alice($database, $schedule), qr/extension "pg_cron" is not installed in database "postgres".*HINT:.*CREATE EXTENSION pg_cron/s, "not installed, from $database");
}
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');
for my $database ('postgres', 'shop')
{
	like(as_alice($database, $schedule), qr/role "alice" has no USAGE on schema "cron" of database "postgres".*HINT:.*GRANT USAGE/s, "no USAGE, from $database");
}
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA cron TO alice');
like(as_alice('shop', $schedule), qr/must not schedule jobs in other databases.*HINT:.*schedule_in_database/s, 'no EXECUTE');
$node->safe_psql('postgres', 'GRANT EXECUTE ON FUNCTION cron.schedule_in_database TO alice;
	REVOKE CONNECT ON DATABASE postgres FROM PUBLIC');
like(as_alice('shop', $schedule), qr/"alice".*no CONNECT on database "postgres".*HINT:.*GRANT CONNECT/s, 'no CONNECT');
$node->safe_psql('postgres', 'GRANT CONNECT ON DATABASE postgres TO PUBLIC');

# arguments
for my $database ('postgres', 'shop')
{
	like(as_alice($database, q{SELECT mlops.schedule_retrain('flower', 'every now and then')}), qr/ERROR:  invalid schedule/, "pg_cron's error, from $database");
}
like(as_alice('shop', q{SELECT mlops.schedule_retrain('flower', '* * * * *' || convert_from('\xc3a9', getdatabaseencoding()))}), qr/ERROR:  invalid schedule.*HINT/s, 'a schedule in letters');
like(as_alice('shop', q{SELECT mlops.schedule_retrain('flower', '* * * * *', promote => 'perhaps')}), qr/argument "promote" must be/, 'promote');
like(as_alice('shop', q{SELECT mlops.schedule_retrain('tree', '* * * * *')}), qr/ERROR:.*tree/, 'no such model');
like(as_alice('shop', q{SELECT mlops.schedule_retrain('flower', NULL)}), qr/argument "schedule" must not be null/, 'null');
$node->safe_psql('shop', 'CREATE ROLE bob LOGIN');
my $status = $node->psql('shop', $schedule, stderr => \my $stderr, extra_params => [ '-U', 'bob' ]);
like($stderr, qr/ERROR:.*flower/, "somebody else's model");
is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job'), '0', 'no job came of all that');

# the clock fires
is(as_alice('postgres', $schedule), 't', 'scheduled in the database of pg_cron');
is(as_alice('shop', $schedule), 't', 'scheduled from another database');
is(as_alice('shop', $schedule), 't', 'once more');
is($node->safe_psql('postgres', 'SELECT database, username, schedule, command FROM cron.job ORDER BY 1'),
	q{postgres|alice|* * * * *|CALL mlops.retrain_wait('flower', promote => 'if_not_worse')} . "\n" .
	q{shop|alice|* * * * *|CALL mlops.retrain_wait('flower', promote => 'if_not_worse')}, 'one job for each, of the caller');
# H08, H09: a schedule of somebody who loses his right is no harm to the others, nor in his reach
$node->safe_psql('postgres', q{GRANT USAGE ON SCHEMA cron TO bob; SELECT mlops.grant_model('flower', 'bob', 'own')});
$node->safe_psql('postgres', $schedule, extra_params => [ '-U', 'bob' ]);
$node->safe_psql('postgres', q{SELECT mlops.revoke_model('flower', 'bob', 'own')});
is($node->safe_psql('postgres', q{SELECT mlops.unschedule_retrain('flower'), mlops.unschedule_retrain('flower')}, extra_params => [ '-U', 'bob' ]), 't|f', 'his own job only');
$node->safe_psql('postgres', q{SELECT mlops.grant_model('flower', 'bob', 'own')});
$node->safe_psql('postgres', $schedule, extra_params => [ '-U', 'bob' ]);
$node->safe_psql('postgres', q{SELECT mlops.revoke_model('flower', 'bob', 'own')});
for my $database ('postgres', 'shop')
{
	ok($node->poll_query_until($database, q{SELECT count(*) > 0 FROM mlops.model_version v JOIN mlops.run r ON r.id = v.run_id
		WHERE v.version = 2 AND r.submitted_by = 'alice'::regrole AND r.recipe ->> 'promote' = 'if_not_worse'}), "a version came by itself in $database");
	ok($node->poll_query_until('postgres', qq{SELECT count(*) > 0 FROM cron.job_run_details WHERE database = '$database' AND status = 'succeeded'}), 'pg_cron says so, too');
}

ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM cron.job_run_details WHERE username = 'bob' AND status = 'failed' AND return_message LIKE '%flower%'}), 'without the right his job fails');
is($node->safe_psql('postgres', q{SELECT count(*) FROM mlops.run WHERE submitted_by = 'bob'::regrole}), '0', 'and runs nothing');
is($node->safe_psql('postgres', q{SELECT mlops.unschedule_retrain('flower')}, extra_params => [ '-U', 'bob' ]), 't', 'he can still remove it');

# and stops
is(as_alice('shop', q{SELECT mlops.unschedule_retrain('flower')}), 't', 'removed from another database');
is($node->safe_psql('postgres', 'SELECT database FROM cron.job'), 'postgres', 'the other one stays');
is(as_alice('shop', q{SELECT mlops.unschedule_retrain('flower')}), 'f', 'there is none any more');
is(as_alice('postgres', q{SELECT mlops.unschedule_retrain('flower')}), 't', 'removed in the database of pg_cron');
is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job'), '0', 'none is left');

# names that pg_cron would cut off
my $long = 'm' x 128;
as_alice('shop', qq{CALL mlops.train_wait('$long', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 1);
	CALL mlops.train_wait('${\ substr($long, 1)}', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 1)});
as_alice('shop', qq{SELECT mlops.schedule_retrain('$long', '0 0 1 1 *'), mlops.schedule_retrain('${\ substr($long, 1)}', '0 0 1 1 *')});
is($node->safe_psql('postgres', 'SELECT count(*), min(length(command)) < max(length(command)) FROM cron.job'), '2|t', 'long names do not collide');
is(as_alice('shop', qq{SELECT mlops.unschedule_retrain('$long')}), 't', 'and are found again');

# in the database of pg_cron a rollback undoes it
as_alice('postgres', 'BEGIN; ' . $schedule . '; ROLLBACK');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE database = 'postgres'}), '0', 'rolled back');

# H01: dropped later
$node->safe_psql('postgres', 'DROP EXTENSION pg_cron');
like(as_alice('shop', q{SELECT mlops.unschedule_retrain('flower')}), qr/extension "pg_cron" is not installed/, 'dropped');
is(as_alice('shop', q{SELECT mlops.predict_class('flower', f) IN ('true', 'false') FROM flower f LIMIT 1}), 't', 'everything else goes on');

$node->stop;
done_testing();
