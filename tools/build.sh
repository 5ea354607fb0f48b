#!/bin/sh
# Builds one configuration into build/<name>: tools/build.sh release|asan|fuzz [ninja arguments].
# release: GCC, optimised; its products are put beside it (build/nicol, libnicol.a, libnicol.so, nicol.pc).
# asan: clang with AddressSanitizer and UBSan. fuzz: the same with libFuzzer. CC_GCC and CC_CLANG choose the compilers.
set -eu
cd "$(dirname "$0")/.."
name=${1:-release}
[ $# -gt 0 ] && shift
clang=${CC_CLANG:-$(command -v clang-14 || command -v clang || echo clang-14)}

setup() { # setup CC OPTIONS...: anew, or again, so that files that came or went since are noticed
    cc=$1
    shift
    log=build/$name.setup.log
    mkdir -p build
    if [ -f "build/$name/build.ninja" ]; then set -- --reconfigure "$@"; fi
    if ! CC=$cc meson setup "build/$name" "$@" >"$log" 2>&1; then
        cat "$log" >&2
        echo "the configuration of build/$name failed; if it worked before, try again after 'make clean'" >&2
        exit 1
    fi
}

case $name in
release) setup "${CC_GCC:-gcc}" -Ddebug=true -Doptimization=2 "--prefix=${PREFIX:-/usr/local}" "--libdir=lib" ;;
asan) setup "$clang" -Ddebug=true -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false ;;
fuzz) setup "$clang" -Ddebug=true -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true -Dskip=cli ;;
*) echo "usage: tools/build.sh release|asan|fuzz" >&2; exit 2 ;;
esac
# Nothing to do is no news; everything else that ninja says is.
{ ninja -C "build/$name" --quiet "$@" && echo 0 >&3 || echo $? >&3; } 3>"build/$name.status" | sed '/^ninja: no work to do/d'
status=$(cat "build/$name.status")

if [ "$name" = release ]; then
    for f in src/cli/nicol libnicol.a libnicol.so libnicol.so.0 meson-private/nicol.pc; do
        [ -e "build/release/$f" ] || continue
        # By rename: a program that runs can't be overwritten.
        cp -L "build/release/$f" "build/.new" && mv -f build/.new "build/$(basename "$f")"
    done
fi
exit $status
