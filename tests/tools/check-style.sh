#!/bin/bash
# The style checker itself: each rule is broken in a small tree of its own and must be red there, and what only looks
# like a violation must stay green.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/nicol-test.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
passed=0
failed=0

# fresh: a tree without fault
fresh() {
    rm -rf "${tmp:?}"/*
    mkdir -p "$tmp"/src/{base,sql,schema,plan,driver,engine} "$tmp"/tests/unit
    cp "$root/layers.txt" "$tmp"
    local m
    for m in base sql schema plan driver engine; do
        printf '/* %s. */\n#include "nicol/types.h"\nint %s_x(void);\n' $m $m >"$tmp/src/$m/$m.h"
    done
}
# add FILE TEXT: appends to a file that opens with a comment
add() {
    [ -e "$tmp/$1" ] || echo '/* A file. */' >"$tmp/$1"
    printf '%b\n' "$2" >>"$tmp/$1"
}
red() { # red NAME TEXT-OF-MESSAGE
    local out
    if out=$("$root/tools/check-style.sh" "$tmp" 2>&1) || ! grep -qF -- "$2" <<<"$out"; then
        echo "not ok - $1: must be red with \"$2\""
        echo "$out"
        failed=$((failed + 1))
    else
        echo "ok - $1"
        passed=$((passed + 1))
    fi
}
green() {
    local out
    if out=$("$root/tools/check-style.sh" "$tmp" 2>&1); then
        echo "ok - $1"
        passed=$((passed + 1))
    else
        echo "not ok - $1: must be green"
        echo "$out"
        failed=$((failed + 1))
    fi
}

fresh; green "a tree without fault"
fresh; add src/plan/a.c '#include "driver/driver.h"'; red "plan sees driver" "layer violation: plan may not include driver/driver.h"
fresh; add src/sql/a.c '#include "schema/schema.h"'; red "sql sees schema" "layer violation: sql may not include schema/schema.h"
fresh; add src/base/a.c '#  include "sql/sql.h"'; red "base sees sql" "layer violation: base may not include sql/sql.h"
fresh; add src/plan/a.c '#include "pond/pond.h"'; red "plan sees an unknown module" "unknown module"
fresh; add src/engine/a.c '#include "plan/compile_int.h"'; red "private header of a lower module" "private header of another module"
fresh; add src/plan/a.c '#include "plan/compile_int.h"\n#include "sql/sql.h"'; green "private header of its own module"
fresh; add src/plan/a.c '#include "../sql/sql.h"'; red "path with .." "include path with .."
fresh; add src/plan/a.c '#include "nicol/nicol.h"'; red "the public header below the engine" "only engine, server and cli"
fresh; mkdir "$tmp/src/odd"; add src/odd/a.c 'int odd;'; red "a module that layers.txt does not know" "module odd is not in layers.txt"
for f in malloc calloc realloc free strdup; do
    fresh; add src/sql/a.c "void f(void)\n{\n    g($f (1));\n}"; red "$f outside base" "banned outside base (use a mem, an arena or a buf): $f"
done
for f in PQexec PQconnectdbParams PQprepare; do
    fresh; add src/base/a.c "void f(void)\n{\n    $f(1);\n}"; red "$f" "waits inside the library (send, then pg_result): $f"
done
for f in strcpy sprintf atoi strtok alloca; do
    fresh; add src/base/a.c "void f(void)\n{\n    $f(1);\n}"; red "$f in base too" "banned function: $f"
done
fresh; add src/base/a.c 'void f(void)\n{\n    free(malloc(1));\n}'; green "base may use the heap"
fresh; add src/sql/a.c '/* malloc(1)\n   free(1) */\n// free(1)\nvoid f(void)\n{\n    puts("free(1) \\" malloc(1)");\n    m->free(m, 1);\n    m.free(1);\n    sqlite3_free(1);\n    free_all(1);\n    int c = \x27"\x27; g("x"); \n}'
green "comments, strings, members and longer names"
fresh; add src/sql/a.c '/* a comment */ void *p = malloc(1);'; red "a call behind a comment" "malloc"
fresh; add src/sql/a.c "/* x */ char c = '\\\\''; void *p = malloc(1);"; red "a call behind a quoted quote" "malloc"
fresh; { echo '/* Long. */'; yes 'int x;' | head -n 1499; } >"$tmp/src/sql/a.c"; green "1500 lines"
fresh; { echo '/* Long. */'; yes 'int x;' | head -n 1500; } >"$tmp/src/sql/a.c"; red "1501 lines" "more than 1500 lines"
fresh; echo 'int x;' >"$tmp/src/sql/a.c"; red "no opening comment" "opens with a comment"
fresh; add src/sql/a.c '/* TO''DO: later */'; red "a note left behind" "must not stay in the code"
fresh; add tests/unit/a.c '#include "plan/compile_int.h"\nvoid f(void)\n{\n    free(malloc(1));\n}'; green "tests may look inside and use the heap"
mkdir "$tmp/examples"; add examples/a.c '#include "engine/engine.h"'; red "examples use the installed headers" "only nicol/*.h"
fresh; { echo '/* Long function. */'; echo 'void far(void)'; echo '{'; yes '    x++;' | head -n 80; echo '}'; } >"$tmp/src/sql/a.c"
green "a long function is only listed"
if "$root/tools/check-style.sh" "$tmp" | grep -q 'long function: src/sql/a.c:3: far has 82 lines'; then
    echo "ok - and it is listed"
    passed=$((passed + 1))
else
    echo "not ok - a long function must be listed"
    failed=$((failed + 1))
fi
fresh; mkdir -p "$tmp/docs/internals"; add src/sql/a.c 'static void walked(int x)\n{\n}'
printf '%s\n' '| function | file | |' '|---|---|---|' '| `walked` | sql/a.c | |' >"$tmp/docs/internals/a.md"; green "a walk through the code"
printf '%s\n' '| `walked`, `renamed` | sql/a.c | |' >"$tmp/docs/internals/a.md"; red "a walk over a function that is gone" "no function renamed in sql/a.c"
fresh; rm "$tmp/layers.txt"; red "no layers.txt" "no layers.txt"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
