# compare and evaluate see the rows that training held out, and measure what it
# measured: with a key, without one, and when the dictionaries have grown.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('node');
$node->init;
$node->append_conf('postgresql.conf', 'max_worker_processes = 16');
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION mlops;
	CREATE ROLE regress_mlops_trainer LOGIN;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO regress_mlops_trainer;
	CREATE TABLE t AS SELECT id, (hashint4(id) & 1023) / 1023.0::float8 AS x,
		(ARRAY['b', 'c', NULL])[1 + (hashint4(id * 7) & 3) % 3] AS c,
		((hashint4(id) & 1023) > 400) <> (id % 11 = 0) AS y, id % 4 = 0 AS held FROM generate_series(1, 2000) id;
	ALTER TABLE t OWNER TO regress_mlops_trainer;});

sub run_sql
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'regress_mlops_trainer' ]);
}

# Number of metrics in which compare over the training query and the run's own
# test metrics are equal to the last bit, of the number of the run's.
sub count_equal
{
	my ($reference, $query) = @_;
	my ($model, $version) = split m{/}, $reference;
	return run_sql(qq{
		SELECT count(*) FILTER (WHERE c.value = m.value AND c.n = m.n AND c.std_error IS NOT DISTINCT FROM m.std_error), count(*), min(m.n) > 100
		FROM mlops.run r JOIN mlops.metric m ON m.run_id = r.id AND m.dataset = 'test' AND m.round IS NULL
		LEFT JOIN mlops.compare('{$reference}', \$\$$query\$\$, 'y') c ON c.metric = m.name
		WHERE r.kind = 'train' AND r.model = '$model' AND r.version = $version});
}

run_sql(q{CALL mlops.train_wait('keyed', 'SELECT id, x, c, y FROM t', 'y', key => '{id}', num_boost_round => 5)});
is(count_equal('keyed/1', 'SELECT id, x, c, y FROM t'), '10|10|t', 'with a key');
is(count_equal('keyed/1', 'SELECT y, c, x, now() AS at, id FROM t ORDER BY x'), '10|10|t', 'columns and rows in another order');
run_sql(q{CALL mlops.train_wait('whole', 'SELECT x, c, y FROM t', 'y', num_boost_round => 5)});
is(count_equal('whole/1', 'SELECT x, c, y FROM t'), '10|10|t', 'without a key, by the whole row');
run_sql(q{CALL mlops.train_wait('marked', 'SELECT x, c, y, held FROM t', 'y', split => 'column', split_by => 'held', num_boost_round => 5)});
is(count_equal('marked/1', 'SELECT x, c, y, held FROM t'), '10|10|t', 'by a column');

# more data with labels that version 1 has not seen: each side stays where it was
run_sql(q{INSERT INTO t SELECT id, x, (ARRAY['a', 'b', 'd'])[1 + id % 3], y, held FROM (
	SELECT id + 2000 AS id, x, y, held FROM t) s;
	CALL mlops.retrain_wait('keyed', num_boost_round => 8)});
is(run_sql(q{SELECT signature -> 'features' -> 1 ->> 'categories' FROM mlops.model_version WHERE model = 'keyed' ORDER BY version}),
	qq{["b", "c"]\n["a", "b", "c", "d"]}, 'dictionaries differ');
is(count_equal('keyed/2', 'SELECT id, x, c, y FROM t'), '10|10|t', 'the new version on the new rows');
is(run_sql(q{SELECT count(DISTINCT n), bool_and(n = (SELECT n FROM mlops.compare('{keyed/2}', 'SELECT * FROM t', 'y') LIMIT 1))
	FROM mlops.compare('{keyed/1,keyed/2}', 'SELECT * FROM t', 'y')}), '1|t', 'both on the same rows');
is(run_sql(q{SELECT max(n) FROM mlops.compare('{keyed/1,keyed/2}', 'SELECT * FROM t WHERE id <= 2000', 'y')}),
	run_sql(q{SELECT max(n) FROM mlops.metric m JOIN mlops.run r ON r.id = m.run_id
		WHERE r.model = 'keyed' AND r.version = 1 AND m.dataset = 'test' AND m.round IS NULL}),
	'the old rows are held out as they were');
is(run_sql(q{SELECT count(*) FROM mlops.compare('{keyed/1,keyed/2}', 'SELECT * FROM t', 'y')
	WHERE metric = 'log_loss' AND version = 'keyed/2' AND ci_low < difference AND difference < ci_high}), '1', 'the interval holds the difference');

# versions of another model are split by its name
my $result = $node->psql('postgres', q{SELECT mlops.compare('{keyed/1,whole/1}', 'SELECT * FROM t', 'y')}, stderr => \my $stderr);
like($stderr, qr/has not seen is not known.*belongs to another model/s, 'no common hold-out of two models');

# evaluate sees all rows, in a session without workers, and is on record
is(run_sql(q{SELECT count(*), min(n) FROM mlops.evaluate('keyed', 'SELECT * FROM t WHERE id > 2000')}), '10|2000', 'evaluate knows the target');
is(run_sql(q{SELECT kind, status, n_rows FROM mlops.run ORDER BY id DESC LIMIT 1}), 'evaluate|succeeded|2000', 'and is recorded');
is(run_sql(q{SELECT count(DISTINCT digest) FROM (SELECT digest FROM mlops.dataset_digest('SELECT x, c, y FROM t WHERE id <= 2000')
	UNION ALL SELECT digest FROM mlops.dataset_digest('SELECT x, c, y FROM t WHERE id <= 2000 ORDER BY y, x DESC')) d}), '1', 'a digest does not depend on order');
is(run_sql(q{SELECT string_agg(kind || ' ' || object, ', ') FROM mlops.lineage('keyed/2') WHERE kind IN ('version', 'relation')}),
	'version keyed/2, relation public.t, version keyed/1, relation public.t', 'lineage of a retrained version');

$node->stop;
done_testing();
