/* fuzz/fuzz_compile.c - requests to plans: whatever the checker accepts compiles for every database or says why not, and
 * each statement for SQLite is one that SQLite takes on the schema's own tables. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)            \
    do {                      \
        if (!(cond)) abort(); \
    } while (0)

static const char schema_text[] =
    "datasource db {\n provider = \"sqlite\"\n}\nenum E {\n A\n B @map(\"bee\")\n}\n"
    "model U {\n id Int @id @default(autoincrement())\n name String?\n n Int?\n f Float?\n b Boolean?\n big BigInt?\n"
    " d DateTime?\n e E?\n j Json?\n by Bytes?\n dec Decimal?\n s String @unique\n m Int @default(0)\n bossId Int?\n"
    " boss U? @relation(\"boss\", fields: [bossId], references: [id])\n staff U[] @relation(\"boss\")\n posts P[]\n"
    " prof Prof?\n follows U[] @relation(\"f\")\n followedBy U[] @relation(\"f\")\n mems Mem[]\n @@unique([name, n])\n}\n"
    "model P {\n id Int @id\n title String\n v Int?\n uId Int? @map(\"user_id\")\n"
    " u U? @relation(fields: [uId], references: [id])\n tags T[]\n memU Int?\n memG Int?\n"
    " mem Mem? @relation(fields: [memU, memG], references: [uId, gId])\n @@index([uId])\n @@map(\"posts\")\n}\n"
    "model Prof {\n id Int @id\n bio String?\n uId Int @unique\n u U @relation(fields: [uId], references: [id])\n}\n"
    "model T {\n id String @id @default(uuid())\n name String?\n w Int\n posts P[]\n}\n"
    "model Mem {\n uId Int\n gId Int\n role String?\n u U @relation(fields: [uId], references: [id])\n"
    " g G @relation(fields: [gId], references: [id])\n ps P[]\n @@id([uId, gId])\n @@map(\"members\")\n}\n"
    "model G {\n id Int @id\n name String? @map(\"g_name\")\n mems Mem[]\n}\n";

static const char tables[] =
    "CREATE TABLE U (id INTEGER PRIMARY KEY, name, n, f, b, big, d, e, j, \"by\", dec, s UNIQUE, m, bossId, UNIQUE(name, n));"
    "CREATE TABLE posts (id INTEGER PRIMARY KEY, title, v, user_id, memU, memG);"
    "CREATE TABLE Prof (id INTEGER PRIMARY KEY, bio, uId UNIQUE);"
    "CREATE TABLE T (id TEXT PRIMARY KEY, name, w);"
    "CREATE TABLE members (uId, gId, role, PRIMARY KEY (uId, gId));"
    "CREATE TABLE G (id INTEGER PRIMARY KEY, g_name);"
    "CREATE TABLE _f (A, B, UNIQUE(A, B)); CREATE TABLE _PToT (A, B, UNIQUE(A, B));";

static schema *model;
static sqlite3 *db;

static void set_up(void)
{
    arena *a = arena_new(mem_default, 16 << 20);
    schema_file file = {S("schema.prisma"), NICOL_STR(schema_text)};
    schema_opts opts = {.m = mem_default};
    schema_diags diags;
    nicol_error err = {0};
    MUST(a);
    model = schema_parse(&file, 1, &opts, a, &diags, &err);
    MUST(model); /* kept for the whole run */
    arena_free(a);
    MUST(sqlite3_open(":memory:", &db) == SQLITE_OK);
    MUST(sqlite3_exec(db, tables, NULL, NULL, NULL) == SQLITE_OK);
}

/* Limits of SQLite's own (expression depth, joined tables, parser stack) are no fault of the text. */
static bool is_limit(const char *message)
{
    return strstr(message, "too ") || strstr(message, "at most") || strstr(message, "overflow");
}

static void takes(nicol_str sql)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, sql.ptr, (int)sql.len, &s, NULL) != SQLITE_OK && !is_limit(sqlite3_errmsg(db))) {
        fprintf(stderr, "%s\n%.*s\n", sqlite3_errmsg(db), STR_FMT(sql));
        abort();
    }
    sqlite3_finalize(s);
}

static void check_stmt(const plan_stmt *s, buf *b)
{
    buf_clear(b);
    if (s->raw) return;
    uint32_t arg = 0;
    for (uint32_t i = 0; i < s->frags_n; i++) {
        const plan_frag *f = &s->frags[i];
        if (f->type == FRAG_TEXT) {
            buf_str(b, f->text);
            continue;
        }
        MUST(arg < s->args_n);
        uint32_t n = f->type == FRAG_TUPLE_LIST ? s->types[arg].elements_n : 1;
        if (f->type == FRAG_PARAM) buf_char(b, '?');
        else buf_char(b, '(');
        for (uint32_t k = 0; f->type != FRAG_PARAM && k < n; k++) buf_str(b, k ? S(",?") : S("?"));
        if (f->type != FRAG_PARAM) buf_char(b, ')');
        arg++;
    }
    MUST(arg == s->args_n);
    if (!buf_failed(b)) takes(buf_view(b));
}

static void walk(const plan_node *n, buf *b)
{
    MUST(n);
    switch (n->type) {
    case PLAN_QUERY:
    case PLAN_EXECUTE:
        check_stmt(n->u.stmt, b);
        break;
    case PLAN_LET:
        for (uint32_t i = 0; i < n->u.let.n; i++) walk(n->u.let.v[i].expr, b);
        walk(n->u.let.expr, b);
        break;
    case PLAN_SEQ:
    case PLAN_CONCAT:
    case PLAN_SUM:
        for (uint32_t i = 0; i < n->u.list.n; i++) walk(n->u.list.v[i], b);
        break;
    case PLAN_UNIQUE:
    case PLAN_REQUIRED:
    case PLAN_REVERSE:
    case PLAN_TRANSACTION:
        walk(n->u.one, b);
        break;
    case PLAN_MAP_FIELD:
        walk(n->u.map_field.records, b);
        break;
    case PLAN_JOIN:
        walk(n->u.join.parent, b);
        for (uint32_t i = 0; i < n->u.join.n; i++) walk(n->u.join.v[i].child, b);
        break;
    case PLAN_DIFF:
        walk(n->u.diff.from, b);
        walk(n->u.diff.to, b);
        break;
    case PLAN_IF:
        walk(n->u.cond.value, b);
        walk(n->u.cond.then, b);
        walk(n->u.cond.otherwise, b);
        break;
    case PLAN_VALIDATE:
        walk(n->u.validate.expr, b);
        break;
    case PLAN_PROCESS:
        walk(n->u.process.expr, b);
        break;
    case PLAN_DATA_MAP:
        walk(n->u.data_map.expr, b);
        break;
    case PLAN_INIT_RECORD:
    case PLAN_MAP_RECORD:
        walk(n->u.record.expr, b);
        break;
    case PLAN_VALUE:
    case PLAN_UNIT:
    case PLAN_GET:
    case PLAN_GET_FIRST:
    case PLAN_N:
        break;
    }
}

/* The same operation as one of many: SQLite takes the statements, and the keys of three of them are one value. */
static void check_lookup(const query_op *op, arena *a, buf *b)
{
    nicol_error err = {0};
    plan_compile_opts o = {.dialect = DIALECT_SQLITE, .m = mem_default, .a = a};
    plan *p = plan_compile_lookup(op, &o, &err);
    if (!p) return;
    MUST(err.code == NICOL_E_OK && p->lookup.n > 0 && p->params_n == op->params_n + 1 && !p->writes);
    walk(p->root, b);
    val *one = ARENA_ARRAY(a, op->params_n + 1u, val), keys;
    MUST(one);
    for (uint32_t i = 0; i < op->params_n; i++) one[i] = op->params[i].value;
    const val *three[] = {one, one, one};
    if (plan_lookup_keys(p, three, 3, a, &keys)) MUST(p->lookup.json ? keys.type == VAL_STR : keys.n == 3);
    plan_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!model) set_up();
    arena *a = arena_new(mem_default, 64 << 20);
    MUST(a);
    json_doc doc;
    query_op op;
    nicol_error err = {0};
    bool good = json_parse(a, str_of((const char *)data, size), NICOL_JSON_DEPTH_MAX, &doc, &err) &&
                query_parse(model, json_root(&doc), a, &op, &err);
    for (int d = DIALECT_SQLITE; good && d <= DIALECT_MYSQL; d++) {
        err = (nicol_error){0};
        plan_compile_opts o = {.dialect = (plan_dialect)d, .m = mem_default};
        plan *p = plan_compile(&op, &o, &err);
        MUST(p ? err.code == NICOL_E_OK : err.code != NICOL_E_OK && err.message.len != 0);
        if (!p) continue;
        buf b;
        buf_init(&b, mem_default, 16 << 20);
        if (d == DIALECT_SQLITE) {
            walk(p->root, &b);
            check_lookup(&op, a, &b);
        }
        buf_clear(&b);
        plan_print(p, &b);
        buf_free(&b);
        plan_free(p);
    }
    arena_free(a);
    return 0;
}
