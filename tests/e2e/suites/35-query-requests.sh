#!/bin/bash
# Every recorded request through the query module alone: what parses, and code, message and meta of what does not.
set -eu
cd "$(dirname "$0")/../../.."
tmp=${SUITE_TMP:-$(mktemp -d "${TMPDIR:-/tmp}/nicol-test.XXXXXX")}
lib=${BUILD:-$PWD/build}/release/src
tar -xJf tests/corpus/query/sqlite.tar.xz -C "$tmp"
gcc -std=gnu11 -O2 -D_GNU_SOURCE -Iinclude -Isrc tests/corpus/run_query.c -o "$tmp/run_query" \
    "$lib"/query/libquery.a "$lib"/schema/libschema.a "$lib"/value/libvalue.a "$lib"/json/libjson.a "$lib"/base/libbase.a \
    -lcrypto -lpthread -lm
status=0
"$tmp/run_query" "$tmp"/sqlite/*.json || status=$?
[ -n "${SUITE_TMP:-}" ] || rm -rf "$tmp"
exit $status
