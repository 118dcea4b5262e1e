# Model bytes that somebody made to do harm, given to register_model; rows of the
# registry that do not fit each other; and a valid model at the limits.
use strict;
use warnings;

use JSON::PP;
use MlopsHealth;
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# Time for what takes milliseconds, on a machine that is busy with other things.
my $soon = 5;

my $node = new_cluster('hostile_model', "shared_preload_libraries = 'mlops'\nfsync = off\nmlops.max_model_size = 20\n");
set_up($node, 'postgres');
$node->safe_psql('postgres', $constant_model);
my $health = MlopsHealth->new($node, 'postgres');

# Two features, one split and two leaves.
sub good_model
{
	return {
		version => [ 1, 7, 4 ],
		learner => {
			attributes => {}, feature_names => [ 'a', 'b' ], feature_types => [ 'float', 'float' ],
			learner_model_param => { base_score => '5E-1', num_class => '0', num_feature => '2', num_target => '1' },
			objective => { name => 'reg:squarederror' },
			gradient_booster => {
				name => 'gbtree',
				model => {
					gbtree_model_param => { num_trees => '1', num_parallel_tree => '1', size_leaf_vector => '0' },
					tree_info => [0],
					trees => [ {
						id => 0, left_children => [ 1, -1, -1 ], right_children => [ 2, -1, -1 ], parents => [ 2147483647, 0, 0 ],
						split_indices => [ 1, 0, 0 ], split_conditions => [ 1.5, -0.25, 0.75 ], default_left => [ 1, 0, 0 ],
						split_type => [ 0, 0, 0 ], base_weights => [ 0, 0, 0 ], loss_changes => [ 1, 0, 0 ], sum_hessian => [ 4, 2, 2 ],
						categories => [], categories_nodes => [], categories_segments => [], categories_sizes => [],
						tree_param => { num_nodes => '3', num_feature => '2', num_deleted => '0', size_leaf_vector => '0' } } ] } } } };
}

# UBJSON of it, arrays of numbers with a type and a count.
sub to_ubj
{
	my ($value) = @_;
	my $string = sub { pack('A1 N', 'l', length $_[0]) . $_[0] };
	return '{' . join('', map { $string->($_) . to_ubj($value->{$_}) } sort keys %$value) . '}' if ref $value eq 'HASH';
	if (ref $value eq 'ARRAY')
	{
		return '[' . join('', map { to_ubj($_) } @$value) . ']' if grep { ref || !/^-?[\d.]+\z/ } @$value;
		return '[$d#l' . pack('N', scalar @$value) . join('', map { pack('f>', $_) } @$value) if grep { /\./ } @$value;
		return '[$L#l' . pack('N', scalar @$value) . join('', map { pack('q>', $_) } @$value);
	}
	return 'Z' if !defined $value;
	return 'S' . $string->($value) if $value !~ /^-?\d+\z/ || JSON::PP->new->allow_nonref->encode($value) =~ /^"/;
	return 'L' . pack('q>', $value);
}

# What is changed in the good model to make each bad one: place in the tree, its
# booster or the learner, and the value there, or nothing for a place that is missing.
my @changes = (
	[ 'M03 no nodes' => 'tree/tree_param/num_nodes', '0' ], [ 'M03 2^31 nodes' => 'tree/tree_param/num_nodes', '2147483648' ],
	[ 'M03 2^63 trees' => 'model/gbtree_model_param/num_trees', '9223372036854775808' ],
	[ 'M03 a tree too few' => 'model/gbtree_model_param/num_trees', '2' ], [ 'M03 no feature' => 'learner/learner_model_param/num_feature', '0' ],
	[ 'M04 its own child' => 'tree/left_children', [ 0, -1, -1 ] ], [ 'M04 a child beyond' => 'tree/right_children', [ 3, -1, -1 ] ],
	[ 'M04 one child twice' => 'tree/right_children', [ 1, -1, -1 ] ], [ 'M04 a child below' => 'tree/left_children', [ -2, -1, -1 ] ],
	[ 'M04 a loop' => 'tree/left_children', [ 1, 0, -1 ] ], [ 'M04 fewer children' => 'tree/left_children', [1] ],
	[ 'M04 no children' => 'tree/left_children' ],
	[ 'M06 feature beyond' => 'tree/split_indices', [ 2, 0, 0 ] ], [ 'M06 feature below' => 'tree/split_indices', [ -1, 0, 0 ] ],
	[ 'M06 feature 2^31' => 'tree/split_indices', [ 2147483648, 0, 0 ] ],
	[ 'M08 a set that is not there' => 'tree/split_type', [ 1, 0, 0 ] ], [ 'M08 no such type' => 'tree/split_type', [ 9, 0, 0 ] ],
	[ 'M09 output beyond' => 'model/tree_info', [7] ], [ 'M09 output below' => 'model/tree_info', [-1] ],
	[ 'M09 10^9 classes' => 'learner/learner_model_param/num_class', '1000000000' ],
	[ 'M09 10^9 targets' => 'learner/learner_model_param/num_target', '1000000000' ],
	[ 'M09 vector leaves' => 'tree/tree_param/size_leaf_vector', '1000000' ],
	[ 'M07 base score' => 'learner/learner_model_param/base_score', 'NaN' ], [ 'M07 huge base score' => 'learner/learner_model_param/base_score', '1E99' ],
	[ 'M10 names for one' => 'learner/feature_names', ['a'] ], [ 'M10 names of numbers' => 'learner/feature_names', [ 1, 2 ] ],
	[ 'M10 a name twice' => 'learner/feature_names', [ 'a', 'a' ] ], [ 'M10 a name with a zero' => 'learner/feature_names', [ "a\0", 'b' ] ],
	[ 'M10 trees that are an object' => 'model/trees', {} ], [ 'M10 a learner that is a string' => 'top/learner', 'x' ],
	[ 'M12 booster' => 'booster/name', 'gbforest' ], [ 'M12 objective' => 'learner/objective/name', '../../etc/passwd' ],
	[ 'M12 no objective' => 'learner/objective' ], [ 'M12 from the future' => 'top/version', [ 9, 0, 0 ] ], [ 'M12 no version' => 'top/version' ],
	[ 'M12 best iteration' => 'learner/attributes/best_iteration', '7' ],);

sub change_model
{
	my ($path, @value) = @_;
	my $model = good_model();
	my $booster = $model->{learner}{gradient_booster};
	my %start = (top => $model, learner => $model->{learner}, booster => $booster, model => $booster->{model}, tree => $booster->{model}{trees}[0]);
	my ($from, @keys) = split '/', $path;
	my $last = pop @keys;
	my $place = $start{$from};
	$place = $place->{$_} for @keys;
	if (@value) { $place->{$last} = $value[0] } else { delete $place->{$last} }
	return $model;
}

my $json = JSON::PP->new->canonical->utf8;
my $good = $json->encode(good_model());
my $good_ubj = to_ubj(good_model());
my @corpus = ([ 'good JSON' => $good ], [ 'good UBJSON' => $good_ubj ]);
push @corpus, [ "$_->[0]" => $json->encode(change_model(@$_[ 1 .. $#$_ ])) ], [ "$_->[0], UBJSON" => to_ubj(change_model(@$_[ 1 .. $#$_ ])) ]
  for @changes;
(my $nan = $good) =~ s/-0\.25/NaN/;
(my $twice = $good) =~ s/"tree_info"/"tree_info":[0],"tree_info"/;
push @corpus, [ 'M01 nothing' => '' ], [ 'M01 a byte' => '{' ], [ 'M01 half' => substr($good, 0, length($good) / 2) ],
  [ 'M01 half of UBJSON' => substr($good_ubj, 0, length($good_ubj) / 2) ], [ 'M01 one byte short' => substr($good_ubj, 0, -1) ],
  [ 'M02 one byte more' => "$good_ubj}" ], [ 'M07 a leaf that is no number' => $nan ], [ 'M10 nested' => '{"a":' . '[' x 2_000_000 ],
  [ 'M10 objects' => '{"a":' x 2_000_000 ], [ 'M10 a million digits' => '{"a":' . '9' x 1_000_000 . '}' ], [ 'M10 a member twice' => $twice ],
  [ 'M10 a million members' => '{"a":1' . ',"b":1' x 1_000_000 . '}' ], [ 'M10 byte order mark' => "\xef\xbb\xbf$good" ],
  [ 'M10 UTF-16' => join('', map { "$_\0" } split //, $good) ], [ 'M10 half a pair' => $good =~ s/"a"/"\\ud800"/r ],
  [ 'M11 a length of 2^63' => "{L\x7f\xff\xff\xff\xff\xff\xff\xffa" ], [ 'M11 below nothing' => "{i\xffa" ],
  [ 'M11 an array of 2^62' => "{i\1a[\$d#L\x40\0\0\0\0\0\0\0}" ], [ 'M11 nested' => "{i\1a" . '[' x 2_000_000 ],
  [ 'M12 binf' => "binf" . "\0" x 200 ], [ 'M12 pickle' => "\x80\4\x95\x10\0\0\0\0\0\0\0cposix\nsystem\n" ],
  [ 'M12 ONNX' => "\x08\x07\x12\x07pytorch" ], [ 'M12 gzip' => "\x1f\x8b\x08\0" . 'x' x 100 ], [ 'M12 zip' => "PK\3\4" . 'x' x 100 ];

my $file = $node->data_dir . '/corpus';
append_to_file($file, join('', map { "$_->[0]\t\\\\x" . unpack('H*', $_->[1]) . "\n" } @corpus));
$node->safe_psql('postgres', qq{
	CREATE TABLE corpus (name text, bytes bytea);
	CREATE TABLE outcome (name text, state text, message text, seconds float8);
	COPY corpus FROM 'corpus';
	DO \$\$
	DECLARE
		c corpus;
		start timestamptz;
	BEGIN
		FOR c IN SELECT * FROM corpus LOOP
			start := clock_timestamp();
			BEGIN
				PERFORM mlops.register_model(CASE WHEN c.name LIKE 'good%' THEN 'good' ELSE 'bad' END, c.bytes);
				INSERT INTO outcome VALUES (c.name, 'accepted');
			EXCEPTION WHEN OTHERS THEN
				INSERT INTO outcome VALUES (c.name, SQLSTATE, SQLERRM, extract(epoch FROM clock_timestamp() - start));
			END;
		END LOOP;
	END \$\$;});

cmp_ok(scalar(@corpus), '>', 80, 'M15: the corpus is large');
is($node->safe_psql('postgres', q{SELECT string_agg(name || ': ' || state, ', ') FROM outcome
	WHERE name LIKE 'good%' AND state <> 'accepted'}), '', 'M15: the models that were changed are good');
is($node->safe_psql('postgres', q{SELECT string_agg(format('%s: %s %s', name, state, message), E'\n') FROM outcome
	WHERE name NOT LIKE 'good%' AND (state NOT IN ('ML003', '0A000', '54000', '22023') OR message = '')}),
	'', 'M15: every other one is refused, as what it is');
is($node->safe_psql('postgres', "SELECT string_agg(name || ' ' || seconds, ', ') FROM outcome WHERE seconds > $soon"),
	'', 'M15: soon');
is($node->safe_psql('postgres', "SELECT count(*) FROM mlops.model WHERE name = 'bad'"), '0', 'M15: nothing of them stays');
is($node->safe_psql('postgres', q{SELECT mlops.predict('good', 0, 1), mlops.predict('good', 0, 2),
	pg_read_file('/proc/self/maps') ~ 'mlops\.so', pg_read_file('/proc/self/maps') ~ 'xgboost'}),
	'0.25|1.25|t|f', 'M15: libxgboost is not in the server');

# A value that is small while it is packed.
$node->safe_psql('postgres', q{CREATE TABLE bomb AS SELECT convert_to(repeat(chr(123), 200000000), 'UTF8') AS bytes});
my ($status, $out, $err) = $node->psql('postgres', q{
	SET max_parallel_workers_per_gather = 0;
	CREATE FUNCTION pg_temp.peak() RETURNS int LANGUAGE sql VOLATILE
		AS $$ SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s+(\d+)')::int / 1024 $$;
	SELECT mlops.resolve('good');
	SELECT pg_temp.peak();
	SELECT mlops.register_model('bad', bytes) FROM bomb;
	SELECT pg_temp.peak();}, on_error_stop => 0);
like($err, qr/model exceeds the maximum of 20 MB/, 'M12: a packed bomb is too large');
my ($before, $after) = $out =~ /(\d+)\n(\d+)\z/;
cmp_ok($after - $before, '<', 50, 'M12: and is not unpacked to find out');
cmp_ok($node->safe_psql('postgres', 'SELECT pg_column_size(bytes) FROM bomb'), '<', 10_000_000, 'M12: it was packed');
$node->safe_psql('postgres', 'DROP TABLE bomb, corpus');
$health->check('M15');

# Rows of the registry that a superuser changed, or a restore half done.
$node->safe_psql('postgres', q{
	SELECT mlops.register_model('other', constant_model(7, 3), signature => '{"features": ["x", "y", "z"]}');
	SELECT mlops.register_model('multi', convert_to(replace(replace(convert_from(mlops.export_model('good', 'json'), 'UTF8'),
		'reg:squarederror', 'multi:softprob'), '"num_class":"0"', '"num_class":"3"'), 'UTF8'));});

# The answer to a query after changes that are rolled back, in a new session, which shares no forests.
change_settings($node, 'mlops.shared_cache' => 'off');
sub after_change
{
	my ($change, $query) = @_;
	my (undef, $answer, $error) = $node->psql('postgres',
		"SET session_replication_role = replica; BEGIN; $change; $query; ROLLBACK");
	return $error =~ s/^psql:.*?: //r || $answer;
}

my $predict = q{SELECT mlops.predict('good', 0, 1)};
my $predict_object = q{SELECT mlops.predict('good', '{"a": 0, "b": 1, "c": 2}'::jsonb)};
my $good_version = q{UPDATE mlops.model_version SET %s WHERE model = 'good'};
my @rows = (
	[ 'bytes' => q{UPDATE mlops.model_blob b SET bytes = bytes || ' ' FROM mlops.model_version v WHERE v.digest = b.digest AND model = 'good'},
		$predict, qr/bytes of a model version do not match their digest/ ],
	[ 'no bytes' => q{DELETE FROM mlops.model_blob b USING mlops.model_version v WHERE v.digest = b.digest AND model = 'good'},
		$predict, qr/bytes of a model version are missing/ ],
	[ 'digest of another model' => sprintf($good_version, q{digest = (SELECT digest FROM mlops.model_version WHERE model = 'other')}),
		$predict, qr/version 1 has 2 features, its bytes have 3/ ],
	[ 'short digest' => sprintf($good_version, q{digest = '\\x00'}), $predict, qr/digest of a model version has the wrong size/ ],
	map({ [ "size $_" => sprintf($good_version, "size = $_"), $predict, qr/^0\.25$/ ] } 0, -1, '9223372036854775807'),
	map({ [ "signature $_" => sprintf($good_version, "signature = '$_'"), $predict_object, qr/invalid signature|its bytes have 2/ ] }
		'[]', '7', '{}', '{"features": {}}', '{"features": []}', '{"features": ["a"]}', '{"features": [{}]}', '{"features": [{"name": 1}]}',
		'{"features": [{"name": "a", "kind": "numeric"}]}', '{"features": [{"name": "a", "kind": "nonsense"}, {"name": "b", "kind": "numeric"}]}',
		'{"features": [{"name": "a", "kind": "category"}, {"name": "b", "kind": "numeric"}]}',
		'{"features": [{"name": "a", "kind": "category", "categories": [1]}, {"name": "b", "kind": "numeric"}]}',
		'{"features": [{"name": "a", "kind": "numeric"}, {"name": "b", "kind": "numeric"}, {"name": "c", "kind": "numeric"}]}'),
	map({
		[ "classes $_->[0]" => "UPDATE mlops.model_version SET classes = $_->[0] WHERE model = 'multi'",
			"SELECT mlops.$_->[1]('multi', 0, 1)", $_->[2] ]
	} map({ [ "'{x}'", $_, qr/predicts 3 numbers for 1 classes/ ], [ "'{x,y,z,u}'", $_, qr/predicts 3 numbers for 4 classes/ ],
			[ "'{x,NULL,y}'", $_, qr/null array element/ ], [ 'NULL', $_, qr/does not predict classes/ ] }
		'predict_proba', 'predict_class', 'predict_classes')));
for my $row (@rows)
{
	my ($name, $change, $query, $expected) = @$row;
	like(after_change($change, $query), $expected, "M13: $name");
}
change_settings($node, 'mlops.shared_cache' => 'on');
$health->check('M13');

# As deep as trees may be and as large as a model may be: all right, and stopped at once.
sub typed { my ($name, $type, $values) = @_; return pack('A1CA*A3A2N', 'i', length $name, $name, '[$' . $type, '#l', $_[3]) . $values }
my $nodes = 2 * 4096 + 1;
my @inner = map { $_ % 2 == 0 && $_ + 1 < $nodes } 0 .. $nodes - 1;
my $tree = '{' . typed('left_children', 'l', pack('l>*', map { $inner[$_] ? $_ + 1 : -1 } 0 .. $nodes - 1), $nodes)
  . typed('right_children', 'l', pack('l>*', map { $inner[$_] ? $_ + 2 : -1 } 0 .. $nodes - 1), $nodes)
  . typed('split_indices', 'l', pack('l>*', (0) x $nodes), $nodes) . typed('default_left', 'U', pack('C*', (0) x $nodes), $nodes)
  . typed('split_conditions', 'd', pack('f>*', map { $inner[$_] ? $_ : 0.5 } 0 .. $nodes - 1), $nodes)
  . typed('sum_hessian', 'd', pack('f>*', map { $nodes - $_ } 0 .. $nodes - 1), $nodes)
  . "i\x0atree_param{i\x09num_nodesSi\4$nodes}}";

sub deep_model
{
	my ($n) = @_;
	my $count = sprintf('%03d', $n);
	return "{i\x07learner{i\x0dfeature_names[Si\1a]i\x10gradient_booster{i\5model{i\5trees[" . $tree x $n
	  . "]i\x12gbtree_model_param{i\x09num_treesSi\3$count}" . typed('tree_info', 'l', pack('l>*', (0) x $n), $n)
	  . "}i\4nameSi\6gbtree}i\x13learner_model_param{i\x0abase_scoreSi\1" . '0'
	  . "i\x0bnum_featureSi\1" . '1' . "i\x0anum_targetSi\1" . "1}i\x09objective{i\4nameSi\x10reg:squarederror}}i\7version[\$i#i\3\3\0\0}";
}

my $n_trees = int((20 * 1024 * 1024 - 1000) / length $tree);
append_to_file($node->data_dir . '/deep', deep_model($n_trees));
append_to_file($node->data_dir . '/deeper', deep_model($n_trees + 1));
$node->safe_psql('postgres', q{SELECT mlops.register_model('deep', pg_read_binary_file('deep'))});
(undef, undef, $err) = $node->psql('postgres', q{SELECT mlops.register_model('deeper', pg_read_binary_file('deeper'))});
like($err, qr/model exceeds the maximum of 20 MB/, 'M14: one tree more than fits');
my $start = time;
is($node->safe_psql('postgres', q{SELECT sum(mlops.predict('deep', 1e9 + i)) FROM generate_series(1, 20) i}), 10 * $n_trees,
	"M14: rows that go down all $n_trees trees to the end");
cmp_ok((time - $start) / 20, '<', $soon / 10, 'M14: in milliseconds each');

# Seconds from a request to cancel a query to its end.
sub cancel
{
	my ($query) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query("SELECT mlops.predict('deep', 1); SELECT pg_backend_pid()") =~ s/.*\n//r;
	$session->{stdin} .= "$query;\n";
	$session->{run}->pump_nb();
	$node->poll_query_until('postgres', "SELECT state = 'active' AND now() - query_start > '0.2 s' FROM pg_stat_activity WHERE pid = $pid")
	  or die "it did not start";
	my $request = time;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	$node->poll_query_until('postgres', "SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $pid");
	my $seconds = time - $request;
	$session->query('SELECT 1');
	like($session->{stderr}, qr/canceling statement due to user request/, "M14: canceled: $query");
	$session->quit;
	return $seconds;
}
cmp_ok(cancel($_), '<', 2, 'M14: within a second or so')
  for "SELECT sum(mlops.predict('deep', 1e9 + i)) FROM generate_series(1, 1000000) i",
  "SELECT count(*) FROM mlops.predict_batch('deep', 'SELECT i, 1e9 AS a FROM generate_series(1, 1000000) i', 'i')",
  "SELECT sum(contribution) FROM generate_series(1, 1000) i, mlops.explain('deep', 1e9 + i)";
$health->check('M14');

done_testing();
