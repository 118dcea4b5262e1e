# Serving, cache, registry and drift under faults: cases of the catalogue (S, C, R, D, G)
# that no other test holds.  Version n of a constant model predicts n for every row.
use strict;
use warnings;

use IPC::Run;
use MlopsHealth;
use MlopsRun;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('serving', "restart_after_crash = on\njit = off\nmlops.cache_size = 64\n");
set_up($node, 'postgres');
$node->safe_psql('postgres', $constant_model . q{
CREATE FUNCTION add_version(name text, value int) RETURNS int LANGUAGE sql AS $$
	SELECT mlops.register_model(name, constant_model(value), '{"features": ["a"]}') $$;
CREATE FUNCTION answer(ref text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN mlops.predict(ref, 1.0::float8);
EXCEPTION WHEN SQLSTATE 'ML001' OR SQLSTATE 'XX001' THEN
	RETURN SQLSTATE;
END $$;
-- kB of private memory of this backend
CREATE FUNCTION rss() RETURNS int LANGUAGE sql VOLATILE PARALLEL RESTRICTED AS $$
	SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::int $$;
CREATE TABLE rows AS SELECT i, i::float8 AS a FROM generate_series(1, 100000) i;
SELECT add_version('m', v) FROM generate_series(1, 2) v;
});
my $health = MlopsHealth->new($node, 'postgres');
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp_mlops';

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub files { opendir(my $dir, $folder) or return (); return grep { !/^\./ } readdir $dir; }
sub file_of { my $digest = sql("SELECT encode(digest, 'hex') FROM mlops.resolve('$_[0]')"); return map { "$folder/$_" } grep { /^$digest/ } files(); }

# pgbench with a script of one statement or more; returns whether all went well.
sub bench
{
	my ($script, @options) = @_;
	my $path = $node->basedir . '/script.sql';
	unlink $path;
	append_to_file($path, $script);
	return run_log([ 'pgbench', '-n', '-f', $path, @options, '-h', $node->host, '-p', $node->port, 'postgres' ]);
}

# S12: an interrupt anywhere leaves neither mapping, descriptor nor memory.
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
my $held = sub {
	return scalar(grep { (readlink($_) // '') =~ /pgsql_tmp_mlops/ } glob("/proc/$pid/fd/*")) . ' '
	  . scalar(() = slurp_file("/proc/$pid/maps") =~ /pgsql_tmp_mlops/g);
};
my @forms = ("sum(mlops.predict('m', rows)) FROM rows", "sum(mlops.predict('m/' || 1 + i % 2, rows)) FROM rows",
	"count(*) FROM mlops.predict_batch('m', 'SELECT * FROM rows', 'i')");
$session->query_safe("SELECT $_") for @forms;
my $before = $held->();
my ($kb, $n_canceled) = (0, 0);
for my $i (1 .. 60)
{
	$session->query("SET statement_timeout = " . (1 + $i % 20) . "; SELECT $forms[$i % 3]");
	$n_canceled++ if $session->{stderr} =~ /statement timeout/;
	$session->{stderr} = '';
	$kb = $session->query_safe('SET statement_timeout = 0; SELECT rss()') if $i == 6;
}
$session->query_safe('RESET statement_timeout');
cmp_ok($n_canceled, '>', 10, 'S12: statements were interrupted');
is($session->query_safe("SELECT sum(mlops.predict('m', rows)) FROM rows"), 100000, 'S12: the session predicts on');
is($held->(), $before, 'S12: no descriptor, no further mapping');
like($before, qr/^0 2$/, 'S12: one mapping per model');
cmp_ok($session->query_safe('SELECT rss()') - $kb, '<', 2048, 'S12: and no memory');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
eval { $session->quit };
$health->check('S12');

# S14: the kernels leave the processor's mode as it was: float8 of the server is the same before and after.
is(sql(q{
	CREATE FUNCTION floats() RETURNS text LANGUAGE sql VOLATILE AS $$
		SELECT string_agg(x::text || ' ' || (x * 1.5)::text || ' ' || (x + 5e-324)::text || ' ' || sqrt(abs(x))::text || ' ' || (-x)::text, ';')
			|| (1e-40::real * 3::real)::text || (1::real / 3::real)::text
		FROM unnest('{1, 0.1, 5e-324, 2.2250738585072014e-308, 1e-310, -3.7e-45, 1e22}'::float8[]) x $$;
	SELECT floats() AS before \gset
	SELECT sum(mlops.predict('m', rows)), (SELECT count(*) FROM mlops.predict_batch('m', 'SELECT * FROM rows', 'i')), (SELECT count(*) FROM mlops.explain('m', 1.0)) FROM rows;
	SELECT floats() = :'before'}), "100000|100000|2\nt", 'S14: float8 behaves as before');

# C01 to C03: what was not committed is nowhere; a version number that is used again has the bytes of now.
$session = $node->background_psql('postgres');
$session->query_safe('BEGIN');
is($session->query_safe("SELECT add_version('fresh', 5); SELECT answer('fresh')"), "1\n5", 'C01: a transaction predicts with what it made');
is(sql("SELECT answer('fresh')"), 'ML001', 'C01: others do not');
$session->query_safe('ROLLBACK');
is($session->query_safe("SELECT answer('fresh')"), 'ML001', 'C01: nor does it after a rollback');
is($session->query_safe("SELECT add_version('fresh', 6); SELECT answer('fresh/1')"), "1\n6", 'C01: the number has other bytes then');
is($session->query_safe(q{BEGIN; SAVEPOINT s; SELECT add_version('fresh', 7); SELECT answer('fresh/2'); ROLLBACK TO s;
	SELECT answer('fresh/2'); SELECT add_version('fresh', 8); SELECT answer('fresh/2'); COMMIT; SELECT answer('fresh/2')}),
	"2\n7\nML001\n2\n8\n8", 'C02: a number that a savepoint gave back has the second bytes');
for my $end ('COMMIT', 'ROLLBACK')
{
	my $name = lc "prepared_$end";
	sql("BEGIN; SELECT add_version('$name', 9); PREPARE TRANSACTION 'p'");
	is($session->query_safe("SELECT answer('$name')"), 'ML001', "C03: a prepared transaction is invisible ($end)");
	sql("$end PREPARED 'p'");
	is($session->query_safe("SELECT answer('$name')"), $end eq 'COMMIT' ? 9 : 'ML001', "C03: after $end PREPARED");
}
$session->quit;

# C04: equal names and numbers in two databases.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', "CREATE EXTENSION mlops; $constant_model SELECT mlops.register_model('m', constant_model(77), '{\"features\": [\"a\"]}')");
is($node->safe_psql('other', "SELECT mlops.predict('m/1', 1.0::float8)") . ' ' . sql("SELECT answer('m/1')"), '77 1', 'C04: each database has its own model');

# C10: a version is deleted, its file gone, the extension dropped, while a statement uses it.
sql("SELECT add_version('gone', v) FROM generate_series(11, 12) v; SELECT mlops.set_alias('gone', 'champion', 2)");
$session = $node->background_psql('postgres');
$session->query_safe("BEGIN; DECLARE c CURSOR FOR SELECT mlops.predict('gone/1', rows) FROM rows");
is($session->query_safe('FETCH c'), 11, 'C10: a cursor');
sql("SELECT mlops.delete_model_version('gone/1')");
is(scalar(file_of('gone')), 0, 'C10: the file of the version is gone');
is($session->query_safe('FETCH 2 FROM c'), "11\n11", 'C10: the cursor ends with its version');
is($session->query_safe("COMMIT; SELECT answer('gone/1'), answer('gone')"), 'ML001|12', 'C10: the next statement does not have it');
$session->quit;
$session = $node->background_psql('other');
is($session->query_safe("SELECT mlops.predict('m', 1.0::float8)"), 77, 'C10: a session of a database');
$session->quit;
my $oid = sql("SELECT oid FROM pg_database WHERE datname = 'other'");
sql('DROP DATABASE other');
sql("CREATE DATABASE other OID $oid");
$node->safe_psql('other', "CREATE EXTENSION mlops; $constant_model SELECT mlops.register_model('m', constant_model(78), '{\"features\": [\"a\"]}')");
is($node->safe_psql('other', "SELECT mlops.predict('m/1', 1.0::float8)"), 78, 'C10: a database of the same OID has its own model');
sql('DROP DATABASE other');

# C13: short connections; C16: more models than room, at once.
my $n_files = files();
ok(bench("SELECT 1 / (mlops.predict('m', 1.0::float8) = 1)::int;\n", '-C', '-c', '8', '-t', '25'), 'C13: 200 short connections predict');
is(scalar(files()), $n_files, 'C13: no file is left over');
sql(q{SELECT mlops.register_model('wide' || v, convert_to(replace(convert_from(constant_model(v, 100), 'UTF8'), '"attributes": {}',
	'"attributes": {"scikit_learn": "' || repeat('x', 1000) || '"}'), 'UTF8'), jsonb_build_object('features',
	(SELECT jsonb_agg('f' || i) FROM generate_series(1, 100) i))) FROM generate_series(1, 12) v});
change_settings($node, 'mlops.cache_size' => '0');
ok(bench("\\set v random(1, 12)\nSELECT 1 / (mlops.predict('wide' || :v, array_fill(0.5, ARRAY[100])) = :v)::int;\n", '-c', '8', '-j', '2', '-t', '250'),
	'C16: eight sessions and twelve models that push each other out: each answer is right');
cmp_ok(scalar(files()), '<=', 2, 'C16: one file stays');
change_settings($node, 'mlops.cache_size' => '64');
$health->check('C16');

# C14: invalidations of all kinds beside predictions.
my $output = '';
my $storm = $node->basedir . '/storm.sql';
append_to_file($storm, q{
CREATE TEMP TABLE t (a int); DROP TABLE t;
ALTER FUNCTION mlops.predict(text, VARIADIC "any") COST 100;
ANALYZE mlops.alias;
ALTER TABLE rows ALTER a SET STATISTICS 50;
CREATE ROLE stormy; GRANT SELECT ON rows TO stormy; DROP OWNED BY stormy; DROP ROLE stormy;
SELECT mlops.grant_model('m', 'alice', 'predict'); SELECT mlops.revoke_model('m', 'alice', 'predict');
});
my $invalidator = IPC::Run::start([ 'pgbench', '-n', '-T', '60', '-f', $storm, '-h', $node->host, '-p', $node->port, 'postgres' ], '>&', \$output);
ok(bench("\\set v random(1, 12)\nSELECT 1 / (mlops.predict('wide' || :v, array_fill(0.5, ARRAY[100])) = :v AND mlops.predict('m', r) = 1)::int FROM (SELECT 1.0::float8 AS a) r;\n",
		'-M', 'prepared', '-c', '4', '-t', '500'), 'C14: predictions beside invalidations');
$invalidator->signal('TERM');
$invalidator->finish;
unlike($output, qr/ERROR/, 'C14: without errors') or diag($output);

# R03: a superuser alters stored bytes: what was built from the true ones answers, all else is an error, and it is repaired.
sql("SELECT add_version('altered', 21)");
is(sql("SELECT answer('altered')"), 21, 'R03: a model');
sql("UPDATE mlops.model_blob SET bytes = replace(convert_from(bytes, 'UTF8'), '21.0', '22.0')::bytea WHERE digest = (mlops.resolve('altered')).digest");
like(sql("SELECT answer('altered')"), qr/^(21|XX001)$/, 'R03: altered bytes never answer');
unlink file_of('altered');
is(sql("SELECT answer('altered')"), 'XX001', 'R03: without the file it is an error');
is(scalar(file_of('altered')), 0, 'R03: that leaves no file');
sql("UPDATE mlops.model_blob SET bytes = replace(convert_from(bytes, 'UTF8'), '22.0', '21.0')::bytea WHERE digest = (mlops.resolve('altered')).digest");
is(sql("SELECT answer('altered')"), 21, 'R03: the true bytes answer again');

# R05: a model stays below what pg_dump can carry, whatever is configured.
my (undef, undef, $refusal) = $node->psql('postgres', "LOAD 'mlops'; ALTER SYSTEM SET mlops.max_model_size = '512MB'");
like($refusal, qr/512 MB is outside the valid range|524288 kB is outside|512 is outside the valid range/, 'R05: no model of 512 MB');

# R07: metadata of a megabyte, very deep, and not UTF-8.
is(sql(q{SELECT mlops.register_model('meta', constant_model(3), '{"features": ["a"]}', tags => jsonb_build_object('k', repeat('x', 1000000)),
	params => jsonb_build_object('p', (repeat('[', 5000) || repeat(']', 5000))::jsonb), description => repeat('é', 100000));
	SELECT octet_length(tags::text) > 1000000, length(description), answer('meta') FROM mlops.model_version WHERE model = 'meta'}),
	"1\nt|100000|3", 'R07: a megabyte of metadata, and 5,000 levels, are kept');
for my $case (
	[ q{signature => (repeat('[', 10000) || repeat(']', 10000))::jsonb}, qr/signature/ ],
	[ q{signature => jsonb_build_object('features', jsonb_build_array((repeat('[', 10000) || repeat(']', 10000))::jsonb))}, qr/signature|feature/ ],
	[ q{signature => '{"features": ["a"]}', metrics => jsonb_build_object('m', (repeat('{"a":', 10000) || '1' || repeat('}', 10000))::jsonb)}, qr/metric/ ],
	[ q{signature => convert_from('\x7b2261ff223a317d', 'UTF8')::jsonb}, qr/invalid byte sequence/ ],
	[ q{signature => (repeat('[', 1000000) || repeat(']', 1000000))::jsonb}, qr/stack depth/ ])
{
	my ($arguments, $complaint) = @$case;
	my ($status, $out, $err) = $node->psql('postgres', "SELECT mlops.register_model('wrong', constant_model(4), $arguments)");
	like($err, $complaint, "R07: refused: " . substr($arguments, 0, 60));
}
$health->check('R07');

# R09: a model of 100,000 versions.
sub seconds
{
	my ($query) = @_;
	return sql("SELECT extract(epoch FROM clock_timestamp()) AS t \\gset\nDO \$\$ BEGIN FOR i IN 1 .. 2000 LOOP PERFORM $query; END LOOP; END \$\$;\nSELECT extract(epoch FROM clock_timestamp()) - :t");
}
my %baseline = map { $_ => seconds($_) } "mlops.predict('m', 1.0::float8)", "mlops.predict('m/2', 1.0::float8)", "mlops.resolve('m')";
sql(q{SET session_replication_role = replica;
	CREATE TEMP TABLE copies AS SELECT v.*, i FROM mlops.model_version v, generate_series(3, 100000) i WHERE v.model = 'm' AND v.version = 2;
	UPDATE copies SET version = i; ALTER TABLE copies DROP i; INSERT INTO mlops.model_version TABLE copies;
	UPDATE mlops.model SET last_version = 100000 WHERE name = 'm'; ANALYZE mlops.model_version});
is(sql("SELECT count(*) FROM mlops.model_version WHERE model = 'm'"), 100000, 'R09: 100,000 versions');
for my $query (sort keys %baseline)
{
	cmp_ok(seconds($query =~ s{m/2}{m/77777}r), '<', 3 * $baseline{$query} + 0.2, "R09: as fast as of two: $query");
}
my $start = time;
is(sql("SELECT add_version('m', 33); SELECT mlops.set_alias('m', 'champion', 100001); SELECT answer('m'); SELECT mlops.set_alias('m', 'champion', 1); SELECT mlops.delete_model_version('m/100001')"),
	"100001\n1\n33\n100001\n", 'R09: the next version');
cmp_ok(time - $start, '<', 5, 'R09: is registered, promoted and deleted at once');
sql("DELETE FROM mlops.model_version WHERE model = 'm' AND version > 2");

# D06: the state of an aggregate does not grow with its rows; a reference spills to disk.
is(sql(q{SET max_parallel_workers_per_gather = 0; SET work_mem = '4MB';
	SELECT mlops.reference(a) AS r FROM rows \gset
	SELECT mlops.rows(p), grown < 1024 FROM (
		SELECT mlops.profile((i % 100000)::float8, :'r'::mlops.profile) AS p,
			max(kb) FILTER (WHERE i > 250000) - max(kb) FILTER (WHERE i <= 250000) AS grown
		FROM (SELECT i, CASE WHEN i % 250000 = 0 THEN rss() END AS kb FROM generate_series(1, 1000000) i OFFSET 0) s) s}),
	'1000000|t', 'D06: a profile of a million rows');
is(sql(q{SET work_mem = '1MB'; SELECT rss() AS before \gset
	SELECT mlops.rows(mlops.reference(random())) FROM generate_series(1, 1000000);
	SELECT rss() - :before < 16384}), "1000000\nt", 'D06: a reference of a million');

# G15: triggers within triggers: each statement counts once, and no monitor calls itself.
is(sql(q{SELECT mlops.register_model('pair', constant_model(1, 2), '{"features": ["a", "b"]}');
	CREATE TABLE pairs AS SELECT (i % 100)::float8 AS a, (i * 37 % 101)::float8 AS b FROM generate_series(1, 1000) i;
	SELECT mlops.set_reference('pair', 'SELECT * FROM pairs');
	CREATE TABLE live (a float8, b float8); CREATE TABLE copy (a float8, b float8);
	CREATE FUNCTION pass_on() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF TG_TABLE_NAME = 'live' THEN INSERT INTO copy SELECT a, b FROM new_rows;
		ELSIF pg_trigger_depth() < 20 THEN INSERT INTO live SELECT a, b FROM new_rows;
		END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER pass_on AFTER INSERT ON live REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION pass_on();
	CREATE TRIGGER pass_on AFTER INSERT ON copy REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION pass_on();
	SELECT mlops.create_monitor('live', 'pair', 'live'); SELECT mlops.create_monitor('copy', 'pair', 'copy');
	INSERT INTO live VALUES (1, 2), (3, 4);
	SELECT monitor, sum(n_rows), (SELECT count(*) FROM live) FROM mlops.drift_state GROUP BY 1 ORDER BY 1}) =~ s/^[^|]*\n//mgr,
	"copy|20|20\nlive|20|20", 'G15: watched tables that fill each other');
# somebody with the extension's own rights makes a circle through the deltas: the statement fails, nothing else
sql(q{CREATE FUNCTION circle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.live VALUES (9, 9); RETURN NULL; END $$;
	DROP TRIGGER pass_on ON live;
	CREATE TRIGGER circle AFTER INSERT ON mlops.drift_state FOR EACH ROW EXECUTE FUNCTION circle()});
my ($status, undef, $err) = $node->psql('postgres', 'INSERT INTO live VALUES (5, 6)');
like($err, qr/stack depth limit exceeded/, 'G15: a circle through the table of deltas ends with an error');
sql('DROP TRIGGER circle ON mlops.drift_state');
is(sql('SELECT count(*) FROM live; INSERT INTO live VALUES (5, 6); SELECT count(*) FROM live'), "20\n21", 'G15: of that statement only');
for my $table (qw(drift_state monitor run))
{
	my ($code, $out, $complaint) = $node->psql('postgres', "SELECT mlops.create_monitor('self', 'pair', 'mlops.$table')");
	like($complaint, qr/ERROR/, "G15: mlops.$table cannot be watched") and note($complaint);
}
$health->check('G15');

$node->stop;
done_testing();
