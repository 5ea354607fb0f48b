/* Tests of plan's compiler for reads: a request and a schema in, the statements and the structure of the plan out. */
#include "plan/plan.h"
#include "query/query.h"
#include "tap.h"
#include "json/json.h"

#include "base/str.h"

static const char schema_text[] =
    "datasource db {\n  provider = \"sqlite\"\n}\n"
    "model User {\n  id Int @id @default(autoincrement())\n  email String @unique\n  name String?\n  age Int @default(1)\n"
    "  score Decimal @default(0)\n  created DateTime @default(now())\n  meta Json?\n  kind Kind @default(NORMAL)\n"
    "  posts Post[]\n  profile Profile?\n  boss User? @relation(\"boss\", fields: [bossId], references: [id])\n"
    "  bossId Int? @map(\"boss_id\")\n  reports User[] @relation(\"boss\")\n  @@unique([name, age])\n  @@map(\"users\")\n}\n"
    "enum Kind {\n  NORMAL\n  ADMIN @map(\"admin\")\n}\n"
    "model Profile {\n  id Int @id\n  bio String\n  user User @relation(fields: [userId], references: [id])\n"
    "  userId Int @unique\n}\n"
    "model Post {\n  id Int @id\n  title String\n  views Int @default(0)\n"
    "  author User @relation(fields: [authorId], references: [id])\n  authorId Int\n  tags Tag[]\n  @@index([authorId])\n}\n"
    "model Tag {\n  id Int @id\n  name String @unique\n  posts Post[]\n}\n"
    "model t0 {\n  id Int @id\n  upId Int?\n  up t0? @relation(\"up\", fields: [upId], references: [id])\n"
    "  down t0[] @relation(\"up\")\n}\n";

static schema *model;

/* --- a plan as one line: node names in brackets, the text of statements, `?*` for lists ---------------------------------- */

static void put_node(buf *b, const plan_node *n);

static void put_stmt(buf *b, const plan_stmt *s)
{
    if (s->raw) buf_lit(b, "raw ");
    if (s->sql.len) buf_str(b, s->sql);
    for (uint32_t i = 0; !s->sql.len && i < s->frags_n; i++) {
        if (s->frags[i].type == FRAG_TEXT) buf_str(b, s->frags[i].text);
        else if (s->frags[i].type == FRAG_PARAM) buf_char(b, '?');
        else buf_lit(b, "(?*)");
    }
    if (s->chunkable) buf_lit(b, " <chunks>");
}

static void put_names(buf *b, const char *what, const nicol_str *v, uint32_t n)
{
    buf_lit(b, " ");
    buf_str(b, str_c(what));
    for (uint32_t i = 0; i < n; i++) {
        buf_char(b, i ? ',' : '=');
        buf_str(b, v[i]);
    }
}

static void put_ops(buf *b, const plan_ops *o)
{
    buf_lit(b, "process");
    if (o->has_cursor) put_names(b, "cursor", o->cursor_fields, o->cursor_n);
    if (o->has_take) buf_printf(b, " take=%d", (int)o->take);
    if (o->has_skip) buf_printf(b, " skip=%d", (int)o->skip);
    if (o->has_distinct) put_names(b, "distinct", o->distinct, o->distinct_n);
    if (o->has_linking) put_names(b, "linking", o->linking, o->linking_n);
    if (o->reverse) buf_lit(b, " reverse");
}

static void put_one(buf *b, const char *name, const plan_node *x)
{
    buf_str(b, str_c(name));
    buf_char(b, '[');
    put_node(b, x);
    buf_char(b, ']');
}

static void put_node(buf *b, const plan_node *n)
{
    switch ((int)n->type) {
    case PLAN_QUERY:
    case PLAN_EXECUTE:
        put_stmt(b, n->u.stmt);
        return;
    case PLAN_DATA_MAP:
        put_one(b, "map", n->u.data_map.expr);
        return;
    case PLAN_UNIQUE:
        put_one(b, "unique", n->u.one);
        return;
    case PLAN_REVERSE:
        put_one(b, "reverse", n->u.one);
        return;
    case PLAN_VALIDATE:
        put_one(b, "validate", n->u.validate.expr);
        return;
    case PLAN_PROCESS:
        put_ops(b, n->u.process.ops);
        put_one(b, "", n->u.process.expr);
        return;
    case PLAN_GET:
        buf_printf(b, "#%u", n->u.get.slot);
        return;
    case PLAN_MAP_FIELD:
        put_one(b, "field", n->u.map_field.records);
        buf_char(b, '.');
        buf_str(b, n->u.map_field.field);
        return;
    case PLAN_LET:
        for (uint32_t i = 0; i < n->u.let.n; i++) {
            buf_printf(b, "#%u=", n->u.let.v[i].slot);
            put_node(b, n->u.let.v[i].expr);
            buf_lit(b, "; ");
        }
        put_node(b, n->u.let.expr);
        return;
    case PLAN_JOIN:
        put_one(b, "join", n->u.join.parent);
        for (uint32_t i = 0; i < n->u.join.n; i++) {
            const plan_join_child *k = &n->u.join.v[i];
            put_names(b, "on", k->on_parent, k->on_n);
            buf_char(b, ':');
            buf_str(b, k->on_child[0]);
            put_one(b, k->unique ? " one" : " many", k->child);
        }
        return;
    default:
        buf_printf(b, "node %d", (int)n->type);
    }
}

/* The plan of a request under memory m; NULL with *err. */
static plan *compile(const char *request, const mem *m, arena *a, nicol_error *err)
{
    json_doc doc;
    query_op op = {0};
    if (!json_parse(a, str_c(request), NICOL_JSON_DEPTH_MAX, &doc, err)) return NULL;
    if (!query_parse(model, json_root(&doc), a, &op, err)) return NULL;
    plan_compile_opts o = {.dialect = DIALECT_SQLITE, .m = m};
    return plan_compile(&op, &o, err);
}

static void gives(const char *request, const char *want)
{
    nicol_error err = {0};
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    plan *p = a ? compile(request, mem_default, a, &err) : NULL;
    buf b;
    buf_init(&b, mem_default, (size_t)1 << 20);
    if (p) put_node(&b, p->root);
    else buf_str(&b, err.message);
    if (!tap_check(str_eq(buf_view(&b), str_c(want)), __FILE__, __LINE__, request, "%.300s", request)) {
        diag("got  %.*s\nwant %s", STR_FMT(buf_view(&b)), want);
    }
    buf_free(&b);
    plan_free(p);
    arena_free(a);
}

#define FIND(model_, args, selection)                                                       \
    "{\"modelName\":\"" model_ "\",\"action\":\"findMany\",\"query\":{\"arguments\":{" args \
    "},\"selection\":{" selection "}}}"
#define IDS(args) FIND("User", args, "\"id\":true")
#define U "SELECT `users`.`id` FROM `users`"

static void test_scalars(void)
{
    gives(IDS(""), "map[" U "]");
    gives(IDS("\"where\":{}"), "map[" U "]");
    gives(IDS("\"where\":{\"name\":null}"), "map[" U " WHERE `users`.`name` IS NULL]");
    gives(IDS("\"where\":{\"name\":{\"not\":\"a\"}}"), "map[" U " WHERE `users`.`name` <> ?]");
    gives(IDS("\"where\":{\"age\":{\"gt\":1,\"lte\":5}}"),
          "map[" U " WHERE (`users`.`age` > ? AND `users`.`age` <= ?)]");
    gives(IDS("\"where\":{\"email\":{\"contains\":\"%\"}}"), "map[" U " WHERE `users`.`email` LIKE ('%' || ? || '%')]");
    gives(IDS("\"where\":{\"id\":{\"in\":[1,2]}}"), "map[" U " WHERE `users`.`id` IN (?*) <chunks>]");
    gives(IDS("\"where\":{\"id\":{\"notIn\":[1,2]}}"), "map[" U " WHERE `users`.`id` NOT IN (?*)]");
    gives(IDS("\"where\":{\"id\":{\"in\":[]}}"), "map[" U " WHERE 1=0]");
    gives(IDS("\"where\":{\"id\":{\"notIn\":[]}}"), "map[" U " WHERE 1=1]");
    gives(IDS("\"where\":{\"OR\":[]}"), "map[" U " WHERE 1=0]");
    gives(IDS("\"where\":{\"OR\":[{\"id\":{\"in\":[1]}},{\"age\":1}]}"),
          "map[" U " WHERE (`users`.`id` IN (?*) OR `users`.`age` = ?)]");
    gives(IDS("\"where\":{\"NOT\":{\"name\":\"x\"}}"), "map[" U " WHERE (NOT `users`.`name` = ?)]");
    gives(
        IDS("\"where\":{\"bossId\":{\"equals\":{\"$type\":\"FieldRef\",\"value\":{\"_ref\":\"age\",\"_container\":\"User\"}}}}"),
        "map[" U " WHERE `users`.`boss_id` = `users`.`age`]");
    gives(IDS("\"where\":{\"meta\":{\"path\":\"$.a\",\"equals\":1}}"), "map[" U " WHERE (`users`.`meta` -> ?) = ?]");
}

static void test_relation_filters(void)
{
    gives(IDS("\"where\":{\"posts\":{\"some\":{\"views\":1}}}"),
          "map[" U
          " WHERE EXISTS(SELECT 1 FROM `Post` AS `t1` WHERE `t1`.`authorId` = `users`.`id` AND `t1`.`views` = ?)]");
    gives(IDS("\"where\":{\"posts\":{\"every\":{\"views\":1}}}"),
          "map[" U " WHERE NOT EXISTS(SELECT 1 FROM `Post` AS `t1` WHERE `t1`.`authorId` = `users`.`id` AND NOT "
          "`t1`.`views` = ?)]");
    /* Without an index on the foreign key the related rows are gathered once. */
    gives(IDS("\"where\":{\"reports\":{\"none\":{\"age\":1}}}"),
          "map[" U
          " WHERE NOT `users`.`id` IN (SELECT `t1`.`boss_id` FROM `users` AS `t1` WHERE `t1`.`boss_id` IS NOT NULL "
          "AND `t1`.`age` = ?)]");
    gives(IDS("\"where\":{\"boss\":null}"), "map[" U " WHERE (`users`.`boss_id` IS NULL)]");
    gives(IDS("\"where\":{\"boss\":{\"is\":{\"name\":\"x\"}}}"),
          "map[" U
          " WHERE EXISTS(SELECT 1 FROM `users` AS `t1` WHERE `t1`.`id` = `users`.`boss_id` AND `t1`.`name` = ?)]");
    /* A boss without a name is found neither by the filter nor by its negation. */
    gives(IDS("\"where\":{\"NOT\":{\"boss\":{\"is\":{\"name\":\"x\"}}}}"),
          "map[" U
          " WHERE (NOT EXISTS(SELECT 1 FROM `users` AS `t1` WHERE `t1`.`id` = `users`.`boss_id` AND (`t1`.`name` = "
          "?) IS NOT FALSE))]");
    gives(IDS("\"where\":{\"boss\":{\"isNot\":{\"name\":\"x\"}}}"),
          "map[" U
          " WHERE NOT EXISTS(SELECT 1 FROM `users` AS `t1` WHERE `t1`.`id` = `users`.`boss_id` AND (`t1`.`name` = ?) "
          "IS NOT FALSE)]");
    gives(
        FIND("Post", "\"where\":{\"tags\":{\"some\":{\"name\":\"x\"}}}", "\"id\":true"),
        "map[SELECT `Post`.`id` FROM `Post` WHERE EXISTS(SELECT 1 FROM `_PostToTag` AS `t2` INNER JOIN `Tag` AS `t1` ON "
        "`t1`.`id` = `t2`.`B` WHERE `t2`.`A` = `Post`.`id` AND `t1`.`name` = ?)]");
    /* The model is called t0, which is then no alias. */
    gives(
        FIND("t0", "\"where\":{\"up\":{\"is\":{\"id\":1}}}", "\"id\":true"),
        "map[SELECT `t0`.`id` FROM `t0` WHERE EXISTS(SELECT 1 FROM `t0` AS `t1` WHERE `t1`.`id` = `t0`.`upId` AND `t1`.`id` "
        "= ?)]");
}

static void test_paging(void)
{
    gives(IDS("\"take\":2,\"skip\":1"), "map[" U " ORDER BY `users`.`id` ASC LIMIT ? OFFSET ?]");
    gives(IDS("\"skip\":1"), "map[" U " ORDER BY `users`.`id` ASC LIMIT -1 OFFSET ?]");
    gives(IDS("\"orderBy\":{\"age\":\"desc\"},\"take\":-2"),
          "map[process reverse[" U " ORDER BY `users`.`age` ASC LIMIT ?]]");
    gives(IDS("\"cursor\":{\"email\":\"a\"},\"take\":3"),
          "map[" U
          " WHERE `users`.`id` >= (SELECT `t1`.`id` FROM `users` AS `t1` WHERE `t1`.`email` = ?) ORDER BY `users`.`id` "
          "ASC LIMIT ?]");
    /* `age` alone does not tell rows apart: the page is cut in memory. */
    gives(IDS("\"cursor\":{\"id\":1},\"orderBy\":{\"age\":\"desc\"},\"take\":3"),
          "map[process cursor=id take=3[" U
          " WHERE `users`.`age` <= (SELECT `t1`.`age` FROM `users` AS `t1` WHERE `t1`.`id` = "
          "?) ORDER BY `users`.`age` DESC]]");
    gives(
        IDS("\"cursor\":{\"id\":1},\"orderBy\":[{\"age\":\"asc\"},{\"id\":\"asc\"}]"),
        "map[" U
        " WHERE ((`users`.`age` = (SELECT `t1`.`age` FROM `users` AS `t1` WHERE `t1`.`id` = ?) AND `users`.`id` >= "
        "(SELECT `t2`.`id` FROM `users` AS `t2` WHERE `t2`.`id` = ?)) OR `users`.`age` > (SELECT `t3`.`age` FROM `users` AS "
        "`t3` WHERE `t3`.`id` = ?)) ORDER BY `users`.`age` ASC, `users`.`id` ASC]");
    gives(
        IDS("\"distinct\":[\"age\"],\"take\":2"),
        "map[process take=2 distinct=age[SELECT `users`.`id`, `users`.`age` FROM `users` ORDER BY `users`.`id` ASC]]");
    gives(IDS("\"orderBy\":{\"name\":{\"sort\":\"asc\",\"nulls\":\"last\"}},\"take\":-1"),
          "map[process reverse[" U " ORDER BY `users`.`name` DESC NULLS FIRST LIMIT 1]]");
    gives(IDS("\"orderBy\":[{\"boss\":{\"name\":\"asc\"}},{\"posts\":{\"_count\":\"desc\"}}]"),
          "map[" U
          " LEFT JOIN `users` AS `t1` ON `t1`.`id` = `users`.`boss_id` ORDER BY `t1`.`name` ASC, (SELECT COUNT(*) FROM "
          "`Post` AS `t2` WHERE `t2`.`authorId` = `users`.`id`) DESC]");
}

static void test_includes(void)
{
    gives(IDS(""), "map[" U "]");
    gives(
        FIND("User", "", "\"email\":true,\"posts\":{\"arguments\":{\"take\":2},\"selection\":{\"title\":true}}"),
        "map[#0=SELECT `users`.`email`, `users`.`id` FROM `users`; #1=field[#0].id; join[#0] on=id:authorId many[process "
        "take=2 linking=authorId[SELECT `Post`.`title`, `Post`.`authorId` FROM `Post` WHERE `Post`.`authorId` IN (?*) ORDER "
        "BY `Post`.`id` ASC <chunks>]]]");
    gives(
        "{\"modelName\":\"User\",\"action\":\"findUnique\",\"query\":{\"arguments\":{\"where\":{\"id\":1}},\"selection\":{"
        "\"id\":true,\"profile\":{\"arguments\":{},\"selection\":{\"bio\":true}},\"boss\":{\"selection\":{\"id\":true}}}}}",
        "map[#0=unique[SELECT `users`.`id`, `users`.`boss_id` FROM `users` WHERE `users`.`id` = ? LIMIT 1]; "
        "#1=field[#0].id; #2=field[#0].boss_id; join[#0] on=id:userId one[SELECT `Profile`.`bio`, `Profile`.`userId` FROM "
        "`Profile` WHERE `Profile`.`userId` = ?] on=boss_id:id one[" U " WHERE `users`.`id` = ?]]");
    gives(
        FIND("Post", "", "\"tags\":{\"arguments\":{\"orderBy\":{\"name\":\"asc\"}},\"selection\":{\"name\":true}}"),
        "map[#0=SELECT `Post`.`id` FROM `Post`; #1=field[#0].id; join[#0] on=id:@link$_PostToTag many[SELECT `Tag`.`name`, "
        "`t1`.`A` AS `@link$_PostToTag` FROM `Tag` INNER JOIN `_PostToTag` AS `t1` ON `t1`.`B` = `Tag`.`id` WHERE `t1`.`A` IN "
        "(?*) ORDER BY `Tag`.`name` ASC <chunks>]]");
    gives(
        FIND("User", "",
             "\"_count\":{\"arguments\":{},\"selection\":{\"posts\":{\"arguments\":{\"where\":{\"views\":1}}}}}"),
        "map[SELECT `users`.`id`, (SELECT COUNT(*) FROM `Post` AS `t1` WHERE `t1`.`authorId` = `users`.`id` AND `t1`.`views` = "
        "?) AS `_aggr_count_posts` FROM `users`]");
}

static void test_aggregates(void)
{
    gives(
        "{\"modelName\":\"User\",\"action\":\"aggregate\",\"query\":{\"arguments\":{\"where\":{\"age\":1}},\"selection\":{"
        "\"_count\":{\"arguments\":{},\"selection\":{\"_all\":true,\"name\":true}},\"_sum\":{\"arguments\":{},\"selection\":{"
        "\"age\":true}}}}}",
        "map[unique[SELECT COUNT(*) AS `_count$_all`, COUNT(`users`.`name`) AS `_count$name`, SUM(`users`.`age`) AS "
        "`_sum$age` FROM `users` WHERE `users`.`age` = ?]]");
    gives(
        "{\"modelName\":\"User\",\"action\":\"aggregate\",\"query\":{\"arguments\":{\"take\":3},\"selection\":{\"_count\":{"
        "\"arguments\":{},\"selection\":{\"_all\":true}}}}}",
        "map[unique[SELECT COUNT(*) AS `_count$_all` FROM (SELECT 1 FROM `users` ORDER BY `users`.`id` ASC LIMIT ?) AS "
        "`sub`]]");
    gives(
        "{\"modelName\":\"User\",\"action\":\"groupBy\",\"query\":{\"arguments\":{\"by\":[\"name\"],\"orderBy\":{\"_count\":{"
        "\"name\":\"desc\"}},\"having\":{\"age\":{\"_avg\":{\"gt\":2}}},\"take\":2},\"selection\":{\"name\":true,\"_sum\":{"
        "\"arguments\":{},\"selection\":{\"age\":true}}}}}",
        "map[SELECT `users`.`name`, SUM(`users`.`age`) AS `_sum$age` FROM `users` GROUP BY `users`.`name` HAVING "
        "AVG(`users`.`age`) > ? ORDER BY COUNT(`users`.`name`) DESC LIMIT ?]");
    gives(
        "{\"action\":\"queryRaw\",\"query\":{\"arguments\":{\"query\":\"SELECT ?\",\"parameters\":\"[1]\"},\"selection\":{}}}",
        "raw SELECT ?");
}

/* What the same condition is where clients know it differently. */
static void test_places(void)
{
    /* An UPDATE's own condition on one related row has two truth values, and so finds the row whose boss has no name. */
    gives(
        "{\"modelName\":\"User\",\"action\":\"updateMany\",\"query\":{\"arguments\":{\"where\":{\"boss\":{\"isNot\":{\"name\":\"x\"}}"
        "},\"data\":{\"age\":1}},\"selection\":{\"count\":true}}}",
        "map[UPDATE `users` SET `age` = ? WHERE NOT EXISTS(SELECT 1 FROM `users` AS `t1` WHERE `t1`.`id` = `users`.`boss_id` "
        "AND `t1`.`name` = ?)]");
    /* What is no string is found neither by a condition on strings nor by its negation. */
    gives(IDS("\"where\":{\"meta\":{\"path\":\"$.a\",\"string_contains\":\"x\"}}"),
          "map[" U
          " WHERE ((`users`.`meta` ->> ?) LIKE ('%' || ? || '%') AND JSON_TYPE((`users`.`meta` -> ?)) = 'text')]");
    gives(IDS("\"where\":{\"NOT\":{\"meta\":{\"path\":\"$.a\",\"array_ends_with\":1}}}"),
          "map[" U
          " WHERE (NOT (((`users`.`meta` -> ?) -> '$[#-1]') = ? OR JSON_TYPE((`users`.`meta` -> ?)) <> 'array'))]");
    /* Inside AND, OR and NOT an empty OR says nothing; by itself it is false. */
    gives(IDS("\"where\":{\"id\":1,\"OR\":[]}"), "map[" U " WHERE (`users`.`id` = ? AND 1=0)]");
    gives(IDS("\"where\":{\"AND\":[{\"id\":1,\"OR\":[]}]}"), "map[" U " WHERE `users`.`id` = ?]");
    gives(IDS("\"where\":{\"NOT\":[{\"id\":1},{\"age\":2}]}"),
          "map[" U " WHERE (NOT (`users`.`id` = ? OR `users`.`age` = ?))]");
    /* A path may lead to no row, from the cursor's row too: the page is cut in memory, and the condition keeps what it
     * cannot compare. */
    gives(
        IDS("\"cursor\":{\"id\":1},\"orderBy\":[{\"boss\":{\"age\":\"asc\"}}]"),
        "map[process cursor=id[" U
        " LEFT JOIN `users` AS `t1` ON `t1`.`id` = `users`.`boss_id` WHERE (`t1`.`age` >= (SELECT "
        "`t3`.`age` FROM `users` AS `t2` LEFT JOIN `users` AS `t3` ON `t3`.`id` = `t2`.`boss_id` WHERE `t2`.`id` = ?) OR "
        "`t1`.`age` IS NULL OR (SELECT `t5`.`age` FROM `users` AS `t4` LEFT JOIN `users` AS `t5` ON `t5`.`id` = "
        "`t4`.`boss_id` WHERE `t4`.`id` = ?) IS NULL) ORDER BY `t1`.`age` ASC]]");
    gives(
        "{\"modelName\":\"User\",\"action\":\"findFirst\",\"query\":{\"arguments\":{\"take\":2},\"selection\":{\"id\":true}}}",
        "Input error. The 'findFirst' operation cannot be used with a 'take' argument that isn't 1 or -1");
    gives(
        "{\"modelName\":\"User\",\"action\":\"groupBy\",\"query\":{\"arguments\":{\"by\":[\"age\"],\"take\":2},\"selection\":{"
        "\"age\":true}}}",
        "Input error. Every field used for orderBy must be included in the by-arguments of the query. Missing fields: id");
    /* Counts over a relation without an index are made once for all rows. */
    gives(
        FIND("User", "", "\"_count\":{\"selection\":{\"reports\":true}}"),
        "map[SELECT `users`.`id`, COALESCE(`t1`.`@count`, 0) AS `_aggr_count_reports` FROM `users` LEFT JOIN (SELECT "
        "`t2`.`boss_id`, COUNT(*) AS `@count` FROM `users` AS `t2` WHERE `t2`.`boss_id` IS NOT NULL GROUP BY `t2`.`boss_id`) "
        "AS `t1` ON `t1`.`boss_id` = `users`.`id`]");
}

/* A list of n conditions is written as a tree whose depth stays far below what databases take. */
static void test_long_lists(void)
{
    nicol_error err = {0};
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    char *text = a ? arena_alloc(a, 200000) : NULL;
    if (!text) {
        fail("memory");
        return;
    }
    size_t n = (size_t)snprintf(text, 200000, "%s",
                                "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{"
                                "\"where\":{\"OR\":[{\"id\":0}");
    for (int i = 1; i < 3000; i++) n += (size_t)snprintf(text + n, 200000 - n, ",{\"id\":%d,\"age\":1}", i);
    snprintf(text + n, 200000 - n, "%s", "]}},\"selection\":{\"id\":true}}}");
    plan *p = compile(text, mem_default, a, &err);
    if (ok(p != NULL, "3000 alternatives compile")) {
        const plan_stmt *s = p->root->u.data_map.expr->u.stmt;
        is_int(s->args_n, 1 + 2999 * 2);
        int depth = 0, deepest = 0;
        for (size_t i = 0; i < s->sql.len; i++) {
            char c = s->sql.ptr[i];
            depth += (c == '(') - (c == ')');
            if (depth > deepest) deepest = depth;
        }
        ok(depth == 0 && deepest < 20, "balanced");
    }
    plan_free(p);
    arena_free(a);
}

/* Every allocation fails once, and everything from each on. */
static void test_faults(void)
{
    static const char *const requests[] = {
        FIND(
            "User",
            "\"where\":{\"OR\":[{\"posts\":{\"some\":{\"tags\":{\"none\":{\"name\":{\"in\":[\"a\"]}}}}}},{\"boss\":null}]},"
            "\"cursor\":{\"id\":1},\"orderBy\":{\"boss\":{\"age\":\"asc\"}}",
            "\"kind\":true,\"posts\":{\"arguments\":{\"take\":-1},\"selection\":{\"tags\":{\"selection\":{\"id\":true}}}}"),
        "{\"modelName\":\"User\",\"action\":\"findFirstOrThrow\",\"query\":{\"arguments\":{},\"selection\":{\"$scalars\":true,"
        "\"_count\":{\"selection\":{\"posts\":true}}}}}",
        "{\"modelName\":\"User\",\"action\":\"groupBy\",\"query\":{\"arguments\":{\"by\":[\"kind\"]},\"selection\":{\"kind\":true,"
        "\"_max\":{\"selection\":{\"score\":true}}}}}",
        "{\"action\":\"executeRaw\",\"query\":{\"arguments\":{\"query\":\"x\",\"parameters\":\"[\\\"a\\\",[1]]\"}}}",
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        FOR_EACH_FAULT(m, "compile under faults") {
            nicol_error err = {0};
            arena *a = arena_new(mem_default, (size_t)64 << 20);
            plan *p = a ? compile(requests[i], m, a, &err) : NULL;
            ok(p || tap_faulted(m), "compiles");
            if (!p) is_err(&err, NICOL_E_NO_MEMORY);
            plan_free(p);
            arena_free(a);
        }
    }
}

int main(void)
{
    nicol_error err = {0};
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    schema_file f = {.path = S("test.prisma"), .text = NICOL_STR(schema_text)};
    schema_opts o = {.m = mem_default};
    schema_diags diags = {0};
    model = a ? schema_parse(&f, 1, &o, a, &diags, &err) : NULL;
    if (!ok(model != NULL, "the schema is valid")) {
        diag("%.*s", STR_FMT(err.message));
        return done_testing();
    }
    test_scalars();
    test_relation_filters();
    test_paging();
    test_includes();
    test_aggregates();
    test_places();
    test_long_lists();
    test_faults();
    schema_free(model);
    arena_free(a);
    return done_testing();
}
