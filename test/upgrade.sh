#!/bin/bash
# pg_upgrade of a database with models, runs, rights, a monitor and logged predictions,
# from the PostgreSQL of this machine (Debian 12) to those of Debian 13 and sid.
# Usage: test/upgrade.sh [SUITE...]; root; ends with "N passed, N failed".
#
# The folders of test/platform.sh are the lower layers of mounts that end with the
# script.  An old server needs its own libraries beside the new ones, and gets them.
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" -ne 0 ]; then echo "folders of other releases need root"; exit 1; fi
if [ -z "${MLOPS_UPGRADE:-}" ]; then
	MLOPS_UPGRADE=$(mktemp -d /var/tmp/mlops-upgrade.XXXXXX)
	export MLOPS_UPGRADE
	status=0
	unshare --mount "$0" "$@" || status=$?
	rm -rf --one-file-system "$MLOPS_UPGRADE"
	exit $status
fi
work=$MLOPS_UPGRADE
chmod 755 "$work"
platforms=${MLOPS_PLATFORMS:-/var/tmp/mlops-platforms}
passed=0 failed=0

# same NAME WANTED GOT
same() {
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1)) && echo "ok - $1"
	else
		failed=$((failed + 1)) && printf 'not ok - %s\nwanted %s\ngot    %s\n' "$1" "$2" "$3"
	fi
}

# inside ROOT COMMAND...: as postgres, with the root's own PostgreSQL unless told otherwise.
inside() {
	local root=$1
	shift
	chroot "$root" env -i HOME=/upgrade PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 PGHOST=/upgrade PGPORT=7777 PGDATABASE=postgres \
		setpriv --reuid postgres --regid postgres --clear-groups -- "$@"
}

# enter SUITE LOWER: a root of that release that can be written to, with this tree
# installed; built anew unless it is this machine's.
enter() {
	local root=$work/$1 clean=clean
	if [ "$2" = / ]; then clean=all; fi
	mkdir -p "$work/$1.upper" "$work/$1.work" "$root"
	mount -t overlay overlay -o "lowerdir=$2,upperdir=$work/$1.upper,workdir=$work/$1.work" "$root"
	for folder in proc dev sys; do mount --rbind "/$folder" "$root/$folder"; done
	rm -rf "$root/upgrade"
	mkdir -p "$root/upgrade/mlops"
	tar -c --exclude=.git . | tar -x -C "$root/upgrade/mlops"
	chroot "$root" sh -c "cd /upgrade/mlops && make -s with_llvm=no $clean && make -s -j2 with_llvm=no &&
		make -s with_llvm=no install > /dev/null && chown -R postgres: /upgrade"
}

server_version() { ls "$1/usr/lib/postgresql" | sort -n | tail -n 1; }

# lend FROM TO: the server of root FROM, with the libraries that root TO lacks.
lend() {
	local version lib
	version=$(server_version "$1")
	cp -a "$1/usr/lib/postgresql/$version" "$2/usr/lib/postgresql/"
	cp -a "$1/usr/share/postgresql/$version" "$2/usr/share/postgresql/"
	mkdir -p "$2/opt/lent"
	chroot "$1" sh -c "ldd /usr/lib/postgresql/$version/bin/* /usr/lib/postgresql/$version/lib/mlops.so" | awk '$3 ~ /^\// { print $3 }' | sort -u |
		while read -r lib; do
			[ -e "$2$lib" ] || [ -e "$2/usr$lib" ] || cp -L "$1$lib" "$2/opt/lent/"
		done
	echo /opt/lent > "$2/etc/ld.so.conf.d/lent.conf"
	chroot "$2" ldconfig
}

running=
trap 'if [ -n "$running" ]; then stop $running; fi' EXIT
start() { running="$1 $2"; inside "$1" "/usr/lib/postgresql/$2/bin/pg_ctl" -D "/upgrade/data$2" -l "/upgrade/log$2" -w -t 120 start > /dev/null; }
stop() { inside "$1" "/usr/lib/postgresql/$2/bin/pg_ctl" -D "/upgrade/data$2" -m fast -w stop > /dev/null; running=; }
sql() { inside "$1" psql -X -q -A -t -v ON_ERROR_STOP=1 -f - <<< "$2"; }

create() {
	inside "$1" "/usr/lib/postgresql/$2/bin/initdb" -D "/upgrade/data$2" --no-locale -E UTF8 $3 > /dev/null
	cat >> "$1/upgrade/data$2/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '/upgrade'
		port = 7777
		fsync = off
		max_worker_processes = 16
		shared_preload_libraries = 'mlops'
	CONF
}

# wait_until ROOT CONDITION
wait_until() {
	for _ in $(seq 600); do
		if [ "$(sql "$1" "SELECT $2")" = t ]; then return 0; fi
		sleep 0.2
	done
	return 1
}

# Everything that must be the same afterwards.
state() {
	sql "$1" "SELECT 'model', m FROM mlops.model m ORDER BY 2"
	sql "$1" "SELECT 'version', model, version, digest, signature, created_by, run_id FROM mlops.model_version ORDER BY 2, 3"
	sql "$1" "SELECT 'run', id, status, attempt, submitted_by FROM mlops.run ORDER BY 2"
	sql "$1" "SELECT 'right', p FROM mlops.model_privilege p ORDER BY 2"
	sql "$1" "SELECT 'alias', a FROM mlops.alias a ORDER BY 2"
	sql "$1" "SELECT 'monitor', name, relation, owner FROM mlops.monitor"
	sql "$1" "SELECT 'log', l FROM mlops.prediction_log l ORDER BY id"
	sql "$1" "SELECT 'reference', r FROM mlops.model_reference r ORDER BY r::text"
	sql "$1" "SET ROLE reader; SELECT sum(mlops.predict('flower', f)), sum(mlops.predict('flower/1', f)), sum(flower_score(a, b)) FROM flower f"
	sql "$1" "SELECT p.oid::regprocedure, proacl FROM pg_proc p WHERE pronamespace = 'mlops'::regnamespace ORDER BY p.oid::regprocedure::text"
}

mount --make-rprivate /
old=$work/base
enter base /
version=$(server_version "$old")
create "$old" "$version" ""
start "$old" "$version"
sql "$old" "
	CREATE EXTENSION mlops; CREATE ROLE alice LOGIN; CREATE ROLE reader;
	GRANT CREATE ON SCHEMA public TO alice; GRANT EXECUTE ON FUNCTION mlops.train TO alice;
	SET ROLE alice; SELECT setseed(0.5);
	CREATE TABLE flower AS SELECT i AS id, random() AS a, random() AS b, random() > 0.5 AS big FROM generate_series(1, 2000) i;
	GRANT SELECT ON flower TO reader;
	SELECT mlops.train('flower', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 10)" > /dev/null
wait_until "$old" "count(*) = 1 FROM mlops.model_version"
sql "$old" "
	ALTER SYSTEM SET mlops.max_concurrent_runs = 0; SELECT pg_reload_conf();
	SET ROLE alice;
	SELECT mlops.grant_model('flower', 'reader', 'predict'), mlops.create_function('flower', 'flower_score');
	SELECT mlops.predict_logged('flower', id::text, f) FROM flower f WHERE id < 10;
	SELECT mlops.create_monitor('watch', 'flower', 'flower', window_rows => 100)" > /dev/null 2>&1
wait_until "$old" "current_setting('mlops.max_concurrent_runs') = '0'"
sql "$old" "SET ROLE alice; SELECT mlops.train('flower', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => i) FROM generate_series(3, 4) i" > /dev/null 2>&1
wait_until "$old" "count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'"
sql "$old" "UPDATE mlops.run SET status = 'running', attempt = 1, started_at = now() WHERE id = 3"
before=$(state "$old")
stop "$old" "$version"

for suite in "${@:-trixie}"; do
	new=$work/$suite
	enter "$suite" "$platforms/$suite"
	old_version=$version
	version=$(server_version "$new")
	lend "$old" "$new"
	cp -a "$old/upgrade/data$old_version" "$new/upgrade/"
	chroot "$new" chown -R postgres: /upgrade
	create "$new" "$version" "$([ "$version" -lt 18 ] || echo --no-data-checksums)"
	echo "mlops.max_concurrent_runs = 0" >> "$new/upgrade/data$version/postgresql.conf"
	if inside "$new" sh -c "cd /upgrade && /usr/lib/postgresql/$version/bin/pg_upgrade -b /usr/lib/postgresql/$old_version/bin -B /usr/lib/postgresql/$version/bin \
		-d /upgrade/data$old_version -D /upgrade/data$version" > "$work/pg_upgrade.log" 2>&1; then same "U05: pg_upgrade from $old_version to $version" 0 0
	else
		same "U05: pg_upgrade from $old_version to $version" 0 "$(tail -n 20 "$work/pg_upgrade.log"; tail -n 20 "$new"/upgrade/data"$version"/pg_upgrade_output.d/*/log/*)"
		break
	fi
	start "$new" "$version"
	same "U05: $version: models, runs, rights, log and predictions are the same" "$before" "$(state "$new")"
	same "U05: $version: rows of a watched table are counted" 1 \
		"$(sql "$new" "INSERT INTO flower VALUES (0, 0.5, 0.5, true); SELECT count(*) FROM mlops.drift_state; DELETE FROM flower WHERE id = 0; DELETE FROM mlops.drift_state")"
	if [ "$suite" = "${*: -1}" ] || [ $# -eq 0 ]; then
		sql "$new" "ALTER SYSTEM SET mlops.max_concurrent_runs = 2; SELECT pg_reload_conf()" > /dev/null
		wait_until "$new" "count(*) FILTER (WHERE status = 'succeeded') = 3 FROM mlops.run" || true
		same "U05: $version: what was queued or running is done" "succeeded succeeded succeeded" \
			"$(sql "$new" "SELECT string_agg(status, ' ') FROM mlops.run")"
	fi
	stop "$new" "$version"
	old=$new
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
