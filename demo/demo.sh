#!/bin/bash
# Show the main job on real data: start a throwaway cluster, load four tables,
# train, watch, predict; then remove the cluster.  Called by "make demo".
set -eu
cd "$(dirname "$0")"

work=$(mktemp -d "${TMPDIR:-/tmp}/mlops-demo.XXXXXX")
trap 'pg_ctl -D "$work/data" -m fast -w stop > /dev/null 2>&1 || true; rm -rf "$work"' EXIT

# The tables that scikit-learn carries, from Debian's package; nothing of it is run.
data=/usr/lib/python3/dist-packages/sklearn/datasets/data
if [ ! -d "$data" ]; then
	(cd "$work" && apt-get download -qq python3-sklearn > /dev/null && dpkg -x python3-sklearn_*.deb sklearn)
	data=$work/sklearn$data
fi

initdb -D "$work/data" -U postgres --auth=trust --no-sync > "$work/initdb.log"
cat >> "$work/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$work'
port = 54329
fsync = off
shared_preload_libraries = 'mlops'
CONF
pg_ctl -D "$work/data" -l "$work/server.log" -w start > /dev/null

export PGHOST=$work PGPORT=54329 PGDATABASE=demo
psql -qX -U postgres -d postgres -v ON_ERROR_STOP=1 -f setup.sql
export PGUSER=analyst
./load.sh "$data" | psql -qX -v ON_ERROR_STOP=1 > /dev/null
psql -X --echo-queries -v ON_ERROR_STOP=1 < demo.sql 2>&1

# A fresh connection has no memory of the first: the model comes from the registry.
psql -X --echo-queries -v ON_ERROR_STOP=1 < again.sql 2>&1

# The second part: a table that is watched, drifts, and has its model replaced.
psql -qX -v ON_ERROR_STOP=1 -f loop_setup.sql
PGOPTIONS='-c client_min_messages=warning' psql -X --echo-queries -v ON_ERROR_STOP=1 < loop.sql 2>&1
