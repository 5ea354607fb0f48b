/* tests/corpus/run_format.c - schemas in, their layout and datamodel out, for run_format.mjs to compare with what was
 * recorded.
 *
 * Standard input holds cases as run_schema.c reads them: a line with the number of files, then for each file a line
 * "PATHBYTES TEXTBYTES" and the two texts. The answer to a case: for each file a line with the number of bytes of its
 * formatted text, and the text; then a line with the number of bytes of the datamodel (0: the schema is not valid), and
 * the datamodel. With the argument "mutate" there is one line in the end: how many changed files were tried, and how many
 * of them changed again when they were laid out twice.
 */
#include <stdio.h>
#include <stdlib.h>

#include "schema/schema.h"

static bool read_text(arena *a, size_t n, nicol_str *out)
{
    char *p = arena_alloc(a, n + 1);
    if (p == NULL || fread(p, 1, n, stdin) != n) return false;
    *out = str_of(p, n);
    return true;
}

static bool read_case(arena *a, schema_file **files, size_t *n)
{
    if (scanf("%zu", n) != 1 || getchar() != '\n' || *n > 1000) return false;
    *files = ARENA_ARRAY(a, *n + 1, schema_file);
    if (*files == NULL) return false;
    for (size_t i = 0; i < *n; i++) {
        size_t path, text;
        if (scanf("%zu %zu", &path, &text) != 2 || getchar() != '\n') return false;
        if (!read_text(a, path, &(*files)[i].path) || !read_text(a, text, &(*files)[i].text)) return false;
    }
    return true;
}

static void put(const char *p, size_t n)
{
    printf("%zu\n", n);
    if (n != 0) fwrite(p, 1, n, stdout);
    putchar('\n');
}

/* Lays out the files; false when that was refused, which only text that is no UTF-8 may be. */
static bool format(const schema_file *files, size_t n, arena *a, nicol_str **texts)
{
    nicol_error err = {0};
    if (schema_format(files, n, NULL, a, texts, &err)) return true;
    if (err.code == NICOL_E_INPUT) return false;
    fprintf(stderr, "format: %.*s\n", STR_FMT(err.message));
    exit(3);
}

static void describe(const schema_file *files, size_t n, arena *a, buf *json)
{
    schema_diags diags;
    nicol_error err = {0};
    schema *s = schema_parse(files, n, &(schema_opts){.version = 7}, a, &diags, &err);
    if (s != NULL && !schema_describe(s, json, &err)) exit(4);
    schema_free(s);
}

/* --- mutations ---------------------------------------------------------------------------------------------------------- */

/* One byte removed (0), doubled (1) or replaced (2 and up). */
static nicol_str mutate(arena *a, nicol_str text, size_t at, int how)
{
    static const char with[] = {'"', '{', '}', '\n', '(', '@', ' ', '/', '[', ',', 'x', '\\'};
    char *p = arena_alloc(a, text.len + 2);
    if (p == NULL) exit(2);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (i != at || how == 1) p[n++] = text.ptr[i];
        if (i == at && how == 1) p[n++] = text.ptr[i];
        if (i == at && how >= 2) p[n++] = with[(at + (size_t)how) % sizeof with];
    }
    return str_of(p, n);
}

/* Changed files must not crash anything, and laid out twice they must be what they are laid out once. */
static void mutate_case(schema_file *files, size_t n, size_t number, size_t *runs, size_t *unstable)
{
    for (size_t f = 0; f < n; f++) {
        nicol_str text = files[f].text;
        size_t step = text.len / 16 + 1;
        for (size_t at = number % step; at < text.len; at += step) {
            for (int how = 0; how < 4; how++) {
                arena *a = arena_new(mem_default, (size_t)256 << 20);
                nicol_str *once, *twice;
                buf json;
                if (a == NULL) exit(2);
                buf_init(&json, mem_default, (size_t)64 << 20);
                files[f].text = mutate(a, text, at, how);
                schema_file *again = ARENA_ARRAY(a, n, schema_file);
                if (again == NULL) exit(2);
                describe(files, n, a, &json);
                if (format(files, n, a, &once)) {
                    for (size_t i = 0; i < n; i++) again[i] = (schema_file){files[i].path, once[i]};
                    bool same = format(again, n, a, &twice);
                    for (size_t i = 0; i < n; i++) same = same && str_eq(once[i], twice[i]);
                    if (!same) ++*unstable;
                }
                ++*runs;
                buf_free(&json);
                arena_free(a);
            }
        }
        files[f].text = text;
    }
}

int main(int argc, char **argv)
{
    bool mutating = argc > 1 && strcmp(argv[1], "mutate") == 0;
    size_t runs = 0, unstable = 0;
    for (size_t number = 0;; number++) {
        arena *a = arena_new(mem_default, (size_t)256 << 20);
        schema_file *files;
        nicol_str *texts;
        size_t n;
        if (a == NULL) return 2;
        if (!read_case(a, &files, &n)) {
            arena_free(a);
            break;
        }
        if (mutating) {
            mutate_case(files, n, number, &runs, &unstable);
        } else {
            buf json;
            buf_init(&json, mem_default, (size_t)64 << 20);
            if (!format(files, n, a, &texts)) return 3;
            for (size_t i = 0; i < n; i++) put(texts[i].ptr, texts[i].len);
            describe(files, n, a, &json);
            put(json.ptr, json.len);
            fflush(stdout);
            buf_free(&json);
        }
        arena_free(a);
    }
    if (mutating) printf("%zu %zu\n", runs, unstable);
    return 0;
}
