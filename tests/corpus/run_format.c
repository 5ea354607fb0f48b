/* tests/corpus/run_format.c - schemas in, their layout and datamodel out, for run_format.mjs to compare with what was
 * recorded.
 *
 * Standard input holds cases as run_schema.c reads them: a line with the number of files, then for each file a line
 * "PATHBYTES TEXTBYTES" and the two texts. The answer to a case: for each file a line with the number of bytes of its
 * formatted text, and the text; then a line with the number of bytes of the datamodel (0: the schema is not valid), and
 * the datamodel.
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

int main(void)
{
    for (;;) {
        arena *a = arena_new(mem_default, (size_t)256 << 20);
        schema_file *files;
        nicol_str *texts;
        schema_diags diags;
        nicol_error err = {0}, format_err = {0};
        size_t n;
        buf json;
        if (a == NULL) return 2;
        if (!read_case(a, &files, &n)) {
            arena_free(a);
            return 0;
        }
        if (!schema_format(files, n, NULL, a, &texts, &format_err)) return 3;
        for (size_t i = 0; i < n; i++) put(texts[i].ptr, texts[i].len);
        schema *s = schema_parse(files, n, &(schema_opts){.version = 7}, a, &diags, &err);
        buf_init(&json, mem_default, (size_t)64 << 20);
        if (s != NULL && !schema_describe(s, &json, &err)) return 4;
        put(json.ptr, json.len);
        fflush(stdout);
        buf_free(&json);
        schema_free(s);
        arena_free(a);
    }
}
