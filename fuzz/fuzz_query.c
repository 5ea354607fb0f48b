/* fuzz/fuzz_query.c - hostile requests against two schemas.
 *
 * What the first reading accepts, the typed description must accept too; the tree prints; and each parameter can be
 * taken anew from its token.
 */
#include <stdio.h>
#include <stdlib.h>

#include "query/query_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)            \
    do {                      \
        if (!(cond)) abort(); \
    } while (0)

#define MODELS                                                                                                           \
    "enum E {\n A\n B @map(\"b\")\n}\n"                                                                                  \
    "model U {\n id Int @id @default(autoincrement())\n email String @unique\n n Int?\n f Float?\n e E?\n d DateTime?\n" \
    " b BigInt?\n bo Boolean?\n by Bytes?\n dec Decimal?\n j Json?\n posts P[]\n one O?\n"
#define REST                                                                                                       \
    "}\nmodel P {\n id Int @id\n t String\n uId Int\n u U @relation(fields: [uId], references: [id])\n tags T[]\n" \
    " @@unique([uId, t])\n}\n"                                                                                     \
    "model O {\n id Int @id\n uId Int? @unique\n u U? @relation(fields: [uId], references: [id])\n}\n"             \
    "model T {\n name String @id\n ps P[]\n}\n"

static const char sqlite_text[] = "datasource db {\n provider = \"sqlite\"\n url = \"file:x\"\n}\n" MODELS REST;
static const char pg_text[] =
    "datasource db {\n provider = \"postgresql\"\n url = \"postgresql://x\"\n}\n" MODELS " l String[]\n es E[]\n" REST;

static schema *load(const char *text)
{
    arena *a = arena_new(mem_default, 16 << 20);
    schema_file file = {S("schema.prisma"), str_c(text)};
    schema_opts opts = {.m = mem_default};
    schema_diags diags;
    nicol_error err = {0};
    MUST(a);
    schema *s = schema_parse(&file, 1, &opts, a, &diags, &err);
    MUST(s);
    arena_free(a); /* it held the diagnostics */
    return s;      /* kept for the whole run */
}

static void check(const schema *s, const json_doc *doc, arena *a)
{
    query_op op;
    nicol_error err = {0}, why = {0};
    json_val request = json_root(doc), q = json_get(request, S("query"));
    if (!query_parse(s, request, a, &op, &err)) {
        MUST(err.code != NICOL_E_OK && err.message.len != 0);
        return;
    }
    MUST(err.code == NICOL_E_OK);
    if (op.model) {
        query_explain(s, op.action, op.model, json_get(q, S("arguments")), json_get(q, S("selection")), op.key, a,
                      &why);
        if (why.code != NICOL_E_OK && !arena_failed(a)) {
            fprintf(stderr, "only the first reading accepts: %.*s\n", STR_FMT(why.message));
            abort();
        }
    }
    for (uint32_t i = 0; i < op.params_n && op.reusable; i++) {
        const query_param *p = &op.params[i];
        val v;
        MUST(query_take_value((json_val){doc, p->token}, p->type, p->field, p->list, a, &v) || arena_failed(a));
        MUST(v.type == p->value.type && v.n == p->value.n);
    }
    buf out;
    buf_init(&out, mem_default, 16 << 20);
    query_print(&op, &out);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static schema *sqlite, *pg;
    if (!sqlite) sqlite = load(sqlite_text);
    if (!pg) pg = load(pg_text);
    arena *a = arena_new(mem_default, 64 << 20);
    MUST(a);
    json_doc doc;
    nicol_error err = {0};
    if (json_parse(a, str_of((const char *)data, size), NICOL_JSON_DEPTH_MAX, &doc, &err)) {
        check(sqlite, &doc, a);
        check(pg, &doc, a);
    }
    arena_free(a);
    return 0;
}
