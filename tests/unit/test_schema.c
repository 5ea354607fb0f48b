/* tests/unit/test_schema.c - the schema language: the model that others build on, diagnostics, limits, hostile text. */
#include "base/limits.h"
#include "schema/schema.h"
#include "tap.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DB(p) "datasource db {\n  provider = \"" p "\"\n}\n"

typedef struct parsed {
    arena *a;
    schema *s;
    schema_diags d;
    nicol_error err;
} parsed;

static parsed parse_with(const char *text, int version, const mem *m)
{
    parsed p = {.a = arena_new(m, (size_t)1 << 30)};
    if (p.a == NULL) {
        p.err.code = NICOL_E_NO_MEMORY;
        return p;
    }
    schema_file file = {S("schema.prisma"), str_c(text)};
    schema_opts opts = {.version = version, .m = m};
    p.s = schema_parse(&file, 1, &opts, p.a, &p.d, &p.err);
    /* The text may lie inside the error, which moves with the return. */
    if (p.err.message.ptr == p.err.text) p.err.message = arena_str(p.a, p.err.message);
    return p;
}

static parsed parse(const char *text)
{
    return parse_with(text, 0, mem_default);
}

static void drop(parsed *p)
{
    schema_free(p->s);
    arena_free(p->a);
}

/* Whether some diagnostic has exactly this message and covers exactly this text. */
static bool said(const parsed *p, const char *source, const char *at, const char *message)
{
    for (size_t i = 0; i < p->d.n; i++) {
        const schema_diag *d = &p->d.v[i];
        if (str_eq(d->message, str_c(message)) && str_eq(str_of(source + d->start, d->end - d->start), str_c(at)))
            return true;
    }
    return false;
}

static const char SHOP[] =
    DB("sqlite") "generator client {\n"
                 "  provider = \"prisma-client-js\"\n"
                 "  previewFeatures = [\"relationJoins\"]\n"
                 "}\n"
                 "/// Where an order stands\n"
                 "/// on its way\n"
                 "enum Status {\n"
                 "  PENDING @map(\"pending\") /// new\n"
                 "  SHIPPED\n"
                 "  @@map(\"order_status\")\n"
                 "}\n"
                 "model User {\n"
                 "  id Int @id @default(autoincrement())\n"
                 "  email String @unique\n"
                 "  boss User? @relation(\"boss\", fields: [bossId], references: [id])\n"
                 "  bossId Int? @map(\"boss_id\")\n"
                 "  team User[] @relation(\"boss\")\n"
                 "  orders Order[]\n"
                 "  profile Profile?\n"
                 "  tags Tag[]\n"
                 "  @@map(\"users\")\n"
                 "}\n"
                 "model Profile {\n"
                 "  id String @id @default(uuid(7))\n"
                 "  user User @relation(fields: [userId], references: [id], onDelete: Cascade)\n"
                 "  userId Int @unique\n"
                 "}\n"
                 "model Order {\n"
                 "  number Int\n"
                 "  shop String\n"
                 "  status Status @default(PENDING)\n"
                 "  amount Int @default(-3)\n"
                 "  price Decimal @default(1.50)\n"
                 "  paid Boolean @default(true)\n"
                 "  due DateTime @default(\"2020-01-02T03:04:05Z\")\n"
                 "  note String @default(\"a\\\"b\\u00e9\")\n"
                 "  raw Bytes @default(\"aGVsbG8=\")\n"
                 "  weight Float @default(2.5)\n"
                 "  info Json @default(\"{\\\"a\\\":1}\")\n"
                 "  code String @default(nanoid(10))\n"
                 "  made DateTime @default(now())\n"
                 "  changed DateTime @updatedAt\n"
                 "  db String @default(dbgenerated(\"lower('x')\"))\n"
                 "  secret String? @ignore\n"
                 "  user User @relation(fields: [userId], references: [id], map: \"order_user\")\n"
                 "  userId Int @map(\"user_id\")\n"
                 "  @@id([shop, number])\n"
                 "  @@index([userId, made(sort: Desc)])\n"
                 "  @@unique([code, userId], name: \"codeOfUser\")\n"
                 "}\n"
                 "model Tag {\n"
                 "  id Int @id\n"
                 "  users User[]\n"
                 "}\n";

static void test_shop_models(void)
{
    parsed p = parse_with(SHOP, 0, mem_default);
    if (!ok(p.s == NULL, "sqlite has no named foreign keys")) return;
    ok(said(&p, SHOP, "@relation(fields: [userId], references: [id], map: \"order_user\")",
            "Error parsing attribute \"@relation\": Your provider does not support named foreign keys."),
       "and the message says so");
    drop(&p);
}

/* The same without what SQLite lacks. */
static char *shop_text(void)
{
    static char text[sizeof(SHOP)];
    memcpy(text, SHOP, sizeof(SHOP));
    char *at = strstr(text, ", map: \"order_user\"");
    memset(at, ' ', strlen(", map: \"order_user\""));
    return text;
}

static void test_relations(void)
{
    parsed p = parse(shop_text());
    if (!no_err(&p.err)) return;
    is_int(p.s->provider, PROVIDER_SQLITE);
    is_str(p.s->datasource_name, S("db"));
    is_int(p.s->relations_n, 4);
    ok(schema_preview(p.s, S("relationJoins")) && !schema_preview(p.s, S("views")), "preview features");
    const schema_model *user = schema_model_get(p.s, S("User"));
    const schema_model *order = schema_model_get(p.s, S("Order"));
    is_str(user->db_name, S("users"));
    const schema_field *boss = schema_field_get(user, S("boss")), *team = schema_field_get(user, S("team"));
    ok(boss->relation == team->relation && schema_opposite(boss) == team, "both ends of a self relation");
    is_int(boss->relation->kind, RELATION_ONE_MANY);
    ok(schema_holds_fk(boss) && !schema_holds_fk(team) && boss->side == 1 && team->side == 0,
       "the child holds the key");
    is_str(boss->relation->name, S("boss"));
    ok(boss->relation->named, "its name is written");
    is_int(boss->relation->on_delete, ACTION_SET_NULL);
    is_int(boss->relation->on_update, ACTION_CASCADE);
    ok(!boss->relation->fk_required && !boss->relation->on_delete_set, "an optional key, by default");
    is_str(boss->relation->fk_name, S("users_boss_id_fkey"));
    is_str(boss->relation->fk[0]->db_name, S("boss_id"));
    const schema_relation *r = schema_field_get(order, S("user"))->relation;
    is_str(r->name, S("OrderToUser"));
    is_int(r->on_delete, ACTION_RESTRICT);
    ok(r->fk_required && r->model[1] == order && r->model[0] == user, "orders are the children");
    is_str(r->fk_name, S("Order_user_id_fkey"));
    r = schema_field_get(user, S("profile"))->relation;
    is_int(r->kind, RELATION_ONE_ONE);
    is_int(r->on_delete, ACTION_CASCADE);
    ok(r->on_delete_set && !r->on_update_set, "written and not");
    r = schema_field_get(user, S("tags"))->relation;
    is_int(r->kind, RELATION_MANY_MANY);
    is_str(r->join_table, S("_TagToUser"));
    is_str(r->model[0]->name, S("Tag"));
    ok(r->field[1] == schema_field_get(user, S("tags")) && !schema_holds_fk(r->field[1]),
       "column A is the first by name");
    drop(&p);
}

static void test_indexes(void)
{
    parsed p = parse(shop_text());
    if (!no_err(&p.err)) return;
    const schema_model *order = schema_model_get(p.s, S("Order")), *user = schema_model_get(p.s, S("User"));
    is_int(order->indexes_n, 3);
    ok(order->id == &order->indexes[0] && order->identity == order->id, "the id comes first");
    is_str(order->id->name, S("shop_number"));
    is_str(order->id->db_name, S("Order_pkey"));
    ok(order->id->compound && order->id->fields_n == 2, "a compound id");
    is_int(order->indexes[1].kind, INDEX_NORMAL);
    is_str(order->indexes[1].db_name, S("Order_user_id_made_idx"));
    is_str(order->indexes[2].name, S("codeOfUser"));
    is_str(order->indexes[2].db_name, S("Order_code_user_id_key"));
    is_str(user->indexes[1].name, S("email"));
    is_str(user->indexes[1].db_name, S("users_email_key"));
    ok(!user->indexes[1].compound && schema_field_get(user, S("email"))->is_unique, "a unique field");
    ok(schema_field_by_column(user, S("boss_id")) == schema_field_get(user, S("bossId")), "fields by column");
    ok(schema_field_by_column(order, S("user_id")) == schema_field_get(order, S("userId")), "in large models too");
    ok(schema_field_get(order, S("nope")) == NULL && schema_model_get(p.s, S("nope")) == NULL, "absent names");
    drop(&p);
}

static const schema_default *def(const schema_model *m, const char *field)
{
    return schema_field_get(m, str_c(field))->def;
}

static void test_defaults(void)
{
    parsed p = parse(shop_text());
    if (!no_err(&p.err)) return;
    const schema_model *m = schema_model_get(p.s, S("Order"));
    is_str(val_str(def(m, "status")->value), S("pending"));
    is_int(def(m, "amount")->value.u.i, -3);
    is_int(def(m, "price")->value.type, VAL_DECIMAL);
    is_str(val_str(def(m, "price")->value), S("1.50"));
    ok(def(m, "paid")->value.type == VAL_BOOL && def(m, "paid")->value.u.i == 1, "a boolean");
    is_int(def(m, "due")->value.u.i, 1577934245000);
    is_str(val_str(def(m, "note")->value), S("a\"b\xC3\xA9"));
    is_str(val_str(def(m, "raw")->value), S("hello"));
    is_dbl(def(m, "weight")->value.u.f, 2.5);
    is_str(val_str(def(m, "info")->value), S("{\"a\":1}"));
    ok(def(m, "code")->kind == DEFAULT_NANOID && def(m, "code")->arg == 10, "nanoid of a length");
    is_int(def(m, "made")->kind, DEFAULT_NOW);
    is_int(def(m, "changed")->kind, DEFAULT_NONE);
    ok(schema_field_get(m, S("changed"))->is_updated_at, "@updatedAt");
    ok(schema_field_get(m, S("secret"))->is_ignored, "@ignore");
    is_str(def(m, "db")->text, S("lower('x')"));
    is_int(def(schema_model_get(p.s, S("Profile")), "id")->kind, DEFAULT_UUID7);
    const schema_enum *e = schema_enum_get(p.s, S("Status"));
    is_str(e->db_name, S("order_status"));
    is_str(e->doc, S("Where an order stands\non its way"));
    is_str(e->values[0].doc, S("new"));
    is_str(schema_enum_value_by_db(e, S("pending"))->name, S("PENDING"));
    ok(schema_enum_value_get(e, S("pending")) == NULL, "clients do not see the database's name");
    drop(&p);
}

static void test_lists(void)
{
    static const char text[] = DB("postgresql") "enum E {\n  A\n  B @map(\"b\")\n}\n"
                                                "model M {\n  id Int @id @db.SmallInt\n  n Int[] @default([1, 2])\n"
                                                "  e E[] @default([A, B])\n  none String[] @default([])\n"
                                                "  s String @db.VarChar(30)\n  d Decimal @db.Decimal(10, 2)\n"
                                                "  u Unsupported(\"point\")?\n}\n";
    parsed p = parse(text);
    if (!no_err(&p.err)) return;
    const schema_model *m = schema_model_get(p.s, S("M"));
    const val *n = &def(m, "n")->value, *e = &def(m, "e")->value;
    ok(n->type == VAL_LIST && n->n == 2 && n->u.list[1].u.i == 2, "a list of numbers");
    is_str(val_str(e->u.list[1]), S("b"));
    ok(def(m, "none")->value.type == VAL_LIST && def(m, "none")->value.n == 0, "an empty list");
    is_str(schema_field_get(m, S("s"))->native->name, S("VarChar"));
    is_str(schema_field_get(m, S("s"))->native->args[0], S("30"));
    is_str(schema_field_get(m, S("d"))->native->args[1], S("2"));
    is_int(schema_field_get(m, S("u"))->kind, FIELD_UNSUPPORTED);
    drop(&p);
}

static void test_config(void)
{
    parsed p =
        parse("datasource d {\n  provider = \"postgres\"\n  url = env(\"URL\")\n  relationMode = \"prisma\"\n}\n");
    no_err(&p.err);
    ok(p.s != NULL && p.s->provider == PROVIDER_POSTGRESQL && p.s->relation_mode_emulated,
       "postgres, emulated relations");
    is_str(p.s->url_env, S("URL"));
    drop(&p);
    static const char seven[] = "datasource d {\n  provider = \"sqlite\"\n  url = \"file:x\"\n}\n";
    p = parse(seven);
    is_str(p.s->url, S("file:x"));
    drop(&p);
    p = parse_with(seven, 7, mem_default);
    ok(p.s == NULL && p.d.n == 1, "version 7 has no url");
    is_err(&p.err, NICOL_E_SCHEMA_INVALID);
    drop(&p);
    p = parse("");
    no_err(&p.err);
    ok(p.s != NULL && p.s->models_n == 0 && schema_model_get(p.s, S("A")) == NULL, "an empty schema");
    drop(&p);
    p = parse_with(DB("sqlite") "enum E {\n  A\n}\nmodel M {\n  id Int @id\n  e E\n}\n", 5, mem_default);
    ok(p.s == NULL, "version 5 has no enums on SQLite");
    drop(&p);
}

/* Each text with the one message that it must give, and where. */
static const struct {
    const char *text, *at, *message;
} WRONG[] = {
    {DB("sqlserver") "model A {\n  id Int @id\n  p A? @relation(\"x\", fields: [pId], references: [id])\n  pId Int?\n  c A[] @relation(\"x\")\n}\n",
     "p A? @relation(\"x\", fields: [pId], references: [id])\n",
     "Error validating: A self-relation must have `onDelete` and `onUpdate` referential actions set to `NoAction` in one of the "
     "@relation attributes. (Implicit default `onDelete`: `SetNull`, and `onUpdate`: `Cascade`) Read more at "
     "https://pris.ly/d/cyclic-referential-actions"},
    {DB("sqlserver") "model A {\n  id Int @id\n  b B @relation(\"x\", fields: [bId], references: [id])\n  bId Int\n  bs B[] @relation(\"y\")\n}\n"
                     "model B {\n  id Int @id\n  a A @relation(\"y\", fields: [aId], references: [id], onDelete: NoAction)\n  aId Int\n"
                     "  as A[] @relation(\"x\")\n}\n",
     "b B @relation(\"x\", fields: [bId], references: [id])\n",
     "Error validating: Reference causes a cycle. One of the @relation attributes in this cycle must have `onDelete` and `onUpdate` "
     "referential actions set to `NoAction`. Cycle path: A.b \xE2\x86\x92 B.a. (Implicit default `onUpdate`: `Cascade`) Read more at "
     "https://pris.ly/d/cyclic-referential-actions"},
    {DB("mysql") "model A {\n  id Int @id\n  bs B[]\n}\nmodel B {\n  id Int @id\n  a A @relation(fields: [aId], references: [id], "
                 "onDelete: SetNull)\n  aId Int\n}\n",
     "onDelete: SetNull",
     "Error parsing attribute \"@relation\": The `onDelete` referential action of a relation must not be set to `SetNull` when a "
     "referenced field is required.\nEither choose another referential action, or make the referenced fields optional.\n"},
    {DB("postgresql") "model A {\n  id Int @id\n  s String\n  @@index([s], type: Gin)\n}\n", "@@index([s], type: Gin)",
     "Error parsing attribute \"@@index\": The Gin index type does not support the type of the field `s`."},
    {DB("postgresql") "model A {\n  id Int @id\n  s Int\n  @@index([s(ops: TextBloomOps)], type: Brin)\n}\n",
     "@@index([s(ops: TextBloomOps)], type: Brin)",
     "Error parsing attribute \"@@index\": The given operator class `TextBloomOps` points to the field `s` that is not of String type."},
    {DB("cockroachdb") "model A {\n  id Int @id @default(autoincrement())\n}\n", "@default(autoincrement())",
     "Error parsing attribute \"default\": The `autoincrement()` default function is defined only on BigInt fields on CockroachDB. Use "
     "sequence() if you want an autoincrementing Int field."},
    {DB("postgresql") "model A {\n  id Int @id\n  a Unsupported(\"VarChar(3)\")\n}\n",
     "a Unsupported(\"VarChar(3)\")\n",
     "Error validating: The type `Unsupported(\"VarChar(3)\")` you specified in the type definition for the field `a` is supported as a "
     "native type by Prisma. Please use the native type notation `String @db.VarChar(3)` for full support."},
    {DB("postgresql") "model A {\n  id Int @id\n  d Decimal @db.Decimal(2, 4)\n}\n", "@db.Decimal(2, 4)",
     "The scale must not be larger than the precision for the Decimal(2,4) native type in Postgres."},
    {DB("postgresql") "type T {\n  a Int\n}\n", "type T {\n  a Int\n}",
     "Error validating: Composite types are not supported on Postgres."},
    {DB("sqlite") "model A {\n  id Int @id\n  s String @map(name:)\n}\n", "name",
     "Error parsing attribute \"@map\": The `name` argument is missing a value."},
    {DB("sqlite") "model A {\n  id Int @id\n  s String @map(\"a\", \"b\")\n}\n", "@map(\"a\", \"b\")",
     "Error parsing attribute \"@map\": You provided multiple unnamed arguments. This is not possible. Did you forget the brackets? Did "
     "you mean `[\"a\", \"b\"]`?"},
    {DB("sqlite") "model A {\n  id Int @id\n  j Json @default(\"{1}\")\n}\n", "\"{1}\"",
     "Error parsing attribute \"@default\": Parse error: \"{1}\" is not a valid JSON string. (key must be a string at line 1 column 2)"},
    {DB("sqlite") "generator g {\n  provider =\n}\n", "generator g {\n  provider =\n}",
     "Property provider in generator g needs to be assigned a value"},
    {DB("mongodb") "model A {\n  id Int @id @map(\"_id\") @default(auto())\n}\n",
     "id Int @id @map(\"_id\") @default(auto())\n",
     "Error validating field `id` in model `A`: MongoDB `@default(auto())` fields must have `ObjectId` native type."},
};

static void test_messages(void)
{
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        parsed p = parse_with(WRONG[i].text, 7, mem_default);
        if (!ok(p.s == NULL && said(&p, WRONG[i].text, WRONG[i].at, WRONG[i].message), "message %zu", i)) {
            for (size_t k = 0; k < p.d.n; k++)
                diag("%u-%u %.*s", p.d.v[k].start, p.d.v[k].end, STR_FMT(p.d.v[k].message));
        }
        drop(&p);
    }
}

static void test_every_error(void)
{
    static const char text[] = DB("sqlite") "model A {\n  id Int @id\n  !!!\n  f Nope\n  g\n}\nwhat is this\n";
    parsed p = parse(text);
    is_int(p.d.n, 4);
    ok(said(&p, text, "!!!\n", "Error validating: This line is not a valid field or attribute definition."),
       "a bad line");
    ok(said(&p, text, "what is this\n",
            "Error validating: This line is invalid. It does not start with any known Prisma schema keyword."),
       "a bad block");
    ok(said(&p, text, "Nope",
            "Type \"Nope\" is neither a built-in type, nor refers to another model, composite type, or enum."),
       "an unknown type, although lines were bad");
    is_err(&p.err, NICOL_E_SCHEMA_INVALID);
    ok(str_starts(p.err.message, S("The schema has 4 errors. The first: Error validating: This line")),
       "the error sums up");
    drop(&p);
}

static void test_partial(void)
{
    static const char on[] =
        DB("postgresql") "generator g {\n  provider = \"x\"\n  previewFeatures = [\"partialIndexes\"]\n}\n"
                         "model A {\n  id Int @id\n  b Int\n  c Boolean @unique(where: raw(\"c\"))\n"
                         "  @@unique([b], where: { c: true })\n}\n";
    parsed p = parse_with(on, 7, mem_default);
    no_err(&p.err);
    const schema_model *m = p.s == NULL ? NULL : schema_model_get(p.s, S("A"));
    ok(m != NULL && m->indexes_n == 3 && m->indexes[1].kind == INDEX_NORMAL && m->indexes[2].kind == INDEX_NORMAL,
       "a partial unique index is no key");
    drop(&p);
}

/* --- for people --------------------------------------------------------------------------------------------------------- */

static void test_distance(void)
{
    is_int(schema_name_distance(S("same"), S("same")), 0);
    is_int(schema_name_distance(S("uniqe"), S("unique")), 1);
    is_int(schema_name_distance(S("lisetn"), S("listen")), 1);
    is_int(schema_name_distance(S(""), S("abc")), 3);
    is_int(schema_name_distance(S("kitten"), S("sitting")), 3);
    ok(schema_name_distance(S("0123456789012345678901234567890123"), S("a")) == SIZE_MAX, "too long to compare");
}

static void test_render(void)
{
    static const char text[] = "// \xC3\xA4\xF0\x9F\x98\x80\nmodel A {\n  \xC3\xA9 id\x1b[2J Int\n}\n";
    schema_file file = {S("a.prisma"), S(text)};
    size_t at = (size_t)(strstr(text, "id") - text);
    schema_diag d = {.start = (uint32_t)at, .end = (uint32_t)at + 2, .message = S("no")};
    buf b;
    buf_init(&b, mem_default, 10000);
    schema_diag_render(&file, &d, false, &b);
    is_str(buf_view(&b), S("error: no\n  --> a.prisma:3:5\n   |\n 3 |   \xC3\xA9 id?[2J Int\n   |     ^^\n   |\n"));
    buf_clear(&b);
    d.warning = true;
    schema_diag_render(&file, &d, true, &b);
    ok(str_starts(buf_view(&b), S("\x1b[1;33mwarning\x1b[0m\x1b[1m: no\x1b[0m\n")), "colour");
    buf_clear(&b);
    d = (schema_diag){.start = sizeof(text) - 1, .end = sizeof(text) - 1, .message = S("end")};
    schema_diag_render(&file, &d, false, &b);
    ok(str_find(buf_view(&b), S("a.prisma:5:1"), 0) != SIZE_MAX, "at the end of the file");
    buf_clear(&b);
    d = (schema_diag){.start = 0, .end = 2, .message = S("no"), .help = S("say\x1byes")};
    schema_diag_render(&file, &d, false, &b);
    ok(str_ends(buf_view(&b), S("   |\n   = help: say?yes\n")), "help");
    buf_free(&b);
    is_int(schema_utf16_offset(S(text), 5), 4);
    is_int(schema_utf16_offset(S(text), 9), 6);
    is_int(schema_utf16_offset(S("abc"), 99), 3);
}

static bool write_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (f == NULL) return false;
    fputs(text, f);
    return fclose(f) == 0;
}

static void test_load(void)
{
    char folder[] = "/tmp/nicol-schema-XXXXXX", path[512];
    if (!ok(mkdtemp(folder) != NULL, "a folder")) return;
    snprintf(path, sizeof(path), "%s/sub", folder);
    mkdir(path, 0700);
    write_file(folder, "b.prisma", "model B {\n  id Int @id\n}\n");
    write_file(folder, "notes.txt", "nothing");
    write_file(path, "a.prisma", DB("sqlite"));
    FOR_EACH_FAULT(m, "load a folder") {
        arena *a = arena_new(m, (size_t)1 << 24);
        schema_file *files = NULL;
        size_t n = 0;
        nicol_error err = {0};
        if (a == NULL) continue;
        bool good = schema_load(folder, a, &files, &n, &err);
        ok(good || tap_faulted(m), "loaded");
        if (good) {
            is_int(n, 2);
            ok(str_ends(files[0].path, S("/b.prisma")) && str_ends(files[1].path, S("/sub/a.prisma")),
               "sorted by path");
            is_str(files[1].text, S(DB("sqlite")));
        }
        arena_free(a);
    }
    arena *a = arena_new(mem_default, (size_t)1 << 24);
    schema_file *files;
    size_t n;
    nicol_error err = {0};
    ok(!schema_load("/tmp/nicol-is-not-there.prisma", a, &files, &n, &err), "a missing file");
    ok(str_find(err.message, S("/tmp/nicol-is-not-there.prisma"), 0) != SIZE_MAX, "is named");
    snprintf(path, sizeof(path), "%s/b.prisma", folder);
    err = (nicol_error){0};
    ok(schema_load(path, a, &files, &n, &err) && n == 1, "one file");
    unlink(path);
    snprintf(path, sizeof(path), "%s/sub/a.prisma", folder);
    unlink(path);
    err = (nicol_error){0};
    ok(!schema_load(folder, a, &files, &n, &err), "a folder without schemas");
    is_err(&err, NICOL_E_USAGE);
    arena_free(a);
    snprintf(path, sizeof(path), "%s/notes.txt", folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/sub", folder);
    rmdir(path);
    rmdir(folder);
}

/* --- faults, limits, hostile text ----------------------------------------------------------------------------------------- */

static void fault_loop(const char *name, const char *text, bool valid)
{
    FOR_EACH_FAULT(m, name) {
        parsed p = parse_with(text, 0, m);
        if (!tap_faulted(m)) {
            ok((p.s != NULL) == valid, "verdict");
        } else if (p.s == NULL && p.a != NULL) {
            ok(p.err.code == NICOL_E_NO_MEMORY || (!valid && p.err.code == NICOL_E_SCHEMA_INVALID),
               "says what happened");
        }
        drop(&p);
    }
}

static void test_faults(void)
{
    fault_loop("shop", shop_text(), true);
    fault_loop(
        "lists, native types, indexes",
        DB("postgresql") "enum E {\n  A\n  B\n}\nview V {\n  id Int @unique\n}\n"
                         "model M {\n  id Int @id @db.SmallInt\n  n Int[] @default([1, 2])\n  e E[] @default([A, B])\n"
                         "  s String @db.VarChar(30)\n  @@index([n], type: Gin)\n  @@index([s(ops: raw(\"x\"))])\n}\n",
        false);
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) fault_loop("message", WRONG[i].text, false);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* `unit` again and again up to n bytes, between a head and a tail. */
static char *repeat(const char *head, const char *unit, const char *tail, size_t n)
{
    size_t h = strlen(head), u = strlen(unit), t = strlen(tail), at = h;
    char *p = malloc(h + n + u + t + 1);
    if (p == NULL) abort();
    memcpy(p, head, h);
    while (at + u + t <= n) {
        memcpy(p + at, unit, u);
        at += u;
    }
    memcpy(p + at, tail, t + 1);
    return p;
}

static void hostile(const char *name, char *text, bool valid)
{
    double start = seconds();
    parsed p = parse(text);
    double took = seconds() - start;
    ok((p.s != NULL) == valid, "%s: %s", name, valid ? "accepted" : "refused");
    ok(took < 20, "%s: in time (%.2f s)", name, took);
    drop(&p);
    free(text);
}

static void test_hostile(void)
{
    size_t n = (size_t)1 << 20;
    hostile("unclosed blocks", repeat("", "model A {\n", "", n), false);
    hostile("closed and unclosed", repeat("model Z {\n}\n", "model A {\n  a Int\n", "", n), false);
    hostile("strange blocks", repeat("", "x {\n", "", n), false);
    hostile("escaped line ends", repeat(DB("sqlite"), "model A {\n @@a(\"\\\n}\n", "", n), false);
    hostile("garbage lines", repeat(DB("sqlite"), "!\n", "", n), false);
    hostile("comments", repeat(DB("sqlite"), "/// x\n", "", n), true);
    hostile("blank lines", repeat(DB("sqlite"), " \n", "", n), true);
    hostile("deep calls", repeat(DB("sqlite") "model A {\n id Int @default(", "f(", "\n}\n", n), false);
    hostile("deep arrays", repeat(DB("sqlite") "model A {\n id Int @default(", "[", "\n}\n", n), false);
    hostile("deep objects", repeat(DB("sqlite") "model A {\n id Int @x(", "{a:", "\n}\n", n), false);
    hostile("attributes", repeat(DB("sqlite") "model A {\n id Int @id ", "@x ", "\n}\n", n), false);
    hostile("one long name", repeat(DB("sqlite") "model A", "a", " {\n  id Int @id\n}\n", n), true);
    hostile("self relations", repeat(DB("sqlite") "model A {\n id Int @id\n", " a A[]\n", "}\n", n / 16), false);
}

static void test_many_models(void)
{
    buf b;
    buf_init(&b, mem_default, NICOL_SCHEMA_BYTES_MAX);
    buf_str(&b, S(DB("sqlite")));
    for (int i = 0; i < 5000; i++)
        buf_printf(
            &b,
            "model M%d {\n  id Int @id\n  next M%d? @relation(\"r%d\", fields: [nextId], references: [id])\n  nextId Int? @unique\n"
            "  last M%d? @relation(\"r%d\")\n}\n",
            i, (i + 1) % 5000, i, (i + 4999) % 5000, (i + 4999) % 5000);
    buf_char(&b, 0);
    double start = seconds();
    parsed p = parse(b.ptr);
    double took = seconds() - start;
    no_err(&p.err);
    ok(p.s != NULL && p.s->relations_n == 5000, "a ring of 5,000 models");
    ok(took < 20, "in time (%.2f s for %zu bytes)", took, b.len);
    drop(&p);
    buf_free(&b);
}

static parsed parse_bytes(const char *p, size_t n)
{
    parsed out = {.a = arena_new(mem_default, (size_t)1 << 30)};
    schema_file file = {S("x"), {p, n}};
    schema_opts opts = {0};
    out.s = schema_parse(&file, 1, &opts, out.a, &out.d, &out.err);
    return out;
}

static void test_bytes(void)
{
    static const char nul[] = "model A {\n  id Int @id\n  \0 x\n}\n\0";
    parsed p = parse_bytes(nul, sizeof(nul));
    ok(p.s == NULL && p.d.n == 2, "NUL bytes are like any wrong character");
    drop(&p);
    p = parse_bytes("model A {\n  id Int @id // \xff\n}\n", 30);
    ok(p.s == NULL && p.d.n == 1 && p.d.v[0].start == 26, "invalid UTF-8 is found");
    drop(&p);
    p = parse_bytes("\xEF\xBB\xBFmodel A {\n  id Int @id\n}\n", 28);
    ok(p.s != NULL, "a byte order mark is skipped");
    drop(&p);
    p = parse_bytes("model A {\r\n  id Int @id\r\n}\r\n", 28);
    ok(p.s != NULL, "CRLF");
    drop(&p);
    p = parse_bytes("model A {\r  id Int @id\r}", 24);
    ok(p.s != NULL, "CR");
    drop(&p);
    p = parse_bytes(NULL, 0);
    ok(p.s != NULL, "no text at all");
    drop(&p);
}

static void test_limits(void)
{
    char *text = malloc(NICOL_SCHEMA_BYTES_MAX + 1);
    if (text == NULL) abort();
    memset(text, '\n', NICOL_SCHEMA_BYTES_MAX + 1);
    parsed p = parse_bytes(text, NICOL_SCHEMA_BYTES_MAX);
    ok(p.s != NULL, "as large as may be");
    drop(&p);
    p = parse_bytes(text, NICOL_SCHEMA_BYTES_MAX + 1);
    ok(p.s == NULL, "one byte more");
    is_err(&p.err, NICOL_E_LIMIT);
    drop(&p);
    free(text);
    for (int extra = 0; extra < 2; extra++) {
        char deep[512] = DB("sqlite") "model A {\n  id Int @id\n  @@x(";
        int depth = NICOL_SCHEMA_DEPTH_MAX + extra;
        for (int i = 0; i < depth; i++) strcat(deep, "[");
        for (int i = 0; i < depth; i++) strcat(deep, "]");
        strcat(deep, ")\n}\n");
        p = parse(deep);
        bool said_deep = p.d.n == 1 && str_find(p.d.v[0].message, S("nested more than"), 0) != SIZE_MAX;
        ok(p.s == NULL && said_deep == (extra == 1), "expressions %d deep", depth);
        drop(&p);
    }
    text = repeat("", "!\n", "", 10001 * 2);
    p = parse(text);
    is_int(p.d.n, 10000);
    ok(str_starts(p.err.message, S("The schema has 10001 errors.")), "all are counted: %.*s", STR_FMT(p.err.message));
    drop(&p);
    free(text);
}

/* Names, types and rules that came from comparing thousands of schemas; the comparison itself is tests/e2e/schema-oracle. */
static void test_language(void)
{
    static const struct {
        const char *name, *text, *message; /* message: NULL when the schema is right */
    } rows[] = {
        {"two datasources, the second with more schemas",
         "datasource a {\n  provider = \"postgresql\"\n  schemas = [\"x\"]\n}\n"
         "datasource b {\n  provider = \"postgresql\"\n  schemas = [\"x\", \"y\", \"z\"]\n}\n"
         "datasource c {\n  provider = \"postgresql\"\n  schemas = [\"x\"]\n}\n",
         "Error validating datasource `a`: You defined more than one datasource. This is not allowed yet because support "
         "for multiple databases has not been implemented yet."},
        {"letters of other scripts",
         DB("sqlite") "model \xC3\x9C"
                      "bung {\n  id Int @id\n  na\xC3\xAFve String\n  \xE6\x97\xA5 Int?\n}\n",
         NULL},
        {"digits of other scripts", DB("sqlite") "model A {\n  id Int @id\n  \xD9\xA3 Int\n}\n",
         "Error validating: This line is not a valid field or attribute definition."},
        {"comments of several lines",
         DB("sqlite") "/* a\n } */ model A { /* b */\n  id Int @id /* c\n*/\n  /** d */ n Int\n}\n", NULL},
        {"a comment without its end", DB("sqlite") "model A {\n  id Int @id\n}\n/* end\n",
         "Error validating: This line is invalid. It does not start with any known Prisma schema keyword."},
        {"all errors at once", "model A {\n  id Int @id\n  id Int\n  s String @default(1)\n  t Foo\n}\n",
         "Error parsing attribute \"@default\": Expected a String value, but found `1`."},
        {"an index into a composite type",
         DB("mongodb") "type T {\n  a Int\n}\nmodel M {\n  id String @id @map(\"_id\")\n  t T\n  @@index([t.a])\n}\n",
         NULL},
        {"a path that leads nowhere",
         DB("mongodb") "type T {\n  a Int\n}\nmodel M {\n  id String @id @map(\"_id\")\n  t T\n  @@index([t.b])\n}\n",
         "Error validating model \"M\": The index definition refers to the unknown fields: b in type T."},
        {"types that contain each other", DB("mongodb") "type A {\n  b B\n}\ntype B {\n  c C\n}\ntype C {\n  b B\n}\n",
         "Error validating field `b` in composite type `C`: The types cause an endless cycle in the path `C` \xE2\x86\x92 "
         "`B` \xE2\x86\x92 `A`. Please change one of the fields to be either optional or a list to break the cycle."},
        {"a condition of the wrong type",
         DB("sqlite") "generator g {\n  provider = \"x\"\n  previewFeatures = [\"partialIndexes\"]\n}\n"
                      "model A {\n  id Int @id\n  n Int\n  @@index([n], where: { n: \"x\" })\n}\n",
         "Error parsing attribute \"@index\": Type mismatch: field 'n' is of type Int, but the value is a String."},
        {"an extension's argument", "datasource d {\n  provider = \"postgresql\"\n  extensions = [a(foo: \"x\")]\n}\n",
         "Argument not known: \"foo\"."},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        parsed p = parse_with(rows[i].text, 7, mem_default);
        bool found = rows[i].message == NULL ? p.s != NULL && p.d.n == 0 : false;
        for (size_t k = 0; rows[i].message != NULL && p.s == NULL && k < p.d.n; k++)
            found = found || str_eq(p.d.v[k].message, str_c(rows[i].message));
        ok(found, "%s: %.*s", rows[i].name, STR_FMT(p.err.message));
        drop(&p);
    }
    parsed p = parse_with(DB("mongodb") "/** A\n * thing */\ntype T {\n  a Int /* x */\n}\n", 7, mem_default);
    ok(p.s != NULL && p.s->types_n == 1 && p.s->types[0].fields_n == 1, "composite types are in the model");
    ok(p.s != NULL && str_eq(p.s->types[0].doc, S("* A\n * thing")), "with what their comments say");
    drop(&p);
}

static void test_counts(void)
{
    static const struct {
        const char *head, *unit, *tail;
        size_t most;
    } rows[] = {
        {DB("sqlite") "model A {\n  id Int @id\n", "  a%zu Int\n", "}\n", NICOL_SCHEMA_FIELDS_MAX - 1},
        {DB("sqlite") "model A {\n  id Int @id\n", "  @@index([id], map: \"i%zu\")\n", "}\n", NICOL_SCHEMA_FIELDS_MAX},
        {DB("postgresql") "enum E {\n", "  V%zu\n", "}\nmodel A {\n  id Int @id\n  e E[] @default([V1, V2])\n}\n",
         NICOL_SCHEMA_VALUES_MAX},
        {"generator g {\n  provider = \"x\"\n", "  p%zu = \"\"\n", "}\n", NICOL_SCHEMA_ARGS_MAX - 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t extra = 0; extra < 2; extra++) {
            buf b;
            buf_init(&b, mem_default, NICOL_SCHEMA_BYTES_MAX);
            buf_str(&b, str_c(rows[i].head));
            for (size_t k = 0; k < rows[i].most + extra; k++) {
                char line[64];
                const char *gap = strstr(rows[i].unit, "%zu");
                snprintf(line, sizeof(line), "%.*s%zu%s", (int)(gap - rows[i].unit), rows[i].unit, k, gap + 3);
                buf_str(&b, str_c(line));
            }
            buf_str(&b, str_c(rows[i].tail));
            buf_char(&b, 0);
            parsed p = parse(b.ptr);
            ok((p.s != NULL) == (extra == 0), "row %zu: %zu lines: %.*s", i, rows[i].most + extra,
               STR_FMT(p.err.message));
            drop(&p);
            buf_free(&b);
        }
    }
}

/* --- memory ---------------------------------------------------------------------------------------------------------- */

typedef struct counted {
    size_t live, peak;
} counted;

static void count_more(counted *c, size_t taken, size_t given)
{
    c->live += taken;
    if (c->live > c->peak) c->peak = c->live;
    c->live -= given;
}

static void *count_alloc(void *ctx, size_t size)
{
    void *p = mem_default->alloc(mem_default->ctx, size);
    if (p != NULL) count_more(ctx, size, 0);
    return p;
}

static void *count_resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    void *q = mem_default->resize(mem_default->ctx, p, old_size, new_size);
    if (q != NULL) count_more(ctx, new_size, old_size);
    return q;
}

static void count_free(void *ctx, void *p, size_t size)
{
    mem_default->free(mem_default->ctx, p, size);
    if (p != NULL) count_more(ctx, 0, size);
}

/* Models of twenty fields with the attributes that real ones have; each refers to the one before it. */
static void many_fields(buf *b, size_t models)
{
    buf_lit(b, DB("postgresql") "enum Role {\n  USER\n  ADMIN\n}\n");
    for (size_t m = 0; m < models; m++) {
        buf_printf(b,
                   "\nmodel Model%zu {\n  id Int @id @default(autoincrement())\n  createdAt DateTime @default(now())\n"
                   "  updatedAt DateTime @updatedAt\n  email String @unique\n  role Role @default(USER)\n",
                   m);
        for (int f = 5; f < 17; f++)
            buf_printf(b,
                       f % 3 == 0   ? "  field%d String? @db.VarChar(%d)\n"
                       : f % 3 == 1 ? "  field%d Int @default(%d)\n"
                                    : "  field%d Boolean @map(\"column_%d\")\n",
                       f, f);
        if (m + 1 < models) buf_printf(b, "  children Model%zu[]\n", m + 1);
        if (m > 0)
            buf_printf(b, "  parentId Int\n  parent Model%zu @relation(fields: [parentId], references: [id])\n", m - 1);
        buf_lit(b, "\n  @@index([createdAt])\n}\n");
    }
    buf_char(b, 0);
}

static void test_memory(void)
{
    buf b;
    counted c = {0, 0};
    mem m = {count_alloc, count_resize, count_free, &c};
    buf_init(&b, mem_default, NICOL_SCHEMA_BYTES_MAX);
    many_fields(&b, 1000);
    parsed p = parse_with(b.ptr, 7, &m);
    if (no_err(&p.err)) is_int((int64_t)p.s->models_n, 1000);
    size_t kept = c.live;
    ok(c.peak <= 10 * b.len, "%zu bytes take %zu at most while they are read", b.len, c.peak);
    ok(kept <= 8 * b.len, "and %zu afterwards", kept);
    drop(&p);
    is_int((int64_t)c.live, 0);
    buf_free(&b);
}

int main(void)
{
    test_shop_models();
    test_relations();
    test_indexes();
    test_defaults();
    test_lists();
    test_config();
    test_messages();
    test_every_error();
    test_partial();
    test_distance();
    test_render();
    test_load();
    test_faults();
    test_hostile();
    test_many_models();
    test_bytes();
    test_limits();
    test_language();
    test_counts();
    test_memory();
    return done_testing();
}
