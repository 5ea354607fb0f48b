#!/bin/bash
# The one test runner; `make test` and .ci/run call it. Runs everything, prints a line per step and a table at the end,
# keeps logs in build/test-logs/, and ends with "N passed, N failed"; the exit status is 1 when anything failed.
#
#   tools/test.sh [STEP...]     only some steps: style format tools build unit e2e fuzz
#   SUITES="10-query 20-http"   only these suites of tests/e2e/suites
#   NICOL=build/asan/src/cli/nicol   another program for the suites, here the one with sanitizers
#   FUZZ_SECONDS=20             per fuzz target; SUITE_SECONDS=900: the longest a suite may run
#
# A suite is an executable tests/e2e/suites/NAME.sh. It runs in the root of the checkout with NICOL (the program), BUILD
# (the build folder), NODE (a node that is new enough; its folder is first in PATH) and SUITE_TMP (an empty folder that
# is removed afterwards) in its environment, stops what it starts, and ends with a line "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 2
BUILD=$PWD/build
NICOL=${NICOL:-$BUILD/nicol}
LOGS=$BUILD/test-logs
export BUILD NICOL
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
mkdir -p "$LOGS"

steps=${*:-style format tools build unit e2e fuzz}
passed=0
failed=0
table=""
begun=$SECONDS
job=""
# Nothing that a suite started outlives an interrupted run.
trap '[ -n "$job" ] && kill -KILL -- "-$job" 2>/dev/null; exit 130' INT TERM

# note NAME PASSED FAILED SECONDS LOG: one row of the table
note() {
    passed=$((passed + $2))
    failed=$((failed + $3))
    local row
    row=$(printf '%-34s %7d passed %5d failed %5d s' "$1" "$2" "$3" "$4")
    [ "$3" -gt 0 ] && row="$row   see ${5#"$PWD"/}"
    table="$table$row"$'\n'
    printf '%s\n' "$row"
}

wants() {
    case " $steps " in *" $1 "*) return 0 ;; esac
    return 1
}

# check NAME COMMAND...: a step that is one test; what it prints is shown when it fails
check() {
    local name=$1 log start=$SECONDS
    log=$LOGS/$(tr -cs 'A-Za-z0-9_\n' '-' <<<"$name").log
    shift
    if "$@" >"$log" 2>&1; then
        note "$name" 1 0 $((SECONDS - start)) "$log"
    else
        tail -n 40 "$log"
        note "$name" 0 1 $((SECONDS - start)) "$log"
        return 1
    fi
}

# counted NAME LOG STATUS SECONDS: reads the closing "N passed, N failed" of a log
counted() {
    local line p=0 f=0
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$2" | tail -n 1)
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
        p=${BASH_REMATCH[1]}
        f=${BASH_REMATCH[2]}
    else
        echo "$1: no closing line \"N passed, N failed\" (exit status $3)"
        f=1
    fi
    # A suite that says "0 failed" and exits with an error, or that checked nothing, has failed.
    if [ "$f" -eq 0 ] && { [ "$3" -ne 0 ] || [ "$p" -eq 0 ]; }; then
        echo "$1: exit status $3 with $p passed"
        f=1
    fi
    [ "$f" -gt 0 ] && tail -n 30 "$2"
    note "$1" "$p" "$f" "$4" "$2"
}

# Database servers for the unit tests of the drivers: they are told where by NICOL_TEST_PG_URL and NICOL_TEST_MY_URL. One that is
# set already is used as it is.
servers=""
start_servers() {
    local log=$LOGS/servers-
    servers=$(mktemp -d "${TMPDIR:-/tmp}/nicol-servers.XXXXXX")
    chmod 755 "$servers"
    if [ -z "${NICOL_TEST_PG_URL:-}" ]; then
        NICOL_TEST_PG_URL=$(tests/servers/pg.sh start "$servers/pg" 2>"${log}pg.log") ||
            { cat "${log}pg.log"; note "PostgreSQL for the unit tests" 0 1 0 "${log}pg.log"; }
    fi
    if [ -z "${NICOL_TEST_MY_URL:-}" ]; then
        NICOL_TEST_MY_URL=$(tests/servers/mariadb.sh start "$servers/my" 2>"${log}my.log") ||
            { cat "${log}my.log"; note "MariaDB for the unit tests" 0 1 0 "${log}my.log"; }
    fi
    export NICOL_TEST_PG_URL NICOL_TEST_MY_URL
}
stop_servers() {
    [ -n "$servers" ] || return 0
    [ -d "$servers/pg" ] && tests/servers/pg.sh stop "$servers/pg"
    [ -d "$servers/my" ] && tests/servers/mariadb.sh stop "$servers/my"
    rm -rf "$servers"
    servers=""
}
trap stop_servers EXIT

# All unit tests of one build, two at a time. A program that crashes, prints no plan or prints another number of results
# than it planned counts as one failure more.
unit() {
    local dir=$1 name=$2 start=$SECONDS log p=0 f=0
    local logs=$LOGS/unit-$(basename "$dir")
    rm -rf "$logs"
    mkdir -p "$logs"
    if [ -z "$(find "$dir/tests/unit" -maxdepth 1 -type f -name 'test_*' 2>/dev/null | head -n 1)" ]; then
        echo "$dir: nothing is built"
        note "$name" 0 1 0 "$logs"
        return
    fi
    for source in tests/unit/test_*.c; do basename "$source" .c; done |
        NICOL_SOURCE=$PWD NICOL_BUILD=$PWD/$dir xargs -P "$(nproc)" -I{} sh -c \
            'timeout 600 "$1/tests/unit/{}" >"$2/{}.log" 2>&1; echo "exit $?" >>"$2/{}.log"' sh "$dir" "$logs"
    for log in "$logs"/*.log; do
        [ -e "$log" ] || continue
        local good bad plan
        good=$(grep -c '^ok ' "$log")
        bad=$(grep -c '^not ok ' "$log")
        plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" | tail -n 1)
        if [ "$bad" -eq 0 ] && { [ "$(tail -n 1 "$log")" != "exit 0" ] || [ "$plan" != "$good" ]; }; then
            bad=1
            [ -x "$dir/tests/unit/$(basename "$log" .log)" ] ||
                echo "not built: add a row for $(basename "$log" .log) to tests/unit/meson.build"
        fi
        if [ "$bad" -gt 0 ]; then
            echo "--- $(basename "$log")"
            { grep -A 4 '^not ok ' "$log" || tail -n 30 "$log"; } | head -n 40
        fi
        p=$((p + good))
        f=$((f + bad))
    done
    note "$name" "$p" "$f" $((SECONDS - start)) "$logs"
}

e2e() {
    local suite name log start tmp
    NODE=$(tools/node.sh) || { note "e2e: no node" 0 1 0 tools/node.sh; return; }
    export NODE
    for suite in tests/e2e/suites/*.sh; do
        [ -x "$suite" ] || continue
        name=$(basename "$suite" .sh)
        case " ${SUITES:-$name} " in *" $name "*) ;; *) continue ;; esac
        log=$LOGS/e2e-$name.log
        start=$SECONDS
        tmp=$(mktemp -d "${TMPDIR:-/tmp}/nicol-test.XXXXXX")
        # A group of its own, so that what a suite left running can be stopped with it.
        SUITE_TMP=$tmp PATH=$(dirname "$NODE"):$PATH setsid timeout -k 10 "${SUITE_SECONDS:-900}" "$suite" >"$log" 2>&1 </dev/null &
        job=$!
        wait $job
        local status=$?
        kill -KILL -- "-$job" 2>/dev/null
        job=""
        rm -rf "$tmp"
        counted "e2e $name" "$log" $status $((SECONDS - start))
    done
}

wants style && check "style: layers, banned calls, sizes" tools/check-style.sh
wants format && check "format" tools/format.sh check
if wants tools; then
    for suite in tests/tools/*.sh; do
        [ -x "$suite" ] || continue
        start=$SECONDS
        log=$LOGS/tools-$(basename "$suite" .sh).log
        "$suite" >"$log" 2>&1
        counted "tools $(basename "$suite" .sh)" "$log" $? $((SECONDS - start))
    done
fi
if wants build; then
    check "build: gcc" tools/build.sh release -k 0 # what can be built is, and tested
    check "build: clang, sanitizers" tools/build.sh asan -k 0
    check "libraries export only nicol_" tools/check-symbols.sh "$BUILD"
fi
if wants unit; then
    start_servers
    unit build/release "unit, gcc -O2"
    unit build/asan "unit, clang, ASan and UBSan"
    stop_servers
fi
wants e2e && e2e
if wants fuzz; then
    start=$SECONDS
    tools/fuzz.sh "${FUZZ_SECONDS:-20}" >"$LOGS/fuzz.log" 2>&1
    counted "fuzz, ${FUZZ_SECONDS:-20} s each" "$LOGS/fuzz.log" $? $((SECONDS - start))
fi

printf '\n%s\n%slogs in build/test-logs, %d s in all\n' "--- summary" "$table" $((SECONDS - begun))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
