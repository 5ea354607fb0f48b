#!/bin/bash
# The test runner itself: what it must count as a failure, on suites and unit tests made for it.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/nicol-test.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
passed=0
failed=0
ok() { # ok NAME CONDITION...
    local name=$1
    shift
    if "$@"; then
        echo "ok - $name"
        passed=$((passed + 1))
    else
        echo "not ok - $name"
        sed 's/^/    /' "$tmp/out"
        failed=$((failed + 1))
    fi
}
run() {
    (cd "$tmp" && NICOL_TEST_PG_URL=${pg-none} NICOL_TEST_MY_URL=none SUITE_SECONDS=3 tools/test.sh "$@" >"$tmp/out" 2>&1)
    echo $? >"$tmp/status"
}
ends() { [ "$(tail -n 1 "$tmp/out")" = "$1" ] && [ "$(cat "$tmp/status")" = "$2" ]; }
shows() { grep -qE -- "$1" "$tmp/out"; }
suite() { # suite NAME TEXT
    printf '#!/bin/bash\n%s\n' "$2" >"$tmp/tests/e2e/suites/$1.sh"
    chmod +x "$tmp/tests/e2e/suites/$1.sh"
}

mkdir -p "$tmp"/{tools,tests/e2e/suites,tests/unit,build/release/tests/unit,build/asan/tests/unit}
cp "$root/tools/test.sh" "$tmp/tools"
printf '#!/bin/sh\necho /usr/bin/true\n' >"$tmp/tools/node.sh"
chmod +x "$tmp/tools/node.sh"

suite 10-good 'echo "some text"; [ -n "$NICOL$BUILD$NODE" ] && [ -d "$SUITE_TMP" ] && echo "3 passed, 0 failed"'
suite 20-more 'echo "4 passed, 0 failed"'
run e2e
ok "sums add up" ends "7 passed, 0 failed" 0
suite 30-red 'echo "2 passed, 1 failed"; exit 1'
run e2e
ok "a failure is counted" ends "9 passed, 1 failed" 1
ok "and its log is named" shows 'e2e 30-red .*see build/test-logs/e2e-30-red.log'
SUITES="10-good 20-more" run e2e
ok "suites can be chosen" ends "7 passed, 0 failed" 0
suite 30-red 'echo "2 passed, 0 failed"; exit 1'
run e2e
ok "an exit status without a failure counts" ends "9 passed, 1 failed" 1
suite 30-red 'echo "all is well"'
run e2e
ok "no closing line counts" ends "7 passed, 1 failed" 1
suite 30-red 'echo "0 passed, 0 failed"'
run e2e
ok "a suite that checks nothing counts" ends "7 passed, 1 failed" 1
suite 30-red 'sleep 300 & echo $! >'"$tmp/left"'; echo "1 passed, 0 failed"; sleep 60'
run e2e
ok "a suite that hangs is stopped" ends "8 passed, 1 failed" 1
sleep 0.2
gone() { case $(ps -o stat= -p "$(cat "$tmp/left")") in "" | Z*) return 0 ;; esac; return 1; } # nobody may reap it in a container
ok "with what it started" gone

unit() { # unit NAME TEXT: a program, the same in both builds
    local dir
    echo '/* */' >"$tmp/tests/unit/test_$1.c"
    for dir in release asan; do
        printf '#!/bin/sh\n%s\n' "$2" >"$tmp/build/$dir/tests/unit/test_$1"
        chmod +x "$tmp/build/$dir/tests/unit/test_$1"
    done
}
unit a 'echo "ok 1 - x"; echo "ok 2 - y"; echo 1..2'
run unit
ok "unit tests of both builds" ends "4 passed, 0 failed" 0
unit b 'echo "ok 1 - x"; echo "not ok 2 - y"; echo 1..2; exit 1'
run unit
ok "a failed check" ends "6 passed, 2 failed" 1
unit b 'echo "ok 1 - x"; kill -SEGV $$'
run unit
ok "a crash" ends "6 passed, 2 failed" 1
unit b 'echo "ok 1 - x"; echo 1..2'
run unit
ok "fewer results than planned" ends "6 passed, 2 failed" 1
unit b 'echo "ok 1 - x"'
run unit
ok "no plan" ends "6 passed, 2 failed" 1
unit b 'echo "ok 1 - x"; echo 1..1; exit 1'
run unit
ok "an exit status, say of the leak checker" ends "6 passed, 2 failed" 1
rm "$tmp"/build/*/tests/unit/test_b
run unit
ok "a test that is not built" ends "4 passed, 2 failed" 1
ok "and the remedy" shows "add a row for test_b"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
