#!/bin/sh
# The house rules that a program can check: layers, banned functions, file sizes, words that must not be left behind.
# Usage: tools/check-style.sh [ROOT]. Prints "file:line: what is wrong" and exits 1 when something is; lists long
# functions without failing.
set -u
root=${1:-$(dirname "$0")/..}
cd "$root" || exit 2
[ -f layers.txt ] || { echo "check-style: no layers.txt in $(pwd)" >&2; exit 2; }

files=$(find src include tests fuzz bench examples tools -name node_modules -prune -o -type f \( -name '*.c' -o -name '*.h' \) -print \
    2>/dev/null | LC_ALL=C sort)
[ -n "$files" ] || { echo "check-style: no C files in $(pwd)" >&2; exit 2; }

# shellcheck disable=SC2086 # one word per file: our names have no blanks
LC_ALL=C awk -v lines_max=1500 -v function_max=70 '
function report(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    bad++
}
# Takes comments and the insides of strings and characters out of a line; in_comment lasts from line to line.
function code_of(s,    out, c, two, quote) {
    out = ""
    while (s != "") {
        if (in_comment) {
            if ((c = index(s, "*/")) == 0) return out
            s = substr(s, c + 2)
            in_comment = 0
            out = out " "
            continue
        }
        two = substr(s, 1, 2)
        c = substr(s, 1, 1)
        if (two == "/*") { in_comment = 1; s = substr(s, 3); continue }
        if (two == "//") return out
        if (c == "\"" || c == "\047") {
            quote = c
            s = substr(s, 2)
            while (s != "" && substr(s, 1, 1) != quote) s = substr(s, substr(s, 1, 1) == "\\" ? 3 : 2)
            s = substr(s, 2)
            out = out quote quote
            continue
        }
        out = out c
        s = substr(s, 2)
    }
    return out
}
# Whether the code calls `name`: the token followed by "(", and no member ("p->free(x)", "m.free(x)").
function calls(code, name,    rest, at, before, after) {
    rest = code
    before = ""
    while ((at = index(rest, name)) > 0) {
        before = before substr(rest, 1, at - 1)
        after = substr(rest, at + length(name))
        if (before !~ /[A-Za-z0-9_]$/ && before !~ /(\.|->) *$/ && after ~ /^ *\(/) return 1
        before = before name
        rest = after
    }
    return 0
}
function include_rules(line,    path, parts, n, to) {
    path = line
    sub(/^[ \t]*#[ \t]*include[ \t]*"/, "", path)
    sub(/".*$/, "", path)
    n = split(path, parts, "/")
    if (path ~ /(^|\/)\.\.\//) report("include path with ..: " path)
    if (module == "" ) {
        # Tests may look inside the module that they test; examples may not.
        if (FILENAME ~ /^(examples|include)\// && n > 1 && parts[1] != "nicol") report("only nicol/*.h may be included here: " path)
        return
    }
    if (n == 1) return # a file of the same directory
    to = parts[1]
    if (to == "nicol") {
        if (path != "nicol/types.h" && module !~ /^(engine|server|cli)$/) report("only engine, server and cli may include " path)
        return
    }
    if (to == module) return
    if (path ~ /_int\.h$/) report("private header of another module: " path)
    if (!(to in known)) report("unknown module in include: " path)
    else if (!((module, to) in allowed)) report("layer violation: " module " may not include " path " (see layers.txt)")
}
FNR == NR {
    sub(/#.*/, "")
    if (!/:/) next
    name = $1
    sub(/:.*/, "", name)
    rest = $0
    sub(/^[^:]*:/, "", rest)
    known[name] = 1
    n = split(rest, to, " ")
    for (i = 1; i <= n; i++) allowed[name, to[i]] = 1
    next
}
FNR == 1 {
    in_comment = 0
    fn_at = 0
    module = ""
    if (FILENAME ~ /^src\//) {
        split(FILENAME, parts, "/")
        module = parts[2]
        if (!(module in known)) report("module " module " is not in layers.txt")
    }
    if ($0 !~ /^\/\*/) report("a file opens with a comment that says what it does")
}
FNR == lines_max + 1 { report("more than " lines_max " lines") }
/^[ \t]*#[ \t]*include[ \t]*"/ { include_rules($0) }
/TODO|FIXME|XXX:|\/work\// { report("must not stay in the code: " $0) }
{
    code = code_of($0)
    if (code ~ /^[A-Za-z_].*\(/ && code !~ /;[ \t]*$/) fn_name = code
    if (code ~ /^\{/) fn_at = FNR
    if (code ~ /^\}/ && fn_at) {
        if (FNR - fn_at + 1 > function_max) {
            sub(/\(.*/, "", fn_name)
            sub(/.*[ *]/, "", fn_name)
            long[++long_n] = FILENAME ":" fn_at ": " fn_name " has " (FNR - fn_at + 1) " lines"
        }
        fn_at = 0
    }
    if (code !~ /\(/) next
    if (module != "") {
        n = split("strcpy strcat sprintf vsprintf gets atoi atol atoll atof strtok alloca", never, " ")
        for (i = 1; i <= n; i++) if (calls(code, never[i])) report("banned function: " never[i])
        n = split("PQexec PQexecParams PQexecPrepared PQprepare PQdescribePrepared PQconnectdb PQconnectdbParams PQsetdbLogin PQreset PQfn", waits, " ")
        for (i = 1; i <= n; i++) if (calls(code, waits[i])) report("waits inside the library (send, then pg_result): " waits[i])
        if (module != "base") {
            n = split("malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf aligned_alloc posix_memalign", heap, " ")
            for (i = 1; i <= n; i++) if (calls(code, heap[i])) report("banned outside base (use a mem, an arena or a buf): " heap[i])
        }
    }
}
END {
    for (i = 1; i <= long_n; i++) print "note: long function: " long[i]
    exit bad > 0
}' layers.txt $files
status=$?

# The walks through the code name functions with their files, in table rows "| `f`, `g` | a.c, b.c | ... |": each must be
# defined in one of them, so that who renames a function is told.
for page in docs/internals/*.md; do
    [ -f "$page" ] || continue
    missing=$(sed -nE 's/^\| ((`[a-z0-9_]+`(, )?)+) \| ([a-z0-9_./, ]+\.c) \|.*/\1|\4/p' "$page" | while IFS='|' read -r names in; do
        paths=
        for f in $(echo "$in" | tr -d ','); do paths="$paths src/$f"; done
        for name in $(echo "$names" | tr -d '`,'); do
            # shellcheck disable=SC2086 # one word per file
            grep -qsE "^[a-z].*[ *]$name\(" $paths || echo "$page: no function $name in $in"
        done
    done)
    [ -z "$missing" ] && continue
    echo "$missing"
    status=1
done
exit "$status"
