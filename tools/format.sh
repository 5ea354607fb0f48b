#!/bin/sh
# clang-format 14 over all C files: tools/format.sh check|write. "check" lists the files that differ and exits 1.
set -eu
cd "$(dirname "$0")/.."
files=$(find src include tests fuzz bench examples -name node_modules -prune -o -type f \( -name '*.c' -o -name '*.h' \) -print 2>/dev/null)
[ -n "$files" ] || exit 0
case ${1:-check} in
write)
    # shellcheck disable=SC2086
    clang-format-14 -i $files
    ;;
check)
    bad=0
    for f in $files; do
        if ! clang-format-14 "$f" | cmp -s - "$f"; then
            echo "$f: not formatted (make format)"
            bad=1
        fi
    done
    exit $bad
    ;;
*) echo "usage: tools/format.sh check|write" >&2; exit 2 ;;
esac
