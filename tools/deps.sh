#!/bin/sh
# Makes sure that what a goal needs is there: tools/deps.sh build|run|test|bench|fuzz|format.
# Looks for the thing itself, not for the package, so that a compiler or library that came another way is fine. As root
# it installs what is missing from Debian packages; otherwise it says exactly what to install and exits 1.
set -eu
cd "$(dirname "$0")/.."

goal=${1:-build}
missing=""

# need PACKAGE CHECK...: the Debian package that brings it, and how to see that it is there.
need() {
    package=$1
    shift
    if ! "$@" >/dev/null 2>&1; then missing="$missing $package"; fi
}
has() { command -v "$1"; }
has_file() { for f in "$@"; do [ -e "$f" ] && return 0; done; return 1; }
has_clang() { command -v clang-14 || command -v clang; }

needs_build() {
    need gcc has gcc
    need libc6-dev has_file /usr/include/stdio.h
    need binutils has objcopy
    need meson has meson
    need ninja-build has ninja
    need pkg-config has pkg-config
    need libsqlite3-dev pkg-config --exists sqlite3
    need libpq-dev pkg-config --exists libpq
    need libmariadb-dev pkg-config --exists libmariadb
    need libssl-dev pkg-config --exists openssl
    need libxxhash-dev pkg-config --exists libxxhash
}
needs_run() {
    needs_build
    need sqlite3 has sqlite3
    need curl has curl
    need ca-certificates has_file /etc/ssl/certs/ca-certificates.crt
}
has_runtime() {
    dir=$("$(has_clang)" --print-resource-dir 2>/dev/null) && ls "$dir"/lib/*/*fuzzer* "$dir"/lib/*/*asan*
}
needs_clang() {
    need clang has_clang
    need libclang-rt-14-dev has_runtime
}
needs_format() {
    need clang-format-14 has clang-format-14
}
needs_bench() {
    needs_run
    need libjansson-dev pkg-config --exists jansson
    need wrk has wrk
}
# What npm's better-sqlite3, the peer of a benchmark, is compiled with.
needs_peer() {
    need g++ has g++
    need make has make
    need python3 has python3
}
needs_test() {
    needs_bench
    needs_clang
    needs_format
    need openssl has openssl
    need chromium has chromium
    need procps has ps
    need xz-utils has xz
    need postgresql has_file /usr/lib/postgresql/*/bin/initdb /usr/local/bin/initdb
    need postgresql-client has psql
    need pgbouncer has_file /usr/sbin/pgbouncer
    need mariadb-server has_file /usr/sbin/mariadbd
    need mariadb-client has mariadb
}

collect() {
    missing=""
    case $goal in
    build) needs_build ;;
    run) needs_run ;;
    test) needs_test ;;
    bench) needs_bench; needs_peer ;;
    fuzz) needs_build; needs_clang ;;
    format) needs_format ;;
    *) echo "usage: tools/deps.sh build|run|test|bench|fuzz|format" >&2; exit 2 ;;
    esac
}

collect
if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "'make $goal' needs Debian packages that are not installed. As root:" >&2
        echo "    apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    echo "installing$missing" >&2
    apt-get update -qq >&2
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
    collect
    if [ -n "$missing" ]; then
        echo "still missing after the installation:$missing" >&2
        exit 1
    fi
fi

# The example programs and the tests of the clients run on Node.
case $goal in
run | test | bench) tools/node.sh >/dev/null ;;
esac
