# The whole loop by itself: rows come, the world changes, an event opens, a model is
# trained, compared on rows that neither version has seen, and promoted.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/perl';
use MlopsRun;

my $node = new_cluster('node', "shared_preload_libraries = 'mlops'\nmlops.monitor_interval = 1\n");
set_up($node, 'postgres');

sub as_alice { return $node->safe_psql('postgres', shift, extra_params => [ '-U', 'alice' ]); }

# Insert a thousand visits in an hour, whose x lies so much higher, with this rule for y.
sub add_visits
{
	my ($hour, $shift, $rule) = @_;
	as_alice(qq{INSERT INTO visit SELECT i + $hour * 1000, timestamptz '2026-01-01 00:00Z' + make_interval(hours => $hour, secs => i),
		x + $shift, z, $rule FROM (SELECT i, (hashint4(i + $hour * 1000) & 4095) / 4096.0::float8 AS x, (hashint4(-i - $hour * 1000) & 4095) / 4096.0::float8 AS z
			FROM generate_series(1, 1000) i) r});
}

as_alice('CREATE TABLE visit (id int, at timestamptz, x float8, z float8, y boolean)');
add_visits($_, 0, 'x + z > 1') for 0 .. 9;
as_alice(q{CALL mlops.train_wait('visit', 'SELECT id, x, z, y FROM visit', 'y', key => '{id}', num_boost_round => 20);
	SELECT mlops.create_monitor('visit', 'visit', 'visit', time_column => 'at', window_size => '1 hour', action => 'retrain_and_promote')});

# quiet hours open nothing
add_visits($_, 0, 'x + z > 1') for 20 .. 21;
ok($node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM mlops.drift_window WHERE monitor = 'visit' AND status = 'ok'}), 'two quiet windows');
# then both inputs and their meaning change; G12, G14: the second time by many sessions at
# once, of a role that may do nothing but insert
add_visits(22, 0.5, 'x + z < 1');
$node->safe_psql('postgres', 'CREATE ROLE wendy LOGIN; GRANT INSERT ON visit TO wendy');
$node->pgbench('-n -U wendy -c 20 -t 1', 0, [], [], 'twenty sessions at once', { '052_insert' => q{
	INSERT INTO visit SELECT i + 23000, timestamptz '2026-01-01 23:00Z' + make_interval(secs => i), x + 0.5, z, x + z < 1
	FROM (SELECT i, (hashint4(i + 23000) & 4095) / 4096.0::float8 AS x, (hashint4(-i - 23000) & 4095) / 4096.0::float8 AS z
		FROM generate_series(1 + 50 * :client_id, 50 + 50 * :client_id) i) r}});
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM mlops.drift_event WHERE outcome = 'promoted' AND closed_at IS NOT NULL}), 'promoted by itself')
  or diag($node->safe_psql('postgres', 'SELECT * FROM mlops.drift_event'), $node->safe_psql('postgres', 'SELECT window_start, status, streak FROM mlops.drift_window'));
is($node->safe_psql('postgres', q{SELECT cause, window_start = '2026-01-01 23:00Z', details #>> '{columns,0,name}', version, new_version, n BETWEEN 2000 AND 4000, difference > difference_low, difference_low > 0
	FROM mlops.drift_event WHERE outcome = 'promoted'}), 'dataset|t|x|1|2|t|t|t', 'after the second window that drifts, for the column that moved');
is($node->safe_psql('postgres', q{SELECT string_agg(format('%s %s', cause, outcome), ', ' ORDER BY cause) FROM mlops.drift_event}), 'columns alerted, dataset promoted', 'one event of each');
is($node->safe_psql('postgres', q{SELECT alias, version FROM mlops.alias WHERE model = 'visit' ORDER BY alias}), "challenger|2\nchampion|2", 'version 2 serves');
is($node->safe_psql('postgres', q{SELECT count(*), count(*) FILTER (WHERE status = 'succeeded'), string_agg(DISTINCT submitted_by::text, ',') FROM mlops.run WHERE model = 'visit' AND kind IN ('train', 'compare')}), '3|3|alice', 'two trainings and one comparison, none by the writer');
my $better = as_alice(q{SELECT avg((mlops.predict_class('visit/2', v) = y::text)::int) > avg((mlops.predict_class('visit/1', v) = y::text)::int) + 0.3 FROM visit v WHERE at > '2026-01-01 22:00Z'});
is($better, 't', 'and is better by far in the new world');

$node->stop;
done_testing();
