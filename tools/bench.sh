#!/bin/sh
# Runs every benchmark: the programs of bench/*.c, then the scripts bench/*.sh (which get NICOL, BUILD and NODE, as the
# suites of the tests do).
set -u
cd "$(dirname "$0")/.."
BUILD=$(pwd)/build
NICOL=$BUILD/nicol
NODE=$(tools/node.sh) || exit 1
export BUILD NICOL NODE
status=0
for source in bench/bench_*.c; do
    [ -e "$source" ] || continue
    program=build/release/bench/$(basename "$source" .c)
    if [ ! -x "$program" ]; then
        echo "bench: $program is not built" >&2
        status=1
        continue
    fi
    echo "== $(basename "$program")"
    "$program" || status=1
done
for script in bench/*.sh; do
    [ -x "$script" ] || continue
    echo "== $(basename "$script")"
    "$script" || status=1
done
exit $status
