# What a database holds of mlops.
package MlopsRegistry;
use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(read_registry half_done);

# Contents of all tables and sequences of the schema by name, roles by name; without
# what matches a pattern.
sub read_registry
{
	my ($node, $database, $except) = @_;
	my @relations = grep { !defined $except || !/$except/ } split /\n/, $node->safe_psql($database,
		"SELECT relname FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind IN ('r', 'p', 'S') ORDER BY 1");
	return map {
		$_ => $node->safe_psql($database,
			/_seq$/ ? "SELECT last_value, is_called FROM mlops.$_" : "SELECT r FROM mlops.$_ r ORDER BY r::text")
	} @relations;
}

# Versions without their bytes or of runs that have not succeeded, and runs without
# their versions; '' when there are none.
sub half_done
{
	my ($node, $database) = @_;
	return $node->safe_psql($database, q{
		SELECT 'bytes of ' || model || '/' || version FROM mlops.model_version v LEFT JOIN mlops.model_blob b USING (digest)
			WHERE v.deleted_at IS NULL AND (b.digest IS NULL OR sha256(b.bytes) <> b.digest OR length(b.bytes) <> v.size)
		UNION ALL SELECT 'run of ' || v.model || '/' || v.version FROM mlops.model_version v JOIN mlops.run r ON r.id = v.run_id
			WHERE r.status <> 'succeeded' OR r.version IS DISTINCT FROM v.version
		UNION ALL SELECT 'version of run ' || r.id FROM mlops.run r LEFT JOIN mlops.model_version v USING (model, version)
			WHERE r.kind = 'train' AND r.status = 'succeeded' AND r.version IS NOT NULL AND v.model IS NULL});
}

1;
