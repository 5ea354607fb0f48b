#!/bin/sh
# Builds the fuzz targets with clang and runs each for some seconds: tools/fuzz.sh SECONDS. What was found (a file to
# feed to the target) lies in build/fuzz-found/. Inputs to start from are in fuzz/corpus/<target>/; what is learned is
# kept in build/fuzz-corpus/. Ends with "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-20}
tools/build.sh fuzz -k 0 || true # what could not be built is reported below
mkdir -p build/fuzz-found
good=0
bad=0
for source in fuzz/fuzz_*.c; do
    [ -e "$source" ] || continue
    name=$(basename "$source" .c)
    target=build/fuzz/fuzz/$name
    learned=build/fuzz-corpus/$name
    mkdir -p "$learned"
    seeds=""
    [ -d "fuzz/corpus/$name" ] && seeds=fuzz/corpus/$name
    dict=""
    [ -f "fuzz/$name.dict" ] && dict=-dict=fuzz/$name.dict
    if [ ! -x "$target" ]; then
        echo "not ok: $name is not built (a row in fuzz/meson.build?)"
        bad=$((bad + 1))
    # shellcheck disable=SC2086 # both may be empty
    elif "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 $dict \
        -artifact_prefix="build/fuzz-found/$name-" "$learned" $seeds >"build/fuzz-found/$name.log" 2>&1; then
        echo "ok: $name, $(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz-found/$name.log") inputs in $seconds s"
        good=$((good + 1))
    else
        echo "not ok: $name; see build/fuzz-found/$name.log"
        tail -n 25 "build/fuzz-found/$name.log"
        bad=$((bad + 1))
    fi
done
echo "$good passed, $bad failed"
[ "$bad" -eq 0 ]
