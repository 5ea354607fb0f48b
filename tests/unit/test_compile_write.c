/* Writes: the plans that requests compile to, as people read them (plan_print), what they take for granted about values, and
 * that running out of memory anywhere is survived. */
#include "tap.h"

#include "base/str.h"
#include "plan/plan.h"

static const char *const SCHEMA = "datasource db {\n"
                                  "  provider = \"sqlite\"\n"
                                  "}\n"
                                  "model User {\n"
                                  "  id Int @id @default(autoincrement())\n"
                                  "  email String @unique\n"
                                  "  name String?\n"
                                  "  age Int @default(1)\n"
                                  "  posts Post[]\n"
                                  "  profile Profile?\n"
                                  "  boss User? @relation(\"boss\", fields: [bossId], references: [id])\n"
                                  "  bossId Int?\n"
                                  "  staff User[] @relation(\"boss\")\n"
                                  "}\n"
                                  "model Profile {\n"
                                  "  id String @id @default(uuid())\n"
                                  "  bio String\n"
                                  "  user User @relation(fields: [userId], references: [id])\n"
                                  "  userId Int @unique\n"
                                  "}\n"
                                  "model Post {\n"
                                  "  id Int @id @default(autoincrement())\n"
                                  "  title String\n"
                                  "  author User? @relation(fields: [authorId], references: [id])\n"
                                  "  authorId Int?\n"
                                  "  tags Tag[]\n"
                                  "  changed DateTime @updatedAt\n"
                                  "}\n"
                                  "model Tag {\n"
                                  "  id Int @id @default(autoincrement())\n"
                                  "  name String @unique\n"
                                  "  posts Post[]\n"
                                  "}\n"
                                  "model Seat {\n"
                                  "  row Int\n"
                                  "  col String\n"
                                  "  held Boolean @default(false)\n"
                                  "  @@id([row, col])\n"
                                  "}\n";

typedef struct example {
    const char *name;
    const char *request;
    const char *plan;
} example;

#include "test_compile_write_plans.h"

static schema *read_schema(arena *a, const char *text, nicol_error *err)
{
    schema_file f = {.path = S("schema.prisma"), .text = str_c(text)};
    schema_opts o = {.m = mem_default};
    schema_diags diags = {0};
    return schema_parse(&f, 1, &o, a, &diags, err);
}

/* Checks and compiles one request; NULL with *err. The plan does not need what is in `a`. */
static plan *compile(const schema *s, const char *request, arena *a, const mem *m, unsigned binds_max, query_op *op,
                     nicol_error *err)
{
    json_doc doc;
    if (!json_parse(a, str_c(request), 64, &doc, err)) return NULL;
    if (!query_parse(s, json_root(&doc), a, op, err)) return NULL;
    plan_compile_opts o = {.dialect = DIALECT_SQLITE, .binds_max = binds_max, .m = m};
    return plan_compile(op, &o, err);
}

static void print(const plan *p, buf *out)
{
    buf_init(out, mem_default, 1 << 20);
    plan_print(p, out);
}

static void test_plans(const schema *s)
{
    bool show = getenv("SHOW_PLANS") != NULL; /* prints the table of plans anew */
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const example *x = &examples[i];
        arena *a = arena_new(mem_default, 1 << 24);
        nicol_error err = {0};
        query_op op = {0};
        plan *p = compile(s, x->request, a, mem_default, 100, &op, &err);
        if (ok(p, "%s compiles", x->name)) {
            buf out;
            print(p, &out);
            if (show) printf("@@%s\n%.*s@@\n", x->name, (int)out.len, out.ptr);
            else is_strz(buf_view(&out), x->plan);
            buf_free(&out);
        } else {
            no_err(&err);
        }
        plan_free(p);
        arena_free(a);
    }
}

static void test_faults(const schema *s)
{
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const example *x = &examples[i];
        FOR_EACH_FAULT(m, x->name) {
            arena *a = arena_new(mem_default, 1 << 24);
            nicol_error err = {0};
            query_op op = {0};
            plan *p = compile(s, x->request, a, m, 100, &op, &err);
            if (!p) is_err(&err, NICOL_E_NO_MEMORY);
            plan_free(p);
            arena_free(a);
        }
    }
}

static void test_guards(const schema *s)
{
    static const char *const same =
        "{\"modelName\":\"User\",\"action\":\"upsertOne\",\"query\":{\"arguments\":{\"where\":{\"email\":"
        "\"a\"},\"create\":{\"email\":\"a\"},\"update\":{\"age\":2}},\"selection\":{\"id\":true}}}";
    arena *a = arena_new(mem_default, 1 << 24);
    nicol_error err = {0};
    query_op op = {0};
    plan *p = compile(s, same, a, mem_default, 0, &op, &err);
    if (ok(p, "an upsert whose where is what it creates compiles")) {
        val v[8];
        for (uint32_t i = 0; i < op.params_n && i < 8; i++) v[i] = op.params[i].value;
        is_int(p->guards_n, 1);
        ok(plan_fits(p, v), "it fits its own values");
        v[p->guards[0].a] = val_text(VAL_STR, S("b"));
        ok(!plan_fits(p, v), "and not where they differ");
    }
    plan_free(p);
    static const char *const twice =
        "{\"modelName\":\"User\",\"action\":\"updateOne\",\"query\":{\"arguments\":{\"where\":{\"id\":1},"
        "\"data\":{\"posts\":{\"connect\":[{\"id\":2},{\"id\":3},{\"id\":2}]}}},\"selection\":{\"id\":true}}}";
    p = compile(s, twice, a, mem_default, 0, &op, &err);
    if (ok(p, "a connect that names a row twice compiles")) {
        buf out;
        print(p, &out);
        ok(str_find(buf_view(&out), S("affected = 2"), 0) != SIZE_MAX, "it expects two rows");
        buf_free(&out);
        ok(p->guards_n > 0 && !p->one_shot, "as long as the same values are the same");
    }
    plan_free(p);
    arena_free(a);
}

static void test_split(const schema *s)
{
    buf b;
    buf_init(&b, mem_default, 1 << 20);
    buf_lit(&b, "{\"modelName\":\"User\",\"action\":\"createMany\",\"query\":{\"arguments\":{\"data\":[");
    for (int i = 0; i < 105; i++) buf_printf(&b, "%s{\"email\":\"e%d\"}", i ? "," : "", i);
    buf_lit(&b, "]},\"selection\":{\"count\":true}}}");
    buf_char(&b, '\0');
    arena *a = arena_new(mem_default, 1 << 24);
    nicol_error err = {0};
    query_op op = {0};
    plan *p = compile(s, b.ptr, a, mem_default, 100, &op, &err);
    if (ok(p, "a createMany larger than a statement compiles")) {
        ok(p->root_is_transaction, "to a transaction");
        is_int(p->statements_n, 3); /* two columns: 50 rows a statement */
    }
    plan_free(p);
    arena_free(a);
    buf_free(&b);
}

static void test_errors(const schema *s)
{
    static const char *const request =
        "{\"modelName\":\"Profile\",\"action\":\"createOne\",\"query\":{\"arguments\":{\"data\":{\"bio\":\"b\"}},"
        "\"selection\":{\"id\":true}}}";
    arena *a = arena_new(mem_default, 1 << 24);
    nicol_error err = {0};
    query_op op = {0};
    plan *p = compile(s, request, a, mem_default, 0, &op, &err);
    ok(!p && err_is(&err), "a required relation can't be left out");
    plan_free(p);
    arena_free(a);
}

int main(void)
{
    arena *a = arena_new(mem_default, 1 << 24);
    nicol_error err = {0};
    schema *s = read_schema(a, SCHEMA, &err);
    if (ok(s, "the schema is read")) {
        test_plans(s);
        test_guards(s);
        test_split(s);
        test_errors(s);
        test_faults(s);
    } else {
        no_err(&err);
    }
    schema_free(s);
    arena_free(a);
    return done_testing();
}
