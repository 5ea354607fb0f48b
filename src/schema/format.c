/* schema/format.c - a schema's text laid out anew, with what its relations lack filled in.
 *
 * Two passes over the text: the first parses and links it and, when it has no errors that would make that guesswork,
 * inserts the missing fields and arguments as plain text; the second lays out the result. So the layout knows nothing of
 * relations, and what was filled in looks like what somebody typed.
 */
#include "base/limits.h"
#include "schema/format_int.h"

/* The files with the bits inserted. */
static bool insert_bits(sc_ctx *c, const missing_list *bits, schema_file **out, nicol_error *err)
{
    schema_file *files = NEW_ARRAY(c, c->files_n, schema_file);
    const missing_bit *bit = bits->v, *end = bits->v + bits->n;
    size_t bytes = 0;
    if (files == NULL) return nicol_fail_oom(err);
    for (size_t i = 0; i < bits->n; i++) bytes += bits->v[i].text.len;
    if (bytes > NICOL_SCHEMA_BYTES_MAX)
        return nicol_fail(err, NICOL_E_LIMIT, "with its missing fields the schema would be larger than %zu bytes",
                          NICOL_SCHEMA_BYTES_MAX);
    for (size_t i = 0; i < c->files_n; i++) {
        nicol_str old = c->files[i].text;
        size_t size = old.len, n = 0;
        uint32_t from = 0;
        for (const missing_bit *b = bit; b != end && b->file == i; b++) size += b->text.len;
        char *p = arena_alloc(c->t, size + 1);
        if (p == NULL) return nicol_fail_oom(err);
        for (; bit != end && bit->file == i; bit++) {
            memcpy(p + n, old.ptr + from, bit->at - from);
            n += bit->at - from;
            from = bit->at;
            memcpy(p + n, bit->text.ptr, bit->text.len);
            n += bit->text.len;
        }
        memcpy(p + n, old.ptr + from, old.len - from);
        files[i] = (schema_file){.path = c->files[i].path, .text = str_of(p, size)};
    }
    *out = files;
    return true;
}

/* Lays out the files as they are; the texts go to `a`. */
static bool lay_out(const sc_ctx *c, arena *a, nicol_str *texts, nicol_error *err)
{
    buf out;
    size_t from = 0;
    size_t *ends = ARENA_ARRAY(a, c->files_n + 1, size_t);
    if (ends == NULL) return nicol_fail_oom(err);
    buf_init(&out, c->m, NICOL_SCHEMA_BYTES_MAX);
    layout_files(c->files, c->files_n, c->tops, &out, ends);
    bool good = !buf_failed(&out);
    if (!good && out.over)
        nicol_fail(err, NICOL_E_LIMIT, "laid out, the schema would be larger than %zu bytes", NICOL_SCHEMA_BYTES_MAX);
    else if (!good) nicol_fail_oom(err);
    for (size_t i = 0; good && i < c->files_n; from = ends[i++]) {
        texts[i] = arena_str(a, str_of(out.ptr + from, ends[i] - from));
        if (texts[i].ptr == NULL) good = nicol_fail_oom(err);
    }
    buf_free(&out);
    return good;
}

static bool format_again(sc_ctx *c, const missing_list *bits, arena *a, nicol_str *texts, nicol_error *err)
{
    sc_ctx second = {.m = c->m, .keep_lines = true};
    schema_file *files = NULL;
    bool good = insert_bits(c, bits, &files, err) && ctx_begin(&second, files, c->files_n, NULL, err) &&
                lay_out(&second, a, texts, err);
    ctx_end(&second);
    return good;
}

/* *refused: the text has errors, so that nothing was looked for. */
static bool format_once(const schema_file *files, size_t n, const mem *m, arena *a, nicol_str *texts, bool *refused,
                        nicol_error *err)
{
    sc_ctx c = {.m = m, .keep_lines = true};
    missing_list bits = {0};
    bool good = ctx_begin(&c, files, n, NULL, err);
    *refused = good && !ctx_link(&c);
    if (good && !*refused) good = missing_find(&c, &bits, err);
    if (good && (c.oom || arena_failed(c.t) || arena_failed(c.a))) good = nicol_fail_oom(err);
    if (good) good = bits.n != 0 ? format_again(&c, &bits, a, texts, err) : lay_out(&c, a, texts, err);
    ctx_end(&c);
    return good;
}

bool schema_format(const schema_file *files, size_t files_n, const mem *m, arena *a, nicol_str **texts,
                   nicol_error *err)
{
    bool refused = false, changed = false;
    if (m == NULL) m = mem_default;
    for (size_t i = 0; i < files_n; i++) {
        size_t bad = str_utf8_bad(files[i].text);
        if (bad != SIZE_MAX)
            return nicol_fail_in(a, err, NICOL_E_INPUT, "%.*s is not valid UTF-8 (byte %zu): save it as UTF-8",
                                 STR_FMT(files[i].path), bad);
    }
    schema_file *again = ARENA_ARRAY(a, files_n + 1, schema_file);
    *texts = ARENA_ARRAY(a, files_n + 1, nicol_str);
    if (again == NULL || *texts == NULL) return nicol_fail_oom(err);
    if (!format_once(files, files_n, m, a, *texts, &refused, err)) return false;
    for (size_t i = 0; i < files_n; i++) {
        again[i] = (schema_file){.path = files[i].path, .text = (*texts)[i]};
        changed = changed || !str_eq(files[i].text, again[i].text);
    }
    /* Layout repairs outdated forms of types; what is missing can be found then. */
    return !refused || !changed || format_once(again, files_n, m, a, *texts, &refused, err);
}
