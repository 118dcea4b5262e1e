# Forests in shared files: one file and one build for all connections, no private
# memory, any damage or obstacle costs at most a warning and never an answer.
use strict;
use warnings;

use File::Copy;
use File::Path qw(remove_tree);
use File::Spec;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use MlopsRun;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', q{
max_connections = 60
max_worker_processes = 16
autovacuum = off
fsync = off
log_min_messages = debug1
restart_after_crash = on
remove_temp_files_after_crash = off
mlops.cache_size = 64
});
$node->start;
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp_mlops';

# Model of equal complete trees that search feature a among 0 .. 2^depth - 1: each
# gives floor(a) + offset, so the prediction is known: n_trees * (floor(a) + offset).
sub make_model
{
	my ($n_trees, $depth, $offset) = @_;
	my ($n, $inner) = (2**($depth + 1) - 1, 2**$depth - 1);
	my (@left, @right, @parent, @value);
	for my $i (0 .. $n - 1)
	{
		my $level = int(log($i + 1.5) / log(2));
		my $place = $i + 1 - 2**$level;
		push @left, $i < $inner ? 2 * $i + 1 : -1;
		push @right, $i < $inner ? 2 * $i + 2 : -1;
		push @parent, $i == 0 ? 2147483647 : int(($i - 1) / 2);
		push @value, $i < $inner ? (2 * $place + 1) * 2**($depth - $level - 1) : $place + $offset;
	}
	my $list = sub { '[' . join(',', @_) . ']' };
	my @zeros = (0) x $n;
	my $tree = '"left_children":' . $list->(@left) . ',"right_children":' . $list->(@right)
	  . ',"parents":' . $list->(@parent) . ',"split_conditions":' . $list->(@value)
	  . join('', map { ",\"$_\":" . $list->(@zeros) }
		  qw(split_indices default_left base_weights loss_changes sum_hessian split_type))
	  . ',"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],'
	  . "\"tree_param\":{\"num_nodes\":\"$n\",\"num_feature\":\"1\",\"num_deleted\":\"0\",\"size_leaf_vector\":\"0\"}";
	return '{"version":[1,7,4],"learner":{"attributes":{},"feature_names":[],"feature_types":[],'
	  . '"learner_model_param":{"base_score":"0E0","num_class":"0","num_feature":"1","num_target":"1","boost_from_average":"1"},'
	  . '"objective":{"name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}},'
	  . '"gradient_booster":{"name":"gbtree","model":{"gbtree_model_param":'
	  . "{\"num_trees\":\"$n_trees\",\"num_parallel_tree\":\"1\",\"size_leaf_vector\":\"0\"},"
	  . '"tree_info":' . $list->((0) x $n_trees) . ',"trees":'
	  . $list->(map { "{\"id\":$_,$tree}" } 0 .. $n_trees - 1) . '}}}}';
}

# Register a model in a database; returns the digest of its bytes.
sub register
{
	my ($database, $name, @shape) = @_;
	my $path = File::Spec->rel2abs($node->basedir . "/$name.json");
	open(my $file, '>', $path) or die "$path: $!";
	print $file make_model(@shape);
	close $file;
	$node->safe_psql($database,
		"SELECT mlops.register_model('$name', pg_read_binary_file('$path'), '{\"features\": [\"a\"]}')");
	unlink $path;
	return $node->safe_psql($database,
		"SELECT encode(digest, 'hex') FROM mlops.model_version WHERE model = '$name' ORDER BY version DESC LIMIT 1");
}

# Names of the files there are.
sub files
{
	opendir(my $dir, $folder) or return ();
	my @names = sort grep { !/^\.\.?$/ } readdir $dir;
	return @names;
}

# The only file of a digest.
sub file_of
{
	my ($digest) = @_;
	my @found = grep { /^\Q$digest\E-\d+$/ } files();
	return @found == 1 ? "$folder/$found[0]" : '';
}

# Forests built by the server so far.
sub builds
{
	my $log = slurp_file($node->logfile);
	return scalar(() = $log =~ /built forest "/g);
}

# Predict in a new connection: the answer and what came as warnings.
sub predict
{
	my ($sql, $database) = @_;
	my ($status, $answer, $messages) = $node->psql($database // 'postgres', $sql);
	my $warnings = () = $messages =~ /WARNING:/g;
	return "$answer, $warnings warnings" if $status == 0;
	return "failed: $messages";
}

# Field of /proc/PID/smaps_rollup in kB.
sub memory
{
	my ($pid, $field) = @_;
	my ($kb) = slurp_file("/proc/$pid/smaps_rollup") =~ /^\Q$field\E:\s+(\d+)/m;
	return $kb;
}

sub pid { return $_[0]->query_safe('SELECT pg_backend_pid()'); }

$node->safe_psql('postgres', 'CREATE EXTENSION mlops');
my $tiny = register('postgres', 'tiny', 1, 3, 0);
my $big = register('postgres', 'big', 32, 13, 1);
my $nodes = 32 * (2**14 - 1);    # of 36 bytes, 8 of which a prediction reads
my $ask = "SELECT mlops.predict('big', 5.5)";
my $right = 32 * 6;

# One file, for all.
is(join(' ', files()), '', 'no file before the first prediction');
my $first = $node->background_psql('postgres');
is($first->query_safe("SELECT mlops.predict('tiny', 2.5)"), '2', 'S13: the first prediction, without preload');
is($first->query_safe($ask), $right, 'a larger model');
ok(file_of($tiny) && file_of($big) && files() == 2, 'a file for each, and nothing else');
my @status = stat file_of($big);
is(sprintf('%04o', $status[2] & 07777), '0600', 'only the server can read it');
ok($status[7] > 36 * $nodes && $status[7] < 1.1 * 36 * $nodes, 'it has the size of its nodes');
my $built = builds();
is($built, 2, 'two builds');
my $second = $node->background_psql('postgres');
my $third = $node->background_psql('postgres');
for my $session ($second, $third)
{
	$session->query_safe("SELECT mlops.predict('tiny', 2.5)");
	my $pid = pid($session);
	# pages of a file count as private while no other process has touched them
	my ($before, $before_all) = (memory($pid, 'Anonymous'), memory($pid, 'Rss'));
	# every leaf of the image
	is($session->query_safe("SELECT sum(mlops.predict('big', a + 0.5)) FROM generate_series(0, 8191) a"),
		32 * 8192 * 8193 / 2, 'all leaves in another connection');
	my $growth = memory($pid, 'Anonymous') - $before;
	note("private memory grew by $growth kB");
	cmp_ok($growth, '<', 2048, 'its private memory does not grow with the model');
	cmp_ok(memory($pid, 'Rss') - $before_all - $growth, '>', 8 * $nodes / 1024 * 0.7, 'the image is of the file');
}
is(builds(), $built, 'nothing was built for them');
is((stat file_of($big))[1], $status[1], 'the file is the same');

# Backups leave the folder out; other databases share it.
$node->backup('base');
ok(!-e $node->backup_dir . '/base/base/pgsql_tmp', 'a base backup skips the files');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION mlops');
is(register('other', 'large', 32, 13, 1), $big, 'the same bytes under another name in another database');
is(predict("SELECT mlops.predict('large', 5.5)", 'other'), "$right, 0 warnings", 'prediction there');
is(builds(), $built, 'with the same file');

# A session keeps what it has mapped; a new one builds again.
unlink file_of($big);
is($first->query_safe($ask), $right, 'a session whose file was removed goes on');
is(predict($ask), "$right, 0 warnings", 'another makes it again');
ok(file_of($big), 'the file is back');
$_->quit for $first, $second, $third;

# First touch by many at once: the builder waits for the table, all others for him.
my $lock = $node->background_psql('postgres');
my $waiting = "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock') = 1
	AND count(*) FILTER (WHERE wait_event_type = 'Extension') = %d
	FROM pg_stat_activity WHERE query LIKE 'SELECT 1 / (mlops%'";
my $script = $node->basedir . '/touch.sql';
append_to_file($script, "SELECT 1 / (mlops.predict('big', 5.5) = $right)::int;\n");

# Start 24 clients that predict once; returns when one builds and the others wait.
sub start_clients
{
	my ($output) = @_;
	unlink map { "$folder/$_" } files();
	$lock->query_safe('BEGIN; LOCK TABLE mlops.model_blob');
	my $clients = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 24, '-j', 2, '-t', 1, '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
		'>&', $output);
	ok($node->poll_query_until('postgres', sprintf($waiting, 23)), 'one builds, 23 wait');
	return $clients;
}

my $output = '';
$built = builds();
my $clients = start_clients(\$output);
is(scalar(files()), 1, 'one temporary file');
$lock->query_safe('COMMIT');
ok($clients->finish, 'all predict') or diag($output);
is(builds() - $built, 1, 'C07: one build for 24 connections');
is(join(' ', map { "$folder/$_" } files()), file_of($big), 'the temporary file is gone');

# The builder is terminated: another takes over.
$output = '';
$built = builds();
$clients = start_clients(\$output);
my $builder = "FROM pg_stat_activity WHERE query LIKE 'SELECT 1 / (mlops%' AND wait_event_type = 'Lock'";
is($node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $builder"), 't', 'K01: the builder is terminated');
ok($node->poll_query_until('postgres', sprintf($waiting, 22)), 'another took over');
$lock->query_safe('COMMIT');
$clients->finish;
like($output, qr/transactions actually processed: 23\/24/, 'all others predict') or diag($output);
is(builds() - $built, 1, 'one build');
is(scalar(files()), 1, 'no temporary file is left');

# It is cancelled: nothing stays behind, not even a descriptor.
unlink map { "$folder/$_" } files();
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = pid($session);
$lock->query_safe('BEGIN; LOCK TABLE mlops.model_blob');
$session->query_safe("SET statement_timeout = '20ms'");
$session->query($ask) for 1 .. 3;
like($session->{stderr}, qr/canceling statement due to statement timeout/, 'C08, S12: a canceled build');
$session->{stderr} = '';
$session->query_safe('RESET statement_timeout');
is(scalar(files()), 0, 'C08: leaves no file');
is(scalar(grep { (readlink($_) // '') =~ /pgsql_tmp_mlops/ } glob("/proc/$pid/fd/*")), 0, 'C08, S12: and no descriptor');
$lock->query_safe('COMMIT');
is($session->query_safe($ask), $right, 'the next one builds');
$session->quit;

# It is killed: the server restarts and finds what he left.
unlink map { "$folder/$_" } files();
$lock->query_safe('BEGIN; LOCK TABLE mlops.model_blob');
$session = $node->background_psql('postgres', on_error_stop => 0);
$pid = pid($session);
$session->query_until(qr/asked/, "\\echo asked\n$ask;\n");
ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid"),
	'a builder');
my ($left) = files();
like($left, qr/^$big-\d+\.tmp$/, 'its temporary file');
PostgreSQL::Test::Utils::system_log('pg_ctl', 'kill', 'KILL', $pid);
eval { $session->quit };
eval { $lock->quit };
ok($node->poll_query_until('postgres', 'SELECT true'), 'the server restarted');
append_to_file("$folder/$left", 'the beginning of a forest');
append_to_file("$folder/$tiny-1.tmp", 'another');
is(join(' ', files()), join(' ', sort $left, "$tiny-1.tmp"), 'K05: temporary files of the dead stay');
is(predict($ask), "$right, 0 warnings", 'K05, C12: prediction after a builder of a forest was killed');
is(join(' ', map { "$folder/$_" } files()), file_of($big), 'they are gone');

# C15: files that are not what their name says are replaced.  Bits that turn behind a good
# header are not looked for, as in a table without checksums: operations.md says so.
my $good = slurp_file(file_of($big));
predict("SELECT mlops.predict('tiny', 2.5)");
my %damages = (
	'an empty file' => sub { truncate($_[0], 0) },
	'half a header' => sub { truncate($_[0], 30) },
	'a truncated file' => sub { truncate($_[0], length($good) / 2) },
	'a file one byte too long' => sub { append_to_file($_[0], 'x') },
	'garbage' => sub { unlink $_[0]; append_to_file($_[0], 'garbage ' x (length($good) / 8)) },
	'the file of another model' => sub { copy(file_of($tiny), $_[0]) or die $! },
	'another image under a good header' => sub {
		unlink $_[0];
		append_to_file($_[0], substr($good, 0, 64) . 'x' x (length($good) - 64));
	},
	'a symbolic link' => sub { move($_[0], "$_[0].real"); symlink("$_[0].real", $_[0]) },
	'a link to nothing' => sub { unlink $_[0]; symlink("$_[0].real", $_[0]) });
for my $damage (sort keys %damages)
{
	my $path = file_of($big);
	$damages{$damage}->($path);
	is(predict($ask), "$right, 0 warnings", "C15: $damage: prediction");
	ok(!-l $path && slurp_file($path) eq $good, "$damage: it was replaced");
	unlink "$path.real";
}

# Where no file can be had: one warning in each connection, and the answers.
my $three = "$ask; SELECT mlops.predict('tiny', 2.5); $ask";
my $private = "$right\n2\n$right, 1 warnings";
my $refuse = sub {
	my ($what, $sqlstate) = @_;
	is(predict($three), $private, "C06: $what: predictions and one warning");
	my ($status, $answer, $messages) = $node->psql('postgres', "\\set VERBOSITY verbose\n$ask");
	like($messages, qr/WARNING:  $sqlstate: could not share a model in file "base.*$big-\d+": .*HINT:  .*mlops\.shared_cache/s,
		"$what: what it says");
};
my $path = file_of($big);
unlink $path;
mkdir $path;
is(predict($three), $private, 'a folder in place of the file: predictions and one warning');
like(predict("LOAD 'mlops'; SET mlops.shared_cache = off"), qr/"mlops.shared_cache" cannot be changed now/,
	'no connection can turn sharing off for itself');
remove_tree($folder);
append_to_file($folder, 'not a folder');
$refuse->('a file in place of the folder', '42809');
unlink $folder;
symlink('nowhere', $folder);
$refuse->('a link to a missing folder', '58P01');
unlink $folder;
mkdir $folder, 0500;
$refuse->('a folder without write permission', '42501');
chmod 0700, $folder;

# A full disk, as far as this can be had without being root: a limit on file sizes.
SKIP:
{
	skip 'no prlimit', 3 unless -x '/usr/bin/prlimit';
	$session = $node->background_psql('postgres');
	$pid = pid($session);
	system_or_bail('prlimit', '--pid', $pid, '--fsize=1000000:1000000');
	is($session->query($ask), $right, 'C06: prediction with a limit on file sizes');
	like($session->{stderr}, qr/WARNING:  could not share a model.*File too large/, 'a warning');
	is(scalar(files()), 0, 'nothing is left of the file');
	$session->{stderr} = '';
	$session->quit;
}
is(predict($three), "$right\n2\n$right, 0 warnings", 'sharing works again');
ok(file_of($big), 'the file is there');

# Private memory on demand, also for sessions that map the file.
$session = $node->background_psql('postgres');
$session->query_safe("SELECT mlops.predict('tiny', 2.5)");
$session->query_safe($ask);
$pid = pid($session);
like(slurp_file("/proc/$pid/maps"), qr/pgsql_tmp_mlops/, 'mapped while the setting is on');
change_settings($node, 'mlops.shared_cache' => 'off');
is($session->query_safe("$ask"), $right, 'prediction');
is($session->query_safe("SELECT mlops.predict('tiny', 2.5)"), '2', 'prediction of the other model');
unlike(slurp_file("/proc/$pid/maps"), qr/pgsql_tmp_mlops/, 'nothing is mapped any more');
unlink map { "$folder/$_" } files();
is(predict($three), "$right\n2\n$right, 0 warnings", 'new connections predict');
is(scalar(files()), 0, 'without a file');
$session->quit;
change_settings($node, 'mlops.shared_cache' => 'on');

# The folder keeps its limit, here of two files and a half: the least recently used file leaves.
my %digest = map { $_ => register('postgres', "big$_", 32, 13, $_) } 2 .. 4;
sub ask { return predict("SELECT mlops.predict('big$_[0]', 5.5)"); }
is(ask(2), 32 * 7 . ', 0 warnings', 'a model');
is(ask(3), 32 * 8 . ', 0 warnings', 'a second one');
change_settings($node, 'mlops.cache_size' => int(2.5 * (-s file_of($digest{2})) / 1048576) . 'MB');
utime(1000, 1000, file_of($digest{2}));
utime(2000, 2000, file_of($digest{3}));
ask(2);
cmp_ok((stat file_of($digest{2}))[9], '>', 1e9, 'to map a file is to use it');
my $holder = $node->background_psql('postgres');
$holder->query_safe("BEGIN; DECLARE c CURSOR FOR SELECT mlops.predict('big3', a) FROM generate_series(1, 3) a; FETCH c");
utime(2000, 2000, file_of($digest{3}));
is(ask(4), 32 * 9 . ', 0 warnings', 'a third one');
is(join(' ', map { "$folder/$_" } files()), join(' ', sort map { file_of($digest{$_}) } 2, 4), 'the least recently used file left');
is($holder->query_safe('FETCH c'), 32 * 5, 'who uses it keeps it');
is(ask(3), 32 * 8 . ', 0 warnings', 'it can be had again');
$holder->quit;
$node->append_conf('postgresql.conf', 'mlops.cache_size = 0');
$node->restart;
ok(!-e $folder, 'C12: a restart empties the folder');
is(ask($_), 32 * (5 + $_) . ', 0 warnings', "C05: no room at all: model $_") for 2, 3;
is(join(' ', map { "$folder/$_" } files()), file_of($digest{3}), 'the last one stays');
$built = builds();
is(predict(join('; ', ("SELECT mlops.predict('big3', 5.5)") x 3)), join("\n", (32 * 8) x 3) . ', 0 warnings', 'three statements');
is(builds(), $built, 'and is not built again for each');

# A version that is deleted takes its file along, when it commits and is the last.
change_settings($node, 'mlops.cache_size' => '64MB');
$node->safe_psql('postgres', q{
	SELECT mlops.register_model('copy', bytes, '{"features": ["a"]}')
		FROM mlops.model_blob b JOIN mlops.model_version USING (digest) WHERE model = 'big4';
	SELECT mlops.register_model(m, b.bytes, '{"features": ["a"]}')
		FROM mlops.model_blob b JOIN mlops.model_version v USING (digest), unnest('{big4,copy}'::text[]) m WHERE v.model = 'tiny';
	SELECT mlops.set_alias(m, 'champion', 2) FROM unnest('{big4,copy}'::text[]) m});
is(predict("SELECT mlops.predict('copy/1', 5.5)"), 32 * 9 . ', 0 warnings', 'a version to delete');
$node->safe_psql('postgres', "SELECT mlops.delete_model_version('big4/1')");
ok(file_of($digest{4}), 'another version has the same bytes');
$node->safe_psql('postgres', "BEGIN; SELECT mlops.delete_model_version('copy/1'); ROLLBACK");
ok(file_of($digest{4}), 'a deletion that is rolled back');
$node->safe_psql('postgres', "BEGIN; SAVEPOINT a; SELECT mlops.delete_model_version('copy/1'); ROLLBACK TO a; COMMIT");
ok(file_of($digest{4}), 'one in a savepoint that is rolled back');
$node->safe_psql('postgres', "BEGIN; SAVEPOINT a; SELECT mlops.delete_model_version('copy/1'); RELEASE a; COMMIT");
ok(!file_of($digest{4}), 'a deletion that is committed');

$node->stop;
done_testing();
