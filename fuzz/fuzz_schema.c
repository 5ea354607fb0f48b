/* fuzz/fuzz_schema.c - hostile text into the schema language.
 *
 * Whatever comes in: the answer is a schema or errors, never both and never neither; every diagnostic lies within its
 * text and can be shown; in a schema every relation joins what it says, and lookups find what is there. The first byte
 * chooses the version and whether the text is cut into two files.
 */
#include <stdlib.h>

#include "schema/schema.h"

#define MUST(cond)            \
    do {                      \
        if (!(cond)) abort(); \
    } while (0)

static void check_field(const schema_model *m, const schema_field *f)
{
    MUST(f->model == m && schema_field_get(m, f->name) == f);
    if (f->kind != FIELD_RELATION) {
        MUST(schema_field_by_column(m, f->db_name) == f);
        return;
    }
    const schema_relation *r = f->relation;
    MUST(r != NULL && r->field[f->side] == f && r->model[f->side] == m);
    MUST(schema_opposite(f)->target == m && f->target == schema_opposite(f)->model);
    MUST(r->kind == RELATION_MANY_MANY ? r->join_table.len > 1 && r->fk_n == 0 : r->fk_n > 0);
    for (size_t i = 0; i < r->fk_n; i++) MUST(r->fk[i]->model == r->model[1] && r->ref[i]->model == r->model[0]);
}

static void check_schema(const schema *s)
{
    for (size_t i = 0; i < s->models_n; i++) {
        const schema_model *m = &s->models[i];
        MUST(schema_model_get(s, m->name) == m && m->index == i);
        for (size_t k = 0; k < m->fields_n; k++) check_field(m, &m->fields[k]);
        for (size_t k = 0; k < m->indexes_n; k++) MUST(m->indexes[k].fields_n > 0 && m->indexes[k].name.len > 0);
        MUST(m->identity != NULL || m->is_view || m->is_ignored);
    }
    for (size_t i = 0; i < s->enums_n; i++) {
        MUST(schema_enum_get(s, s->enums[i].name) == &s->enums[i]);
        MUST(s->enums[i].values_n > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "datasource db {\n  provider = \"postgresql\"\n}\n";
    static const int versions[] = {0, 5, 6, 7};
    arena *a = arena_new(mem_default, (size_t)256 << 20);
    MUST(a != NULL);
    uint8_t how = size > 0 ? data[0] : 0;
    nicol_str text = {(const char *)data + (size > 0), size - (size > 0)};
    size_t cut = how & 4 ? text.len / 2 : text.len;
    schema_file files[] = {{S("a"), str_sub(text, 0, cut)}, {S("b"), str_sub(text, cut, text.len)}, {S("c"), S(head)}};
    schema_opts opts = {.version = versions[how & 3]};
    schema_diags diags;
    nicol_error err = {0};
    schema *s = schema_parse(files, how & 8 ? 3 : 2, &opts, a, &diags, &err);
    MUST((s != NULL) == (err.code == NICOL_E_OK));
    size_t errors = 0;
    buf b;
    buf_init(&b, mem_default, (size_t)64 << 20);
    for (size_t i = 0; i < diags.n; i++) {
        const schema_diag *d = &diags.v[i];
        MUST(d->start <= d->end && d->end <= files[d->file].text.len + 1 && d->message.len > 0);
        errors += !d->warning;
        if (i < 16) schema_diag_render(files, d, how & 16, &b);
    }
    MUST((s == NULL) == (errors > 0));
    if (s != NULL) check_schema(s);
    buf_free(&b);
    schema_free(s);
    arena_free(a);
    return 0;
}
