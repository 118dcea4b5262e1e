#!/bin/bash
# Run test layers on a server with assertions, built from Debian's source, with mlops
# as always or under sanitizers: test/server.sh cassert|sanitize LAYER...
#
# The server lives in a folder, kept for the next time: $MLOPS_SERVERS/VERSION, by
# default below /var/tmp/mlops-servers.  Its version is that of the newest installed
# package.  Exits with 77 where the source cannot be had.
set -eu
cd "$(dirname "$0")/.."

usage="usage: test/server.sh cassert|sanitize LAYER..."
kind=${1:?$usage}
shift
version=$(ls -d /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1 | cut -d/ -f5)
root=${MLOPS_SERVERS:-/var/tmp/mlops-servers}
prefix=$root/$version
source=$root/source-$version

case $kind in
	cassert) ;;
	sanitize)
		# mlops alone is compiled with the sanitizers.  Their library comes before all
		# others; it knows where mlops reads and writes, and by test/server/ where it may.
		export COPT="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
		MLOPS_PRELOAD="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)"
		export MLOPS_PRELOAD
		# A server process leaves its memory to the end of its life, and measures its
		# stack by the addresses of variables.
		export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1
		export UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1
		;;
	*) echo "$usage"; exit 2 ;;
esac

# The sources of packages, by apt of its own: nothing of the machine's changes.
fetch_source() {
	local apt suites suite codename
	apt=$(mktemp -d)
	mkdir -p "$apt/lists/partial" "$apt/archives/partial"
	codename=$(. /etc/os-release; echo "$VERSION_CODENAME")
	suites="$codename $codename-security"
	if grep -q sid /etc/debian_version; then suites=sid; fi
	for suite in $suites; do
		case $suite in
			*-security) echo "deb-src http://deb.debian.org/debian-security $suite main" ;;
			*) echo "deb-src http://deb.debian.org/debian $suite main" ;;
		esac
	done > "$apt/sources.list"
	local options=(-qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root
		-o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt")
	apt-get "${options[@]}" update || true
	# A mirror may list a version whose files it does not have; then an older one is as good.
	local package
	for package in $(apt-cache "${options[@]}" showsrc "postgresql-$version" | sed -n 's/^Version: //p' | sort -Vr | uniq); do
		if (cd "$apt" && apt-get "${options[@]}" source --download-only "postgresql-$version=$package" > fetch.log 2>&1); then break; fi
	done
	local status=1
	if ls "$apt"/*.orig.tar.* > /dev/null 2>&1; then
		mkdir -p "$source"
		tar -x -f "$(ls "$apt"/*.orig.tar.*)" -C "$source" --strip-components=1 && touch "$source/.complete"
		status=$?
	fi
	rm -rf "$apt"
	return $status
}

if [ ! -e "$prefix/.complete" ]; then
	if [ "$(id -u)" -eq 0 ]; then
		for package in bison flex zlib1g-dev; do
			dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' ||
				{ apt-get update -qq && apt-get install -y -qq --no-install-recommends "$package" > /dev/null; }
		done
	fi
	if [ ! -e "$source/.complete" ]; then
		rm -rf "$source"
		fetch_source || { echo "the source of postgresql-$version cannot be had"; exit 77; }
	fi
	# Trees of nodes are copied, written out and read back, and a relation that nobody
	# uses leaves the cache at once.
	defines="-DCOPY_PARSE_PLAN_TREES -DWRITE_READ_PARSE_PLAN_TREES -DRAW_EXPRESSION_COVERAGE_TEST"
	defines="$defines -DRELCACHE_FORCE_RELEASE"
	build=$root/build-$version
	rm -rf "$prefix" "$build"
	mkdir -p "$build"
	shims=$PWD/test/server
	(
		cd "$build"
		"$source/configure" --quiet --prefix="$prefix" --enable-cassert --enable-debug --enable-tap-tests \
			--without-icu --without-readline CFLAGS="-O1 -g" CPPFLAGS="$defines -DUSE_VALGRIND -I$shims"
		make -s -j"$(nproc)" install
		make -s -j"$(nproc)" -C contrib/pg_stat_statements install
	) > "$build.log" 2>&1 || { tail -n 20 "$build.log"; echo "the server could not be built"; exit 1; }
	# The package's extension fits its source, too.
	cp "/usr/lib/postgresql/$version/lib/pg_cron.so" "$("$prefix/bin/pg_config" --pkglibdir)/"
	cp "/usr/share/postgresql/$version/extension/"pg_cron* "$("$prefix/bin/pg_config" --sharedir)/extension/"
	rm -rf "$build"
	touch "$prefix/.complete"
fi

echo "== $kind: $("$prefix/bin/postgres" --version), in $prefix"
test/copy_tree.sh "$root/mlops-$kind"
MLOPS_SERVER=$prefix exec "$root/mlops-$kind/test/run.sh" "$@"
