#!/bin/sh
# The libraries give the world nothing but nicol_*: tools/check-symbols.sh BUILD. Prints what leaks and exits 1.
set -u
build=${1:-build}
bad=0
for lib in "$build/libnicol.a" "$build/libnicol.so"; do
    if [ ! -f "$lib" ]; then
        echo "$lib: not there"
        bad=1
        continue
    fi
    case $lib in
    *.so) list=$(nm -D --defined-only "$lib") ;;
    *) list=$(nm -g --defined-only "$lib") ;;
    esac
    names=$(printf '%s\n' "$list" | awk 'NF == 3 { print $3 }')
    leaks=$(printf '%s\n' "$names" | grep -v '^nicol_' | grep -v '^$')
    if [ -n "$leaks" ]; then
        printf '%s\n' "$leaks" | sed "s|^|$lib: leaks |"
        bad=1
    fi
    if ! printf '%s\n' "$names" | grep -q '^nicol_'; then
        echo "$lib: exports no nicol_ symbol"
        bad=1
    fi
done
exit $bad
