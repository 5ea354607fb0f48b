/* tests/corpus/run_schema.c - schemas in, diagnostics out, for run_schema.mjs to compare with what was recorded.
 *
 * Standard input holds cases: a line with the number of files, then for each file a line "PATHBYTES TEXTBYTES" and the
 * two texts. The answer to a case: a line "valid" or "invalid" with the number of diagnostics, then for each a line
 * "E|W FILE START END BYTES" (offsets in UTF-16 units) and the message.
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

int main(void)
{
    for (;;) {
        arena *a = arena_new(mem_default, (size_t)256 << 20);
        schema_file *files;
        schema_diags diags;
        nicol_error err = {0};
        size_t n;
        if (a == NULL) return 2;
        if (!read_case(a, &files, &n)) {
            arena_free(a);
            return 0;
        }
        schema_opts opts = {.version = 7};
        schema *s = schema_parse(files, n, &opts, a, &diags, &err);
        printf("%s %zu\n", s != NULL ? "valid" : "invalid", diags.n);
        for (size_t i = 0; i < diags.n; i++) {
            const schema_diag *d = &diags.v[i];
            nicol_str text = files[d->file].text;
            printf("%c %u %zu %zu %zu\n%.*s\n", d->warning ? 'W' : 'E', d->file, schema_utf16_offset(text, d->start),
                   schema_utf16_offset(text, d->end), d->message.len, (int)d->message.len, d->message.ptr);
        }
        fflush(stdout);
        schema_free(s);
        arena_free(a);
    }
}
