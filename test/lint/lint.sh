#!/bin/bash
# Check the rules of docs/contributing.md that a machine can check.
# Usage: lint.sh, in the top folder, after a build.  Prints each finding, then "N passed, N failed".
set -u
LC_ALL=C
cd "$(dirname "$0")/../.." || exit 2
passed=0 failed=0

# check NAME FINDINGS: a check passes when it found nothing.
check() {
	if [ -z "$2" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'lint: %s\n%s\n' "$1" "$2" | head -n 40
	fi
}

sources=$(find src -name '*.[ch]' | sort)
parts=$(ls sql/parts/*.sql)
scripts=$(find test demo -name '*.sh' -o -name '*.py' -o -name '*.pl' 2>/dev/null | sort)

check "a folder includes only folders above it" "$(awk -v order="compat base feature forest registry serve drift job trigger report trainer" '
BEGIN { n = split(order, a, " "); for (i = 1; i <= n; i++) rank[a[i]] = i }
match($0, /^#include "[a-z_]+\//) {
	dep = substr($0, 11, RLENGTH - 11); split(FILENAME, p, "/")
	if (p[2] in rank && dep in rank && rank[dep] > rank[p[2]])
		printf "%s:%d: %s must not include %s\n", FILENAME, FNR, p[2], dep
}' $sources)"

check "forest/ and trainer/ are pure C" "$(grep -n '#include "postgres.h"' $(find src/forest src/trainer -name '*.[ch]'))"

check "a file without postgres.h includes nothing of the server" "$(
	for f in $(find src -name '*.c' | xargs grep -L '#include "postgres.h"'); do
		cc -std=gnu11 -Isrc -MM "$f" > /dev/null 2>&1 || echo "$f"
	done)"

check "only trainer/ includes XGBoost" "$(grep -nE '#include .*xgboost/' $sources | grep -v '^src/trainer/')"

check "only compat/ looks at PG_VERSION_NUM" "$(grep -n 'PG_VERSION_NUM' $sources | grep -v '^src/compat/')"

check "files have at most 600 lines" "$(wc -l $sources $parts $scripts | awk '$2 != "total" && $1 > 600')"

check "functions have at most 100 lines" "$(awk '
FNR == 1 { inside = 0 }
/^\{/ { start = FNR; inside = 1 }
/^\}/ { if (inside && FNR - start > 101) printf "%s:%d: %d lines\n", FILENAME, start, FNR - start - 1; inside = 0 }
' $(find src -name '*.c'))"

check "every file has a banner" "$(for f in $sources; do head -n 1 "$f" | grep -q '^/\*---' || echo "$f"; done)"

# strings NAMES CONDITION: literals of these calls, in $_, for which the Perl condition holds.
strings() {
	perl -ne 'while (/('"$1"')(_plural)?\("((?:[^"\\]|\\.)*)"\s*[,)]/g) { $_ = $3; print "$ARGV:$.: $_\n" if '"$2"' } close ARGV if eof' $(find src -name '*.c')
}

check "primary messages start in lower case and have no final period" "$(strings errmsg '/^[A-Z][a-z ]/ || /\.$/')"

# A hint that ends with SQL to paste has no period.
check "details and hints are sentences" "$(strings 'errdetail|errhint' '$_ ne "%s" && (/^[a-z]/ && !/^mlops\./ || !/\.$/ && !/: SELECT /)')"

check "messages avoid unable, bad, illegal, unknown, can't" "$(grep -nE 'err(msg|detail|hint)\("[^"]*\b(unable|bad|illegal|unknown|[Cc]an.t)\b' $sources)"

check "every ereport(ERROR) has an SQLSTATE" "$(awk '
/ereport\((ERROR|FATAL)/ { text = $0; line = FNR; n = 0
	while (text !~ /errcode|;[ \t]*$/ && n++ < 12 && (getline more) > 0) text = text more
	if (text !~ /errcode/) printf "%s:%d\n", FILENAME, line }' $(find src -name '*.c'))"

check "hash_create names its context" "$(awk '
/(^|[^a-z_])hash_create\(/ { text = $0; line = FNR; n = 0
	while (text !~ /;[ \t]*$/ && n++ < 8 && (getline more) > 0) text = text more
	if (text !~ /HASH_CONTEXT/) printf "%s:%d\n", FILENAME, line }' $(find src -name '*.c'))"

check "no marks of unfinished work" "$(grep -nE '\b(TODO|FIXME|XXX)\b' $sources $parts $scripts Makefile README.md docs/*.md 2>/dev/null | grep -v '^test/lint/')"

check "we never kill a server process with SIGKILL" "$(grep -n 'SIGKILL' $sources | grep -vE '^src/(job/trainer_process|trainer/)')"

check "every regression test has one expected file" "$(for f in test/sql/*.sql; do
	b=$(basename "$f" .sql); [ -f "expected/$b.out" ] || echo "expected/$b.out is missing"; done
	for f in expected/*.out; do b=$(basename "$f" .out); [ -f "test/sql/$b.sql" ] || echo "$f has no test"; done)"

check "every isolation test has an expected file" "$(for f in test/isolation/specs/*.spec; do
	[ -e "$f" ] || continue; b=$(basename "$f" .spec)
	[ -f "test/isolation/expected/$b.out" ] || echo "test/isolation/expected/$b.out is missing"; done)"

check "tests wait by polling, never by sleeping" "$(grep -nE '\bsleep[( ]+[0-9.]|pg_sleep\((0\.|[1-9]\))' test/t/*.pl test/interop/*.py test/sql/*.sql 2>/dev/null | grep -v 'allowed:')"

check "nothing but folders and the built script lies in sql/" "$(find sql -maxdepth 1 -type f ! -name 'mlops--*.sql')"

check "the install script adopts nothing" "$(grep -nE 'OR REPLACE|IF NOT EXISTS' $parts)"

check "every upgrade script tells open sessions" "$(find sql/upgrade -name '*.sql' 2>/dev/null |
	xargs -r grep -L '^GRANT USAGE ON SCHEMA mlops TO PUBLIC;')"

# What pgspot looks for, as far as the rule above leaves it: the script's own search_path
# is pinned, but nobody should have to know that to trust a line of it.
check "the install script pins its search_path first" "$(grep -hvE '^(--|\\echo|$)' $parts | head -n 1 |
	grep -vx 'SET LOCAL search_path = pg_catalog, pg_temp;')"

check "the install script makes objects in schema mlops only" "$(grep -nE '^CREATE (FUNCTION|AGGREGATE|PROCEDURE|TABLE|VIEW|TYPE|DOMAIN|SEQUENCE|OPERATOR( CLASS| FAMILY)?) ' $parts |
	grep -vE 'CREATE [A-Z ]+ mlops\.')"

check "no function has another's rights, and bodies in SQL are parsed at once" "$(cat $parts | perl -0777 -ne '
	s/--[^\n]*//g;
	s/\x27(?:[^\x27]|\x27\x27)*\x27/\x27\x27/g;
	for (split /;(?=\s*(?:CREATE|COMMENT|ALTER|GRANT|REVOKE|SELECT pg_catalog|DROP|DO)\b|\s*$)/) {
		my ($name) = /^\s*CREATE (?:FUNCTION|PROCEDURE) (\S+?)\(/ or next;
		print "$name: SECURITY DEFINER\n" if /SECURITY DEFINER/;
		print "$name: body as a string\n" if /LANGUAGE (sql|plpgsql)\b/i && !/\bRETURN\s|BEGIN ATOMIC/;
	}')"

check "views and policies name the schema of operators and functions" "$(cat $parts | perl -0777 -ne '
	s/--[^\n]*//g;
	s/\x27(?:[^\x27]|\x27\x27)*\x27/\x27\x27/g;
	for (grep /^\s*CREATE (VIEW|POLICY) /, split /;/) {
		my ($name) = /(?:VIEW|POLICY) (\S+)/;
		s/OPERATOR\(pg_catalog\.[^)]*\)//g;
		while (m{\s([=<>+*/|~\@%^&!-]+)\s}g) { print "$name: operator $1\n" unless $1 eq "*" && $` =~ /SELECT$/ }
		while (/(\bAS )?(?<![.\w])(\w+)\s*\(/g) {
			print "$name: function $2\n" unless $1 || $2 =~ /^(coalesce|nullif|greatest|least|exists|any|all|array|in|lateral|operator|using|filter|over|values|from|as|on|and|or|not|when|then|else|select|by|with|where|join)$/i;
		}
	}')"

check "every function has volatility, a parallel label and a comment" "$(cat $parts | awk '
BEGIN { RS = ";"; IGNORECASE = 1 }
/CREATE (FUNCTION|AGGREGATE|PROCEDURE) mlops\./ {
	match($0, /CREATE (FUNCTION|AGGREGATE|PROCEDURE) mlops\.[a-z_0-9]+/); decl = substr($0, RSTART, RLENGTH)
	n = split(decl, w, "."); name = w[n]; seen[name] = 1
	if (decl ~ /FUNCTION/ && $0 !~ /(VOLATILE|STABLE|IMMUTABLE)/) print name ": no volatility"
	if (decl !~ /PROCEDURE/ && $0 !~ /PARALLEL/) print name ": no parallel label"
}
/COMMENT ON (FUNCTION|AGGREGATE|PROCEDURE) mlops\./ {
	match($0, /COMMENT ON (FUNCTION|AGGREGATE|PROCEDURE) mlops\.[a-z_0-9]+/)
	n = split(substr($0, RSTART, RLENGTH), w, "."); commented[w[n]] = 1
}
END { for (f in seen) if (!(f in commented)) print f ": no comment" }' | sort)"

check "docs/reference.md names every SQL object" "$(cat $parts |
	grep -oE 'CREATE (FUNCTION|AGGREGATE|PROCEDURE|TABLE|VIEW|TYPE) mlops\.[a-z_0-9]+' |
	sed 's/.*mlops\.//' | sort -u | while read -r o; do
	grep -qE "\\b$o\\b" docs/reference.md 2>/dev/null || echo "$o"; done)"

check "docs/reference.md names every parameter of XGBoost and every objective" "$(sed -nE 's/^\t\{"([a-z_:]+)", (PARAM|TASK)_.*/\1/p' src/job/params.c |
	while read -r p; do grep -q "\`$p\`" docs/reference.md || echo "$p"; done)"

check "docs/reference.md names every setting" "$(grep -ohE '"mlops\.[a-z_]+"' src/*/*.c | tr -d '"' | sort -u |
	while read -r s; do grep -q "$s" docs/reference.md 2>/dev/null || echo "$s"; done)"

if [ -f mlops.so ]; then
	check "mlops.so exports its entry points only" "$(nm -D --defined-only mlops.so | awk '{print $NF}' |
		grep -vE '^(Pg_magic_func|_PG_init|pg_finfo_mlops_sql_[a-z0-9_]+|mlops_sql_[a-z0-9_]+|mlops_[a-z]+_main)$')"
	check "mlops.so does not link XGBoost or OpenMP" "$(ldd mlops.so | grep -E 'xgboost|gomp|stdc\+\+')"
	check "mlops_trainer links XGBoost" "$(ldd mlops_trainer | grep -q xgboost || echo 'no libxgboost in ldd mlops_trainer')"
	if pg_bsd_indent --version 2>&1 | grep -q ' 2\.1\.1 '; then
		check "sources are indented (make indent)" "$(test/lint/indent.sh --check)"
	fi
else
	check "the library is built" "mlops.so is missing: run make first"
fi

echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
