# Updates: ALTER EXTENSION UPDATE makes what CREATE EXTENSION makes, and library and
# objects of different versions refuse each other or work together, while sessions
# and runs go on.  The next versions are rehearsals, made by the steps of a release.
use strict;
use warnings;

use MlopsHealth;
use MlopsInstall;
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;

my ($current) = slurp_file('mlops.control') =~ /^default_version = '(.*)'/m;
my $installation = copy_installation();
my $node = new_cluster('update', "shared_preload_libraries = 'mlops'\n", install_path => $installation);

# Every released version becomes the current one.
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION mlops');
my @objects = extension_objects($node, 'fresh');
cmp_ok(scalar(@objects), '>', 1000, 'objects can be listed');
sub update_from
{
	my ($version) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE \"from $version\"");
	$node->safe_psql("from $version", "CREATE EXTENSION mlops VERSION '$version'; ALTER EXTENSION mlops UPDATE");
	is_deeply([ extension_objects($node, "from $version") ], \@objects, "U01: an update from $version makes what an installation makes");
}
update_from($_) for map { m{mlops--([^/]*)\.sql$} } glob 'sql/frozen/mlops--*.sql';

# The next version: a column, a table, a function.
my $column = q{COMMENT ON COLUMN mlops.role_limit.more IS 'A column of the next version.';};
my $table = q{
CREATE TABLE mlops.more (id int PRIMARY KEY);
COMMENT ON TABLE mlops.more IS 'A table of the next version.';
ALTER TABLE mlops.more ENABLE ROW LEVEL SECURITY;
SELECT pg_catalog.pg_extension_config_dump('mlops.more', '');
CREATE FUNCTION mlops.more() RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 1;
COMMENT ON FUNCTION mlops.more() IS 'A function of the next version.';
};
my $tree = copy_tree();
release($tree, $current, 'next', q{
ALTER TABLE mlops.role_limit ADD more int CHECK (more > 0);
} . $column . $table . q{
REVOKE ALL ON FUNCTION mlops.more() FROM PUBLIC;
GRANT SELECT ON mlops.more TO PUBLIC;
GRANT USAGE ON SCHEMA mlops TO PUBLIC;
});
my $part = "$tree/sql/parts/30_registry_tables.sql";
my $script = slurp_file($part);
$script =~ s/(CREATE TABLE mlops\.role_limit \(.*?)\n\);/$1,\n\tmore int CHECK (more > 0)\n);/s or die;
unlink $part;
append_to_file($part, "$script\n$column\n");
append_to_file("$tree/sql/parts/85_more.sql", $table);

# What is there before: a model in two databases, a session, a monitor, a run.
my $predict = q{SELECT mlops.predict('flower', f) FROM flower f WHERE id = 1};
$node->safe_psql('postgres', 'CREATE DATABASE other');
for my $database ('postgres', 'other')
{
	set_up($node, $database);
	my $run = start_training($node, $database, 'flower', 'num_boost_round => 5');
	ok(wait_for($node, $database, $run, "status = 'succeeded'"), "a model in database $database");
}
my $health = MlopsHealth->new($node, 'postgres');
my $score = $node->safe_psql('postgres', $predict);
my $session = $node->background_psql('postgres', on_error_stop => 0);
is($session->query($predict), $score, 'a session predicts');
my $other = $node->background_psql('other', on_error_stop => 0);
$other->query($predict);
$node->safe_psql('postgres', q{SET ROLE alice; SELECT mlops.create_monitor('watch', 'flower', 'flower', on_error => 'fail')});
my $run = start_training($node, 'postgres', 'slow', "params => '$slow_params'");
wait_for($node, 'postgres', $run, "phase = 'training'");

# New files beside a running server.
my $inode = (stat "$installation/lib/mlops.so")[1];
make_install($tree, $installation);
isnt((stat "$installation/lib/mlops.so")[1], $inode, 'U03: an installation replaces the library by a new file');
is($session->query($predict), $score, 'U03: a session that has the old one goes on');
is($node->safe_psql('postgres', $predict), $score, 'U03: so do new sessions of a server that preloads it');

# Objects newer than the library.  What touches them says so; everything else works.
sub refusal
{
	my ($library, $extension) = @_;
	return qr/ERROR:  library mlops \Q$library\E does not serve extension mlops \Q$extension\E\n.*HINT:  Restart the server .* ALTER EXTENSION mlops UPDATE/s;
}
sub error_of
{
	my ($connection, $sql) = @_;
	$connection->query($sql);
	return $connection->{stderr};
}
$node->safe_psql('postgres', 'ALTER EXTENSION mlops UPDATE');
like(error_of($session, $predict), refusal($current, 'next'), 'U02: an old library refuses new objects, in a session that is open');
for my $sql ($predict, q{SET ROLE alice; SELECT mlops.train('flower', 'SELECT * FROM flower', 'big')},
	q{SELECT mlops.set_alias('flower', 'champion', 1)}, q{INSERT INTO flower DEFAULT VALUES})
{
	$node->psql('postgres', $sql, stderr => \my $error);
	like($error, refusal($current, 'next'), "U02: and in a new one: $sql");
}
is($node->psql('postgres', 'CREATE TABLE bystander (x int)', stderr => \my $warning), 0, 'U02: tables are made meanwhile');
is($other->query($predict), $score, 'U02: another database is not concerned');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'}),
	'U04: the dispatcher gives up');
is($node->safe_psql('postgres', "SELECT status FROM mlops.run WHERE id = $run"), 'running', 'U04: and leave the run as it is');

# The server restarts with the new library, and the run starts again.
$_->quit for $session, $other;
$node->restart;
is($node->safe_psql('postgres', $predict), $score, 'U02: both new');
ok(wait_for($node, 'postgres', $run, "attempt = 2 AND phase = 'training'"), 'U04: the run starts again');
$node->safe_psql('postgres', "SELECT mlops.cancel($run)");
ok(wait_for($node, 'postgres', $run, "status = 'canceled'"), 'U04: until it is canceled');
$health->check('U02', restart => 1);

# The other way round.
$other = $node->background_psql('other', on_error_stop => 0);
like(error_of($other, $predict), refusal('next', $current), 'U02: a new library refuses old objects that it does not know');
$node->safe_psql('other', 'ALTER EXTENSION mlops UPDATE');
is($other->query($predict), $score, 'U02: until they are updated, in the same session');
$other->quit;

# The update made what the installation makes.
$node->safe_psql('postgres', 'CREATE DATABASE next');
$node->safe_psql('next', 'CREATE EXTENSION mlops');
@objects = extension_objects($node, 'next');
update_from($current);

# A second one, whose library knows the objects of the first: runs go on during the update.
release($tree, 'next', 'later', "GRANT USAGE ON SCHEMA mlops TO PUBLIC;\nALTER TABLE mlops.run ADD later int;\n");
my $served = slurp_file("$tree/src/base/version.c");
$served =~ s/\{MLOPS_VERSION\}/{MLOPS_VERSION, "next"}/ or die;
unlink "$tree/src/base/version.c";
append_to_file("$tree/src/base/version.c", $served);
make_install($tree, $installation);
$node->restart;
$session = $node->background_psql('postgres', on_error_stop => 0);
is($session->query($predict), $score, 'U02: a new library serves old objects that it knows');
$run = start_training($node, 'postgres', 'flower', 'num_boost_round => 400');
ok(wait_for($node, 'postgres', $run, "phase = 'training'"), 'U04: a run trains');
is($node->safe_psql('postgres', "ALTER EXTENSION mlops UPDATE; SELECT status FROM mlops.run WHERE id = $run"), 'running', 'U04: while the extension is updated');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded' AND attempt = 1"), 'U04: and ends well');
is($session->query($predict), $score, 'U04: the session predicts after the update');
$session->quit;

$health->check('U04', restart => 1);

# There is no way back.
$node->psql('postgres', "ALTER EXTENSION mlops UPDATE TO '$current'", stderr => \my $error);
like($error, qr/extension "mlops" has no update path from version "later" to version "\Q$current\E"/, 'U07: a downgrade is refused');

# The comparison is no sham.
$node->safe_psql("from $current", q{
	REVOKE SELECT ON mlops.role_limit FROM PUBLIC;
	COMMENT ON COLUMN mlops.role_limit.more IS NULL;
	ALTER TABLE mlops.role_limit ALTER more SET DEFAULT 1;
	ALTER TABLE mlops.run DISABLE ROW LEVEL SECURITY;
	ALTER FUNCTION mlops.more() VOLATILE;
	ALTER EXTENSION mlops DROP TABLE mlops.more;});
my %count;
$count{$_}++ for @objects, extension_objects($node, "from $current");
my $differences = join "\n", grep { $count{$_} == 1 } keys %count;
like($differences, $_, "U01: a difference is found: $_") for qr/GRANT SELECT ON TABLE mlops\.role_limit/, qr/COMMENT ON COLUMN mlops\.role_limit\.more/,
	qr/more integer DEFAULT 1/, qr/ALTER TABLE mlops\.run ENABLE ROW LEVEL/, qr/FUNCTION mlops\.more\(\)/, qr/^dumped: mlops\.more/m;

$node->stop;
done_testing();
