# A next version of mlops, for a copy of the installation, and what an extension consists of.
package MlopsInstall;
use strict;
use warnings;

use Cwd 'abs_path';
use Exporter 'import';
use File::Basename;
use File::Path 'mkpath';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(copy_tree make_install release extension_objects);

# A copy of what "make install" needs, built.
sub copy_tree
{
	my $tree = abs_path(PostgreSQL::Test::Utils::tempdir('tree'));
	system_or_bail('cp', '-a', qw(Makefile mlops.control src sql build mlops_trainer mlops.so test), $tree);
	return $tree;
}

# Build and install the tree there; the headers are those of the test's installation.
sub make_install
{
	my ($tree, $installation) = @_;
	my ($from, $to) = map { my $folder = `$_ --includedir`; chomp $folder; $folder } 'pg_config', "$installation/bin/pg_config";
	if (!-e $to)
	{
		mkpath(dirname($to));
		symlink($from, $to) or die "$to: $!";
	}
	system_or_bail('make', '-s', '-C', $tree, "PG_CONFIG=$installation/bin/pg_config", 'install');
}

# What a release does in a tree: freeze the script, go on under the next number, and
# carry the objects over by a script that says what changed.
sub release
{
	my ($tree, $old, $new, $upgrade) = @_;
	system_or_bail('mkdir', '-p', "$tree/sql/frozen", "$tree/sql/upgrade");
	system_or_bail('mv', "$tree/sql/mlops--$old.sql", "$tree/sql/frozen/");
	my $control = slurp_file("$tree/mlops.control");
	$control =~ s/^default_version = '\Q$old\E'/default_version = '$new'/m or die 'no version in the control file';
	unlink "$tree/mlops.control";
	append_to_file("$tree/mlops.control", $control);
	append_to_file("$tree/sql/upgrade/mlops--$old--$new.sql", $upgrade);
}

# Every object of the extension as SQL: definition, owner, rights, comment, and what
# is dumped; sorted, without OIDs.
sub extension_objects
{
	my ($node, $database) = @_;
	my ($dump, $error) = run_command([ $node->installed_command('pg_dump'), '--schema-only', '--binary-upgrade',
		'--exclude-schema', 'public', '--dbname', $node->connstr($database) ]);
	die $error if $error;
	$dump =~ s/^(\\(un)?restrict|--|SELECT pg_catalog\.binary_upgrade).*\n//mg;
	$dump =~ s/^UPDATE pg_catalog\.pg_class\n.*\n.*;\n//mg;
	my $config = $node->safe_psql($database, q{
		SELECT format('dumped: %s %s', unnest(extconfig)::regclass, unnest(extcondition)) FROM pg_extension WHERE extname = 'mlops'});
	return sort grep { /\S/ } split(/\n\n+/, $dump), split(/\n/, $config);
}

1;
