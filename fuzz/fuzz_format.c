/* fuzz/fuzz_format.c - hostile text into the formatter.
 *
 * Whatever comes in is laid out, or refused because it is no UTF-8 or would grow past the limit. The result, laid out
 * again, must be itself: then nothing was misread. Comments must survive: there are as many "//" after as before, at
 * least. A valid schema stays valid when nothing but layout changed it. The first byte says whether the text is cut into
 * two files.
 */
#include <stdlib.h>

#include "schema/schema.h"

#define MUST(cond)            \
    do {                      \
        if (!(cond)) abort(); \
    } while (0)

/* How often "//" stands there; not where the end of a long comment makes one with what follows, which goes to a line of its
 * own. */
static size_t comments(nicol_str text)
{
    size_t n = 0;
    for (size_t at = 0; (at = str_find(text, S("//"), at)) != SIZE_MAX; at += 2)
        n += at == 0 || text.ptr[at - 1] != '*';
    return n;
}

static bool format(const schema_file *files, size_t n, arena *a, nicol_str **texts)
{
    nicol_error err = {0};
    bool good = schema_format(files, n, NULL, a, texts, &err);
    MUST(good || err.code == NICOL_E_INPUT || err.code == NICOL_E_LIMIT);
    return good;
}

static bool is_valid(const schema_file *files, size_t n, arena *a)
{
    schema_diags diags;
    nicol_error err = {0};
    schema *s = schema_parse(files, n, &(schema_opts){.version = 7}, a, &diags, &err);
    buf out;
    buf_init(&out, mem_default, (size_t)256 << 20);
    if (s != NULL) MUST(schema_describe(s, &out, &err));
    buf_free(&out);
    schema_free(s);
    return s != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "datasource db {\n  provider = \"postgresql\"\n}\n";
    arena *a = arena_new(mem_default, (size_t)256 << 20);
    MUST(a != NULL);
    uint8_t how = size > 0 ? data[0] : 0;
    nicol_str text = {(const char *)data + (size > 0), size - (size > 0)};
    size_t cut = how & 1 ? text.len / 2 : text.len;
    schema_file files[] = {{S("a"), str_sub(text, 0, cut)}, {S("b"), str_sub(text, cut, text.len)}, {S("c"), S(head)}};
    schema_file again[3];
    nicol_str *once, *twice;
    if (format(files, 3, a, &once)) {
        for (size_t i = 0; i < 3; i++) {
            again[i] = (schema_file){files[i].path, once[i]};
            MUST(comments(once[i]) >= comments(files[i].text));
        }
        if (format(again, 3, a, &twice))
            for (size_t i = 0; i < 3; i++) MUST(str_eq(once[i], twice[i]));
        if (is_valid(files, 3, a)) MUST(is_valid(again, 3, a));
    }
    arena_free(a);
    return 0;
}
