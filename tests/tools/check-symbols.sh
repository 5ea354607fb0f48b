#!/bin/bash
# The making of libnicol.a and the checker of symbols, on small libraries: a hidden name must end up local, a name that
# leaks must be red.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/nicol-test.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
passed=0
failed=0
check() { # check NAME COMMAND...
    local name=$1
    shift
    if "$@" >out 2>&1; then
        echo "ok - $name"
        passed=$((passed + 1))
    else
        echo "not ok - $name"
        cat out
        failed=$((failed + 1))
    fi
}
# libs SOURCE-OF-API: two static libraries, one that keeps `map_get` to itself, made into libnicol.a and libnicol.so
libs() {
    echo 'int map_get(int x) { return x + 1; }' >map.c
    echo "$1" >api.c
    gcc -fPIC -fvisibility=hidden -c map.c -o map.o && gcc -fPIC -fvisibility=hidden -c api.c -o api.o &&
        rm -f ./*.a && ar rcT libmap.a map.o && ar rcT libapi.a api.o &&
        "$root/tools/one-object.sh" nicol.o libmap.a libapi.a && ar rcs libnicol.a nicol.o &&
        gcc -shared -o libnicol.so -Wl,--whole-archive libmap.a libapi.a -Wl,--no-whole-archive
}
red() { ! "$root/tools/check-symbols.sh" "$1" && grep -q "$2" out; }

api='int map_get(int); __attribute__((visibility("default"))) int nicol_get(int x) { return map_get(x); }'
check "libraries are made" libs "$api"
check "hidden names are local" "$root/tools/check-symbols.sh" .
echo 'int nicol_get(int); int map_get(int x) { return x * 0; } int main(void) { return nicol_get(41) + map_get(1) == 42 ? 0 : 1; }' >main.c
check "a program with the same name links" gcc main.c libnicol.a -o main
check "and each has its own" ./main
check "libraries that leak are made" libs "$api __attribute__((visibility(\"default\"))) int leak(void) { return 1; }"
check "a leak is red" red . 'libnicol.a: leaks leak'
check "in the shared library too" red . 'libnicol.so: leaks leak'
rm libnicol.a
check "a missing library is red" red . 'libnicol.a: not there'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
