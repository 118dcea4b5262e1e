#!/bin/bash
# Build, copy the PostgreSQL installation, install mlops into the copy, and run
# the named layers there as an unprivileged user: lint unit fuzz interop sql
# isolation tap, parts of them (identity models exchange), bench demo soak.  Ends
# with "N passed, N failed".
#
# Nothing outside a temporary folder changes: no server is touched but the ones
# started here.  $MLOPS_SERVER is an installation of PostgreSQL to use instead of
# the newest package, $MLOPS_PRELOAD libraries that its programs load first.
set -u
cd "$(dirname "$0")/.." || exit 2
source_dir=$PWD

server=${MLOPS_SERVER:-$(ls -d /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1 | xargs dirname | xargs dirname)}
export PG_CONFIG=$server/bin/pg_config
jobs=$(nproc)

make -s -j"$jobs" PG_CONFIG="$PG_CONFIG" all || { echo "build failed"; echo "0 passed, 1 failed"; exit 1; }

work=$(mktemp -d /tmp/mlops-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# The installation can be moved: its programs find everything relative to themselves.
version=$(basename "$server")
private=$work/usr/lib/postgresql/$version
mkdir -p "$work/usr/lib/postgresql" "$work/usr/share/postgresql" "$work/usr/include"
cp -a "$server" "$private"
if [ -z "${MLOPS_SERVER:-}" ]; then
	# Debian keeps two of its folders elsewhere.
	ln -s /usr/include/postgresql "$work/usr/include/postgresql"
	cp -a "/usr/share/postgresql/$version" "$work/usr/share/postgresql/$version"
fi
make -s PG_CONFIG="$private/bin/pg_config" install > /dev/null || { echo "install failed"; exit 1; }

# The tree, where the unprivileged user can write.
mkdir "$work/mlops"
tar -c --exclude=.git -C "$source_dir" . | tar -x -C "$work/mlops"

user=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
	user=postgres
	chown -R postgres: "$work"
fi

as_user() {
	if [ "$(id -un)" = "$user" ]; then "$@"; else runuser -u "$user" -- "$@"; fi
}

as_user env -C "$work/mlops" \
	PATH="$private/bin:$PATH" PG_CONFIG="$private/bin/pg_config" \
	HOME="$work" TMPDIR="$work" LC_ALL=C.UTF-8 CI="${CI:-}" LD_PRELOAD="${MLOPS_PRELOAD:-}" \
	bash test/layers.sh "$@"
