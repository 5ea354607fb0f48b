#!/bin/bash
# The recorded scenarios once more, in one process and without a server: under the sanitizers when that build is there, so
# that a leak or a wrong access in the whole way from request to answer is a failure.
set -eu
cd "$(dirname "$0")/../../.."
tmp=${SUITE_TMP:-$(mktemp -d "${TMPDIR:-/tmp}/nicol-test.XXXXXX")}
build=${BUILD:-$PWD/build}
program=$build/asan/tests/unit/run_ops
[ -x "$program" ] || program=$build/release/tests/unit/run_ops
tar -xJf tests/corpus/query/sqlite.tar.xz -C "$tmp"
status=0
"${NODE:-node}" tests/corpus/compare_ops.mjs "$program" tests/corpus/query/known.json "$tmp"/sqlite/*.json || status=$?
[ -n "${SUITE_TMP:-}" ] || rm -rf "$tmp"
exit $status
