#!/bin/bash
# Indent the sources as PostgreSQL's are; with --check print the files that differ.
# Names of types come from our own declarations and the server's headers.
set -eu
cd "$(dirname "$0")/../.."
command -v pg_bsd_indent > /dev/null || { echo "pg_bsd_indent is missing"; exit 1; }
typedefs=$(mktemp) scratch=$(mktemp)
trap 'rm -f "$typedefs" "$scratch"' EXIT
files=$(find src test -name '*.[ch]' | sort)
{
	find $files "$("${PG_CONFIG:-pg_config}" --includedir-server)" -name '*.[ch]' -print0 |
		xargs -0 sed -nE 's/^\} ?([A-Za-z_][A-Za-z0-9_]+);$/\1/p; s/^typedef [^(]*[ *]([A-Za-z_][A-Za-z0-9_]+)(\[[^]]*\])?;[ \t]*(\/\*.*)?$/\1/p; s/^typedef .*\(\*([A-Za-z_][A-Za-z0-9_]+)\).*/\1/p'
	printf '%s\n' bool size_t ssize_t pid_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t
} | sort -u > "$typedefs"

for file in $files; do
	# A return type that is a pointer stands on its own line as "type *".
	pg_bsd_indent -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79 \
		-lp -lpl -nip -npro -sac -tpg -ts4 -U"$typedefs" < "$file" 2> /dev/null |
		sed -E 's/^([A-Za-z_][A-Za-z0-9_ ]*[A-Za-z0-9_])[ \t]+(\*+)$/\1 \2/' > "$scratch"
	cmp -s "$file" "$scratch" && continue
	if [ "${1:-}" = --check ]; then echo "$file"; else cat "$scratch" > "$file"; fi
done
