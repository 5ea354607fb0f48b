#!/bin/bash
# What `make install` leaves is enough for a C program: headers that compile strictly (and as C++), libraries that link
# by pkg-config alone, shared and static, and a program that runs.
set -u
cd "$(dirname "$0")/../../.." || exit 1
tmp=${SUITE_TMP:-$(mktemp -d "${TMPDIR:-/tmp}/nicol-test.XXXXXX")}
passed=0
failed=0
check() { # check NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$tmp/out" 2>&1; then
        echo "ok - $name"
        passed=$((passed + 1))
    else
        echo "not ok - $name"
        sed 's/^/    /' "$tmp/out"
        failed=$((failed + 1))
    fi
}

export DESTDIR=$tmp/root
check "installs" meson install -C build/release --no-rebuild
unset DESTDIR
prefix=$(echo "$tmp"/root/usr/local)
[ -d "$prefix" ] || prefix=$(dirname "$(find "$tmp/root" -name include -type d | head -n 1)")
for f in bin/nicol include/nicol/nicol.h include/nicol/types.h lib/libnicol.a lib/libnicol.so lib/pkgconfig/nicol.pc; do
    check "$f is installed" test -s "$prefix/$f"
done
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
flags() { pkg-config "--define-variable=prefix=$prefix" "$@" nicol; }
check "pkg-config knows the version" test "$(flags --modversion)" = "$(build/nicol --version | awk '{ print $NF }')"

cat >"$tmp/use.c" <<'END'
#include <nicol/nicol.h>
#include <stdio.h>
#include <string.h>

/* A name that the library has inside, too. */
int map_get(void);
int map_get(void)
{
    return 7;
}

int main(int argc, char **argv)
{
    nicol_open_opts opts = {.size = sizeof opts, .create = true, .url = argc > 1 ? argv[1] : NULL};
    opts.schema_text = "datasource db {\n  provider = \"sqlite\"\n  url = \"file:none.db\"\n}\n"
                       "model User {\n  id Int @id\n  email String @unique\n}\n";
    nicol_db *db = nicol_open(&opts);
    if (!nicol_ok(db)) {
        fprintf(stderr, "%.*s\n", (int)nicol_last_error(db)->message.len, nicol_last_error(db)->message.ptr);
        return 1;
    }
    static const char *const steps[] = {
        "{\"action\":\"executeRaw\",\"query\":{\"arguments\":{\"query\":\"CREATE TABLE \\\"User\\\" (id INTEGER PRIMARY KEY, "
        "email TEXT UNIQUE NOT NULL)\",\"parameters\":\"[]\"},\"selection\":{}}}",
        "{\"modelName\":\"User\",\"action\":\"createOne\",\"query\":{\"arguments\":{\"data\":{\"id\":5,\"email\":\"a@x.io\"}},"
        "\"selection\":{\"$scalars\":true}}}",
        "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{},\"selection\":{\"$scalars\":true}}}",
    };
    int64_t id = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        nicol_result *r = nicol_query(db, steps[i], strlen(steps[i]));
        if (!r) {
            const nicol_error *err = nicol_last_error(db);
            fprintf(stderr, "step %d: %s %.*s\n", (int)i, nicol_error_code(err), (int)err->message.len, err->message.ptr);
            nicol_close(db);
            return 1;
        }
        nicol_rows rows = nicol_result_rows(r);
        while (nicol_rows_next(&rows)) {
            if (!nicol_row_int(&rows, "id", &id)) id = -1;
        }
        nicol_free(r);
    }
    nicol_close(db);
    printf("%d %d\n", (int)id, map_get());
    return id == 5 && map_get() == 7 ? 0 : 1;
}
END
strict="-std=c11 -Wall -Wextra -Wpedantic -Werror"
clang=$(command -v clang-14 || command -v clang)
for cc in gcc "$clang"; do
    # shellcheck disable=SC2046,SC2086 # lists of words
    check "headers compile strictly with $(basename "$cc")" "$cc" $strict -c "$tmp/use.c" -o "$tmp/use.o" $(flags --cflags)
done
for h in types nicol; do
    # shellcheck disable=SC2046
    check "nicol/$h.h is C++ too" "$clang" -x c++ -std=c++11 -Wall -Wextra -Werror -fsyntax-only $(flags --cflags) -include "nicol/$h.h" /dev/null
    # shellcheck disable=SC2046
    check "nicol/$h.h stands alone" gcc -std=c11 -Werror -fsyntax-only $(flags --cflags) -x c -include "nicol/$h.h" /dev/null
done
# shellcheck disable=SC2046
check "links with the shared library" gcc "$tmp/use.o" -o "$tmp/shared" $(flags --libs)
# shellcheck disable=SC2046
check "links with the static library" gcc "$tmp/use.o" -o "$tmp/static" "$prefix/lib/libnicol.a" $(flags --static --libs | sed 's/-lnicol//')
check "the shared one runs" env "LD_LIBRARY_PATH=$prefix/lib" "$tmp/shared" "file:$tmp/a.db"
check "the static one runs" "$tmp/static" "file:$tmp/b.db"
check "the program needs no library of ours" sh -c '! ldd "$1" | grep -q nicol' sh "$prefix/bin/nicol"
check "the program runs from where it was installed" "$prefix/bin/nicol" --help

[ -n "${SUITE_TMP:-}" ] || rm -rf "$tmp"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
