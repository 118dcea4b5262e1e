# What an executor hands over counts as hostile: results changed behind the
# dispatcher's back, with a digest that fits, are a crash or a failed run.
use strict;
use warnings;

use Digest::SHA qw(sha256);
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('hostile', q{
shared_preload_libraries = 'mlops'
mlops.max_concurrent_runs = 20
max_worker_processes = 30
});
set_up($node, 'postgres');
$node->safe_psql('postgres', q{
	SET ROLE alice;
	ALTER TABLE flower ADD part text;
	UPDATE flower SET part = (ARRAY['train', 'validation', 'test'])[1 + id % 3];});
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp_mlops_run/'
  . $node->safe_psql('postgres', q{SELECT oid FROM pg_database WHERE datname = 'postgres'}) . '_';
my $arguments = "split => 'column', split_by => 'part', promote => 'if_not_worse', params => '{\"max_depth\": 3}'";

# Walks the fields of job/handover.c; keeps where the ones are that are changed.
sub parse_result
{
	my ($bytes) = @_;
	my $at = 48;
	my %place;
	my $number = sub { $at += 8; return unpack('q<', substr($bytes, $at - 8, 8)) };
	my $skip = sub { $number->() for 1 .. $_[0] };
	my $text = sub { my $size = $number->(); $at += $size - 1 if $size > 0 };
	my $texts = sub { my $n = $number->(); $text->() for 1 .. $n };

	$skip->(2);
	$at += 6;
	$text->() for 1 .. 2;
	$texts->();
	$text->() for 1 .. 3;
	$skip->(1);
	$text->();
	$skip->(4);
	$at += 64;
	$skip->(1);
	$at += 32;
	$skip->(2);
	$text->();
	for (my $n = $number->(); $n > 0; $n--) { $skip->(3); $text->(); $skip->(4) }
	$place{calibration_rows} = $at;
	$skip->(1);
	$place{knots} = $at + 8;
	$place{n_knots} = $number->();
	$skip->(2 * $place{n_knots} + 3);
	$place{cuts} = $at + 8;
	$place{n_cuts} = $number->();
	$skip->(3 * $place{n_cuts});
	$place{references} = $at;
	for (my $n = $number->(); $n > 0; $n--)
	{
		push @{$place{reference}}, $at;
		$at += $number->();
	}
	$texts->();
	$text->() for 1 .. 2;
	die "the result has another form: $at of " . length $bytes if $at != length $bytes;
	return \%place;
}

sub double { return pack('d<', shift) }
sub integer { return pack('q<', shift) }

# Returns a function that overwrites bytes at a place.
sub overwrite
{
	my ($find, $with) = @_;
	return sub { my ($bytes, $place) = @_; substr($$bytes, $find->($place), length $with) = $with };
}

# Features are a, b, c, d and colour; counts follow the header and the edges.
sub count_of_a
{
	my ($bytes, $place) = @_;
	my $image = $place->{reference}[0] + 8;
	return $image + 72 + 8 * (unpack('S<', substr($$bytes, $image + 20, 2)) - 1);
}

my @cases = (
	[ 'unchanged', 'succeeded', sub { } ],
	[ 'a probability that is not a number', 'crash', overwrite(sub { $_[0]{knots} + 8 }, double('nan')) ],
	[ 'a probability above one', 'crash', overwrite(sub { $_[0]{knots} + 16 * ($_[0]{n_knots} - 1) + 8 }, double(1.5)) ],
	[ 'scores that do not ascend', 'crash', overwrite(sub { $_[0]{knots} + 16 }, double(-0.0)) ],
	[ 'more knots than there can be', 'crash', overwrite(sub { $_[0]{knots} - 8 }, integer(2**40)) ],
	[ 'a negative number of knots', 'crash', overwrite(sub { $_[0]{knots} - 8 }, integer(-1)) ],
	[ 'a negative number of rows', 'crash', overwrite(sub { $_[0]{calibration_rows} }, integer(-7)) ],
	[ 'a threshold above one', 'crash', overwrite(sub { $_[0]{cuts} }, double(2)) ],
	[ 'infinite counts of a curve', 'crash', overwrite(sub { $_[0]{cuts} + 8 }, double('inf')) ],
	[ 'a profile of no kind', 'crash', overwrite(sub { $_[0]{reference}[0] + 8 + 17 }, "\7") ],
	[ 'a profile with other edges than its digest says', 'crash', overwrite(sub { $_[0]{reference}[0] + 8 + 72 }, double(-1e9)) ],
	[ 'a profile longer than the file', 'crash', overwrite(sub { $_[0]{reference}[0] }, integer(2**50)) ],
	[ 'more profiles than the file has room for', 'crash', overwrite(sub { $_[0]{references} }, integer(2**60)) ],
	[ 'a negative count', 'ML006', sub { my ($bytes) = @_; substr($$bytes, count_of_a(@_) + 8, 8) = integer(-5) } ],
	[ 'the profile of another column', 'ML006', sub {
		my ($bytes, $place) = @_;
		my ($from, $to) = @{$place->{reference}}[4, 5];
		# colour where a was
		substr($$bytes, $place->{reference}[0], $place->{reference}[1] - $place->{reference}[0]) = substr($$bytes, $from, $to - $from);
	} ],
	[ 'a profile too few', 'ML006', sub {
		my ($bytes, $place) = @_;
		substr($$bytes, $place->{reference}[1], $place->{reference}[2] - $place->{reference}[1]) = '';
		substr($$bytes, $place->{references}, 8) = integer(6);
	} ],
	[ 'a missing profile of a feature', 'ML006', sub {
		my ($bytes, $place) = @_;
		substr($$bytes, $place->{reference}[1], $place->{reference}[2] - $place->{reference}[1]) = integer(0);
	} ],
	[ 'a file cut in the middle', 'crash', sub { my ($bytes) = @_; substr($$bytes, length($$bytes) / 2) = '' } ],
	[ 'another model than the digest says', 'XX001', sub {
		my ($bytes, $place, $attempt) = @_;
		open my $model, '+<:raw', "$attempt/model" or die "$attempt/model: $!";
		seek $model, -1, 2;
		print $model "\0";
		close $model;
	} ],
	[ 'a byte at the end', 'crash', sub { my ($bytes) = @_; $$bytes .= "\0" } ],
);

my $run = start_training($node, 'postgres', 'held', $arguments);
wait_for($node, 'postgres', $run, "status = 'succeeded'");

# All of them wait for the alias with their results handed over.
my $owner = $node->background_psql('postgres');
$owner->query_safe("BEGIN; SELECT mlops.set_alias('held', 'champion', 1)");
my $rounds = 10;
my @runs = map { start_training($node, 'postgres', 'held', "$arguments, num_boost_round => " . $rounds++) } @cases;
for my $i (0 .. $#cases)
{
	my $attempt = "$folder$runs[$i]_1";
	my $file = "$attempt/result";
	my $tries = 0;
	until (-e $file) { die "$file does not come" if $tries++ > 1800; select(undef, undef, undef, 0.1) }

	my $bytes = slurp_file($file, 0);
	my $place = parse_result($bytes);
	cmp_ok($place->{n_knots}, '>', 3, 'there is a calibration') if $i == 0;
	cmp_ok($place->{n_cuts}, '>', 3, 'there is a curve') if $i == 0;
	is(scalar @{$place->{reference}}, 7, 'there are references') if $i == 0;
	$cases[$i][2]->(\$bytes, $place, $attempt);
	my $payload = substr($bytes, 48);
	substr($bytes, 8, 40) = integer(length $payload) . sha256($payload);
	open my $out, '>:raw', "$file.new" or die "$file.new: $!";
	print $out $bytes;
	close $out;
	rename "$file.new", $file or die "$file: $!";
}
# what the dispatcher is trying to publish right now, it has read before
my $changed = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
	WHERE backend_type = 'mlops dispatcher' AND NOT granted AND waitstart > '$changed'::timestamptz + interval '2 seconds')")
  or die 'the dispatcher does not try again';
$owner->query_safe('COMMIT');
$owner->quit;
for my $i (0 .. $#cases)
{
	my ($name, $wanted) = @{$cases[$i]};
	ok(wait_for($node, 'postgres', $runs[$i], $wanted eq 'crash' ? 'crashes = 1' : "status IN ('succeeded', 'failed') AND crashes = 0"),
		"$name: the run ends");
	is($node->safe_psql('postgres', "SELECT coalesce(sqlstate, status) FROM mlops.run WHERE id = $runs[$i]"), $wanted, "$name: $wanted")
	  if $wanted ne 'crash';
	$node->safe_psql('postgres', "SELECT mlops.cancel($runs[$i])") if $wanted eq 'crash';
}
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT version::text, ',') FROM mlops.model_reference}),
	'1,2', 'nothing of them is stored');
unlike(slurp_file($node->logfile), qr/TRAP|PANIC|signal 11/, 'the server is healthy');
done_testing();
