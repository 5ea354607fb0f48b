#!/bin/sh
# Links static libraries into one object and makes what they keep to themselves local to it:
# tools/one-object.sh OUTPUT LIBRARY...
set -eu
out=$1
shift
ld -r -o "$out.all" --whole-archive "$@"
objcopy --localize-hidden "$out.all" "$out"
rm -f "$out.all"
