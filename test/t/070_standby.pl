# Replication: a standby runs nothing until it is promoted, then finishes the queue;
# switchovers lose and double nothing; conflicts and dropped databases during
# predictions; the registry by logical replication.
use strict;
use warnings;

use IPC::Run;
use MlopsHealth;
use MlopsRegistry;
use MlopsRun;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

my $primary = PostgreSQL::Test::Cluster->new('one');
$primary->init(allows_streaming => 'logical');
$primary->append_conf('postgresql.conf', q{
shared_preload_libraries = 'mlops'
autovacuum = off
max_worker_processes = 16
max_standby_streaming_delay = 100ms
});
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('two');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

set_up($primary, 'postgres');
$primary->safe_psql('postgres', $constant_model . q{
	GRANT EXECUTE ON FUNCTION constant_model TO alice;
	SET ROLE alice;
	CREATE TABLE point AS SELECT i::float8 AS a FROM generate_series(1, 1000) i;
	SELECT mlops.register_model('constant', constant_model(v), '{"features": ["a"]}') FROM generate_series(1, 2) v;});

# Statements that go on until something ends them.  The query of predict_batch runs in a cursor.
my %endless = (
	predict => q{SELECT sum(mlops.predict('constant', p)) FROM point p, generate_series(1, 1000000000)},
	explain => q{SELECT sum(contribution) FROM generate_series(1, 1000000000), point p, mlops.explain('constant', p)},
	predict_batch => q{SELECT sum(prediction) FROM mlops.predict_batch('constant', 'SELECT p.* FROM point p, generate_series(1, 1000000000)', 'a')},
	predict_agg => q{SELECT cardinality(mlops.predict_agg('constant', p)) FROM (SELECT a FROM point, generate_series(1, 1000000000)) p});

# A session of the standby in such a statement.
sub start_endless
{
	my ($sql) = @_;
	my %client = (error => '');
	$client{harness} = IPC::Run::start(
		[ 'psql', '-X', '-d', $standby->connstr('postgres') . ' application_name=endless', '-c', $sql ],
		'>', \$client{output}, '2>', \$client{error});
	$standby->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'endless' AND state = 'active'})
	  or die 'the statement does not start';
	return \%client;
}

# A database is dropped while each of them runs: the replay does not wait for its end.
$primary->safe_psql('postgres', join ';', map { "CREATE DATABASE $_" } keys %endless);
$primary->wait_for_catchup($standby);
for my $name (sort keys %endless)
{
	my $client = start_endless($endless{$name});
	my $start = time;
	$primary->safe_psql('postgres', "DROP DATABASE $name");
	$primary->wait_for_catchup($standby);
	cmp_ok(time - $start, '<', 10, "L05: DROP DATABASE is replayed during $name");
	is($standby->safe_psql('postgres', q{SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'endless' AND state = 'active'}), 1, 'L05: which goes on');
	$client->{harness}->finish;
	like($client->{error}, qr/canceling statement due to user request/, 'L05: until it is canceled');
}

# A conflict with recovery ends a prediction, and only that.
for my $name ('predict', 'predict_batch')
{
	my $client = start_endless($endless{$name});
	$primary->safe_psql('postgres', 'UPDATE point SET a = a; VACUUM point');
	$client->{harness}->finish;
	like($client->{error}, qr/canceling statement due to conflict with recovery/, "L04: a conflict with recovery ends $name");
	is($standby->safe_psql('postgres', q{SELECT mlops.predict('constant', p) FROM point p LIMIT 1}), 1, 'L04: and nothing else');
}
unlike(slurp_file($standby->logfile), qr/WARNING|PANIC|TRAP|leak/, 'L04: without a warning');

# The standby has no workers, and the queue waits there.
my $running = start_training($primary, 'postgres', 'slow', "params => '$slow_params'");
wait_for($primary, 'postgres', $running, "phase = 'training'");
my @queued = map { start_training($primary, 'postgres', 'queued', "num_boost_round => $_") } 3 .. 5;
$primary->wait_for_catchup($standby);
my $workers = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'mlops'};
is($standby->safe_psql('postgres', $workers), 0, 'L01: a standby has no workers');
is($standby->safe_psql('postgres', "SELECT status FROM mlops.run WHERE id = $running"), 'running', 'L01: a run of the primary shows');
$standby->psql('postgres', q{SELECT mlops.tick()}, stderr => \my $error);
like($error, qr/cannot execute mlops\.tick\(\) during recovery/, 'L01: and says why when asked for one');
is($standby->safe_psql('postgres', $workers), 0, 'L01: and gets none');

# The primary is lost.
$primary->stop('immediate');
$standby->promote;
ok(wait_for($standby, 'postgres', $running, "attempt = 2 AND phase = 'training'"), 'L01: after a promotion the interrupted run starts again, at once');
is($standby->safe_psql('postgres', "SELECT crashes, isfinite(not_before) FROM mlops.run WHERE id = $running"), '1|t', 'L01: and counts one crash');
$standby->safe_psql('postgres', "SELECT mlops.cancel($running)");
ok(wait_for($standby, 'postgres', $_, "status = 'succeeded'"), 'L01: a queued run is done') for @queued;
ok(wait_for($standby, 'postgres', $running, "status = 'canceled'"), 'L01: the other one is canceled');
MlopsHealth->new($standby, 'postgres')->check('L01');

# Switchovers under load, ten times: each run is done, and once.
$primary = $standby;
$primary->backup('again');
$standby = PostgreSQL::Test::Cluster->new('three');
$standby->init_from_backup($primary, 'again', has_streaming => 1);
$standby->start;
my @runs;
for my $round (1 .. 10)
{
	push @runs, map { start_training($primary, 'postgres', 'load', 'num_boost_round => ' . (10 * $round + $_)) } 1 .. 3;
	wait_for($primary, 'postgres', $runs[-3], "status = 'succeeded'");
	$primary->stop('fast');
	$standby->promote;
	$primary->set_standby_mode;
	$primary->enable_streaming($standby);
	$primary->start;
	($primary, $standby) = ($standby, $primary);
}
my @lost = grep { !wait_for($primary, 'postgres', $_, "status = 'succeeded'") } @runs;
is("@lost", '', 'L02: after ten switchovers every run is done');
is($primary->safe_psql('postgres', "SELECT count(*), count(DISTINCT run_id), max(version) FROM mlops.model_version WHERE model = 'load'"),
	'30|30|30', 'L02: and published once');
is(half_done($primary, 'postgres'), '', 'L02: nothing is half done');
MlopsHealth->new($primary, 'postgres')->check('L02');
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT mlops.predict('constant', 1.0)}), 1, 'L02: the standby predicts');
$standby->stop;

# The registry by logical replication: who subscribes to it predicts.
my $registry = join ', ', map { "mlops.$_" } qw(model model_version model_blob model_privilege alias model_calibration model_curve model_reference);
my $subscriber = new_cluster('subscriber', "shared_preload_libraries = 'mlops'\n");
$primary->safe_psql('postgres', "CREATE PUBLICATION registry FOR TABLE $registry");
(my $connection = $primary->connstr('postgres')) =~ s/'/''/g;
$subscriber->safe_psql('postgres', 'CREATE ROLE alice LOGIN; CREATE EXTENSION mlops; CREATE TABLE point (a float8); INSERT INTO point VALUES (1);'
	. "CREATE SUBSCRIPTION registry CONNECTION '$connection' PUBLICATION registry");
$subscriber->wait_for_subscription_sync($primary, 'registry');
my $session = $subscriber->background_psql('postgres');
my $predict = q{SELECT mlops.predict('constant', p) FROM point p};
is($session->query_safe($predict), 1, 'L03: a subscriber to the registry predicts');
is($subscriber->safe_psql('postgres', q{SELECT owner FROM mlops.model WHERE name = 'load'}), 'alice', 'L03: with the same owner');
$primary->safe_psql('postgres', q{SELECT mlops.set_alias('constant', 'champion', 2)});
$primary->wait_for_catchup('registry');
is($session->query_safe($predict), 2, 'L03: follows promotions');
$primary->safe_psql('postgres', q{SET ROLE alice; SELECT mlops.register_model('constant', constant_model(3), '{"features": ["a"]}'), mlops.set_alias('constant', 'champion', 3)});
$primary->wait_for_catchup('registry');
is($session->query_safe($predict), 3, 'L03: and new versions');
is($session->query_safe(q{SELECT count(*) > 0 FROM mlops.drift('queued', 'SELECT a, b, c, d, NULL::text AS colour FROM (SELECT random() a, random() b, random() c, random() d FROM generate_series(1, 100)) r')}),
	't', 'L03: measures drift by the references');
$session->quit;
$subscriber->stop;
$primary->stop;
done_testing();
