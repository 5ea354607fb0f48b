/* tests/unit/test_query.c - requests and the trees they give, what is refused, memory faults, limits. */
#include "query/query_int.h"
#include "tap.h"

static const char schema_text[] =
    "datasource db {\n provider = \"sqlite\"\n url = \"file:x\"\n}\n"
    "enum Role {\n USER\n ADMIN @map(\"admin\")\n}\n"
    "model User {\n id Int @id @default(autoincrement())\n email String @unique\n name String?\n role Role @default(USER)\n"
    " age Int @default(0)\n big BigInt?\n score Float?\n price Decimal?\n born DateTime?\n raw Bytes?\n meta Json?\n"
    " ok Boolean @default(true)\n posts Post[]\n profile Profile?\n}\n"
    "model Post {\n id Int @id\n title String\n views Int @default(0)\n authorId Int\n"
    " author User @relation(fields: [authorId], references: [id])\n tags Tag[]\n kind String @default(\"x\")\n"
    " @@unique([authorId, title])\n}\n"
    "model Profile {\n id Int @id\n bio String?\n userId Int? @unique\n user User? @relation(fields: [userId], references: [id])\n}\n"
    "model Tag {\n name String @id\n posts Post[]\n}\n";

static const char pg_text[] = "datasource db {\n provider = \"postgresql\"\n url = \"postgresql://x\"\n}\n"
                              "model L {\n id Int @id\n tags String[]\n n Int[]\n name String?\n meta Json?\n}\n";

#define ALL ",\"selection\":{\"$scalars\":true,\"$composites\":true}"
#define ID ",\"selection\":{\"id\":true}"
#define REQ(model, action, rest) \
    "{\"modelName\":\"" model "\",\"action\":\"" action "\",\"query\":{\"arguments\":" rest "}}"
#define FIND(where) REQ("User", "findMany", "{\"where\":" where "}" ID)
#define FIND_OUT(where) "findManyUser where(" where ") {id}"
#define DATA(data) REQ("User", "updateOne", "{\"where\":{\"id\":1},\"data\":" data "}" ID)
#define DATA_OUT(data) "updateOneUser where(id=1) update{" data "} {id}"

typedef struct sample {
    const char *request;
    const char *tree; /* or "CODE message" when it is refused */
} sample;

static const sample reads[] = {
    {REQ("User", "findUnique", "{\"where\":{\"id\":1}}" ALL),
     "findUniqueUser where(id=1) {id email name role age big score price born raw meta ok}"},
    {REQ("Post", "findUniqueOrThrow",
         "{\"where\":{\"authorId_title\":{\"authorId\":1,\"title\":\"a\"},\"views\":{\"gt\":2}}}" ID),
     "findUniquePostOrThrow where(and(authorId=1, title=\"a\", views>2)) {id}"},
    {FIND("{\"name\":null,\"age\":{\"in\":[1,2,3]}}"), FIND_OUT("and(name=null, age in [1,2,3])")},
    {FIND("{\"age\":{\"not\":{\"gt\":1,\"in\":[5]}}}"), FIND_OUT("and(age<=1, age notIn [5])")},
    {FIND("{\"name\":{\"not\":{\"not\":{\"contains\":\"x\"}}}}"), FIND_OUT("name contains \"x\"")},
    {FIND("{\"age\":{\"not\":{\"not\":1}}}"), FIND_OUT("age!=1")},
    {FIND("{\"name\":{\"in\":null}}"), FIND_OUT("name=null")},
    {FIND("{\"name\":{\"not\":null}}"), FIND_OUT("name!=null")},
    {FIND("{\"NOT\":{}}"), FIND_OUT("not()")},
    {FIND("{\"OR\":[]}"), FIND_OUT("or()")},
    {FIND("{\"OR\":[{\"age\":1},{}],\"AND\":{\"ok\":true}}"), FIND_OUT("and(or(age=1), ok=true)")},
    {FIND("{\"role\":\"ADMIN\",\"NOT\":[{\"age\":1},{\"age\":2}]}"),
     FIND_OUT("and(role=\"admin\", not(age=1, age=2))")},
    {FIND("{\"age\":{\"lt\":{\"$type\":\"FieldRef\",\"value\":{\"_ref\":\"id\",\"_container\":\"User\"}}}}"),
     FIND_OUT("age<&id")},
    {FIND("{\"posts\":{\"some\":{\"title\":{\"startsWith\":\"a\"}},\"none\":{}}}"),
     FIND_OUT("and(posts.some(title startsWith \"a\"), posts.none(and()))")},
    {FIND("{\"profile\":null}"), FIND_OUT("profile.is(null)")},
    {FIND("{\"profile\":{\"bio\":\"x\"}}"), FIND_OUT("profile.is(bio=\"x\")")},
    {FIND("{\"profile\":{\"isNot\":null}}"), FIND_OUT("profile.isNot(null)")},
    {FIND("{\"profile\":{}}"), FIND_OUT("and()")},
    {FIND("{\"meta\":{\"path\":\"$.a\",\"string_contains\":\"b\"}}"), FIND_OUT("meta->\"$.a\" string_contains \"b\"")},
    {FIND("{\"meta\":{\"equals\":{\"a\": [1, 2]}}}"), FIND_OUT("meta=json'{\"a\":[1,2]}'")},
    {FIND("{\"meta\":{\"equals\":{\"$type\":\"Enum\",\"value\":\"DbNull\"}}}"), FIND_OUT("meta=null")},
    {FIND("{\"meta\":{\"not\":{\"$type\":\"Enum\",\"value\":\"AnyNull\"}}}"), FIND_OUT("meta!=anyNull")},
    {FIND("{\"born\":{\"gte\":\"2020-01-01T00:00:00Z\"}}"), FIND_OUT("born>=2020-01-01T00:00:00.000Z")},
    {FIND("{\"born\":{\"$type\":\"DateTime\",\"value\":\"2020-01-01T00:00:00.5+01:00\"}}"),
     FIND_OUT("born=2019-12-31T23:00:00.500Z")},
    {FIND("{\"big\":{\"$type\":\"BigInt\",\"value\":\"9007199254740993\"}}"), FIND_OUT("big=9007199254740993")},
    {FIND("{\"price\":{\"in\":[1,\"2.50\",{\"$type\":\"Decimal\",\"value\":\"3e2\"}]}}"),
     FIND_OUT("price in [1m,2.50m,3e2m]")},
    {FIND("{\"raw\":{\"$type\":\"Bytes\",\"value\":\"AQID\"}}"), FIND_OUT("raw=bytes[3]")},
    {REQ("User", "findMany",
         "{\"orderBy\":[{\"name\":{\"sort\":\"desc\",\"nulls\":\"last\"}},{\"posts\":{\"_count\":\"asc\"}}],"
         "\"cursor\":{\"id\":3},\"take\":-2,\"skip\":1,\"distinct\":[\"name\",\"age\"]}" ID),
     "findManyUser order(name desc nulls last, count(posts) asc) cursor(id=3) take -2 skip 1 distinct name,age {id}"},
    {REQ("Post", "findMany", "{\"orderBy\":{\"author\":{\"profile\":{\"bio\":\"asc\"}}}}" ID),
     "findManyPost order(author.profile.bio asc) {id}"},
    {REQ("User", "findFirst",
         "{},\"selection\":{\"$scalars\":true,\"$composites\":true,\"email\":false,\"raw\":false,"
         "\"meta\":false,\"posts\":{\"arguments\":{\"take\":1,\"where\":{\"views\":1}},\"selection\":{\"id\":true,\"author\":true}},"
         "\"_count\":{\"arguments\":{},\"selection\":{\"posts\":{\"arguments\":{\"where\":{\"views\":5}},\"selection\":{}}}}}"),
     "findFirstUser {id name role age big score price born ok posts where(views=1) take 1{id author{id email name role age "
     "big score price born raw meta ok}} _count[posts(views=5)]}"},
    {REQ("User", "aggregate",
         "{\"where\":{\"age\":1}},\"selection\":{\"_count\":{\"arguments\":{},\"selection\":{\"_all\":true,"
         "\"name\":true}},\"_sum\":{\"arguments\":{},\"selection\":{\"age\":true}}}"),
     "aggregateUser where(age=1) count(*) count(name) sum(age)"},
    {REQ("User", "groupBy",
         "{\"by\":[\"role\"],\"having\":{\"age\":{\"_avg\":{\"gt\":1.5}},\"role\":\"USER\"},"
         "\"orderBy\":{\"_count\":{\"id\":\"desc\"}}},\"selection\":{\"role\":true,\"_max\":{\"arguments\":{},\"selection\":"
         "{\"age\":true}}}"),
     "groupByUser order(count(id) desc) by role having(and(avg(age)>1.5, role=\"USER\")) role max(age)"},
    {REQ("User", "groupBy",
         "{\"by\":[\"role\"],\"having\":{\"age\":{\"not\":{\"_max\":{\"gt\":3}}}}},\"selection\":{\"role\":true}"),
     "groupByUser by role having(max(age)<=3) role"},
    {"{\"action\":\"queryRaw\",\"query\":{\"arguments\":{\"query\":\"select ?\",\"parameters\":\"[1,null,\\\"a\\\",1.5,"
     "{\\\"prisma__type\\\":\\\"bigint\\\",\\\"prisma__value\\\":\\\"12\\\"},{\\\"prisma__type\\\":\\\"date\\\","
     "\\\"prisma__value\\\":\\\"2020-01-01T00:00:00.000Z\\\"},{\\\"prisma__type\\\":\\\"bytes\\\",\\\"prisma__value\\\":"
     "\\\"AQI=\\\"},{\\\"a\\\":1},[true,2]]\"},\"selection\":{}}}",
     "queryRaw \"select ?\" 1 null \"a\" 1.5 12 2020-01-01T00:00:00.000Z bytes[2] json'{\"a\":1}' [true,2]"},
};

static const sample writes[] = {
    {REQ("User", "createOne",
         "{\"data\":{\"email\":\"a\",\"meta\":{\"$type\":\"Enum\",\"value\":\"JsonNull\"},\"posts\":"
         "{\"create\":[{\"id\":1,\"title\":\"t\"},{\"id\":2,\"title\":\"u\",\"tags\":{\"connect\":{\"name\":\"x\"}}}]}}}" ID),
     "createOneUser create{email=\"a\" meta=jsonNull posts.create[{id=1 title=\"t\"}; {id=2 title=\"u\" "
     "tags.connect[(name=\"x\")]}]} {id}"},
    {REQ("Post", "createOne", "{\"data\":{\"id\":1,\"title\":\"t\",\"authorId\":7}}" ID),
     "createOnePost create{id=1 title=\"t\" authorId=7} {id}"},
    {REQ("Post", "createOne",
         "{\"data\":{\"id\":1,\"title\":\"t\",\"author\":{\"connectOrCreate\":{\"where\":{\"id\":1},"
         "\"create\":{\"email\":\"e\"}}}}}" ID),
     "createOnePost create{id=1 title=\"t\" author.connectOrCreate[(id=1){email=\"e\"}]} {id}"},
    {REQ("User", "createMany",
         "{\"data\":[{\"email\":\"a\"},{\"id\":2,\"email\":\"b\"}]},\"selection\":{\"count\":true}"),
     "createManyUser row{email=\"a\"} row{id=2 email=\"b\"}"},
    {REQ("Post", "createManyAndReturn",
         "{\"data\":{\"id\":1,\"title\":\"a\",\"authorId\":1}},\"selection\":{\"id\":true,"
         "\"author\":{\"arguments\":{},\"selection\":{\"id\":true}}}"),
     "createManyPostAndReturn row{id=1 title=\"a\" authorId=1} {id author{id}}"},
    {DATA("{\"age\":{\"increment\":2},\"name\":{\"set\":null},\"email\":\"x\"}"),
     DATA_OUT("age+=2 name=null email=\"x\"")},
    {DATA(
         "{\"posts\":{\"set\":[],\"create\":{\"id\":1,\"title\":\"a\"},\"connect\":[],\"deleteMany\":[{},{\"views\":1}]}}"),
     DATA_OUT("posts.set[] posts.create[{id=1 title=\"a\"}] posts.deleteMany[(and()); (views=1)]")},
    {DATA(
         "{\"posts\":{\"update\":{\"where\":{\"id\":1},\"data\":{\"views\":{\"multiply\":2}}},\"updateMany\":{\"where\":{},"
         "\"data\":{\"kind\":\"k\"}},\"upsert\":[{\"where\":{\"id\":3},\"create\":{\"id\":3,\"title\":\"n\"},\"update\":{}}]}}"),
     DATA_OUT("posts.update[(id=1)set{views*=2}] posts.updateMany[(and())set{kind=\"k\"}] "
              "posts.upsert[(id=3){id=3 title=\"n\"}set{}]")},
    {DATA("{\"profile\":{\"update\":{\"bio\":\"x\"}}}"), DATA_OUT("profile.update[set{bio=\"x\"}]")},
    {DATA("{\"profile\":{\"update\":{\"where\":{\"bio\":\"y\"},\"data\":{\"bio\":\"x\"}}}}"),
     DATA_OUT("profile.update[(bio=\"y\")set{bio=\"x\"}]")},
    {DATA("{\"profile\":{\"disconnect\":true,\"delete\":false}}"), DATA_OUT("profile.disconnect[]")},
    {DATA("{\"profile\":{\"delete\":{\"bio\":\"x\"}}}"), DATA_OUT("profile.delete[(bio=\"x\")]")},
    {DATA("{\"posts\":{\"createMany\":{\"data\":[{\"id\":1,\"title\":\"a\"}]}}}"),
     DATA_OUT("posts.createMany[{id=1 title=\"a\"}]")},
    {REQ("User", "upsertOne",
         "{\"where\":{\"email\":\"e\"},\"create\":{\"email\":\"e\"},\"update\":{\"age\":{\"decrement\":1}}}" ID),
     "upsertOneUser where(email=\"e\") create{email=\"e\"} update{age-=1} {id}"},
    {REQ("User", "updateMany", "{\"data\":{\"age\":1},\"limit\":3},\"selection\":{\"count\":true}"),
     "updateManyUser update{age=1} limit 3"},
    {REQ("User", "deleteOne", "{\"where\":{\"id\":1}}" ID), "deleteOneUser where(id=1) {id}"},
    {REQ("User", "deleteMany", "{},\"selection\":{\"count\":true}"), "deleteManyUser"},
};

static const sample lists[] = {
    {REQ("L", "findMany", "{\"where\":{\"tags\":{\"hasSome\":[\"a\",\"b\"]},\"n\":{\"isEmpty\":false}}}" ID),
     "findManyL where(and(tags hasSome [\"a\",\"b\"], n isEmpty false)) {id}"},
    {REQ("L", "findMany",
         "{\"where\":{\"name\":{\"contains\":\"A\",\"mode\":\"insensitive\",\"not\":{\"equals\":\"b\"}}}}" ID),
     "findManyL where(and(name contains \"A\" i, name!=\"b\" i)) {id}"},
    {REQ("L", "findMany", "{\"where\":{\"meta\":{\"path\":[\"a\",\"0\"],\"gt\":5}}}" ID),
     "findManyL where(meta->[\"a\",\"0\"]>json'5') {id}"},
    {REQ("L", "createOne", "{\"data\":{\"id\":1,\"tags\":{\"set\":[\"a\"]},\"n\":[1]}}" ID),
     "createOneL create{id=1 tags=[\"a\"] n=[1]} {id}"},
    {REQ("L", "updateOne", "{\"where\":{\"id\":1},\"data\":{\"tags\":{\"push\":\"a\"},\"n\":{\"push\":[1,2]}}}" ID),
     "updateOneL where(id=1) update{tags push \"a\" n push [1,2]} {id}"},
    {REQ("L", "findMany", "{\"where\":{\"tags\":[\"a\"]}}" ID),
     "P2009 Invalid argument type. `tags` should be of any of the following types: `StringNullableListFilter`"},
};

static const sample refused[] = {
    {"[]", "P2009 A query must be an object {\"modelName\", \"action\", \"query\": {\"arguments\", \"selection\"}}."},
    {"{\"modelName\":\"User\",\"action\":\"findAll\",\"query\":{}}", "P2009 Unknown action `findAll`."},
    {"{\"modelName\":\"Nobody\",\"action\":\"findMany\",\"query\":{}}",
     "P2009 Model `Nobody` does not exist in the schema."},
    {FIND("{\"nope\":1}"), "P2009 `findManyUser.where.nope`: Field does not exist in enclosing type."},
    {FIND("{\"OR\":{}}"),
     "P2009 Invalid argument type. `OR` should be of any of the following types: `UserWhereInput[]`"},
    {FIND("{\"meta\":1}"),
     "P2009 Invalid argument type. `meta` should be of any of the following types: `JsonNullableFilter`"},
    {FIND("{\"id\":{\"lt\":{\"$type\":\"FieldRef\",\"value\":{\"_ref\":\"email\",\"_container\":\"User\"}}}}"),
     "P2019 Input error. Expected a referenced scalar field of type Int but found User.email of type String."},
    {REQ("User", "findUnique", "{\"where\":{\"id\":1e20}}" ID),
     "P2009 Unable to fit float value (or large JS integer serialized in exponent notation) '1e20' into a 64 Bit signed "
     "integer for field 'id'. If you're trying to store large integers, consider using `BigInt`."},
    {REQ("User", "findUnique", "{}" ID), "P2012 `where`: A value is required but not set"},
    {REQ("User", "findMany", "{},\"selection\":{}"), "P2009 Expected a minimum of 1 field to be present, got 0"},
    {REQ("User", "findMany", "{},\"selection\":{\"id\":{\"arguments\":{},\"selection\":{}}}"),
     "P2009 Cannot select over scalar field 'id'"},
    {REQ("User", "findMany", "{\"x\":1}" ID), "P2009 Argument does not exist in enclosing type"},
    {REQ("Post", "createOne",
         "{\"data\":{\"id\":1,\"title\":\"a\",\"authorId\":1,\"author\":{\"connect\":{\"id\":1}}}}" ID),
     "P2009 Unable to match input value to any allowed input type for the field. Parse errors: [`createOnePost.data.authorId`: "
     "Field does not exist in enclosing type., `createOnePost.data.author`: Field does not exist in enclosing type.]"},
    {REQ("User", "deleteMany", "{\"limit\":-1},\"selection\":{\"count\":true}"),
     "P2019 Input error. Provided limit (-1) must be a positive integer."},
    {REQ("User", "groupBy", "{\"by\":[\"age\"],\"take\":1},\"selection\":{\"age\":true}"),
     "P2019 Input error. Every field used for orderBy must be included in the by-arguments of the query. Missing fields: id"},
    {"{\"action\":\"queryRaw\",\"query\":{\"arguments\":{\"query\":\"x\",\"parameters\":\"[{\\\"prisma__type\\\":\\\"bytes\\\","
     "\\\"prisma__value\\\":1}]\"}}}",
     "P2009 Raw query parameter 1 does not hold a valid value of type `bytes`."},
    {DATA("{\"email\":null}"),
     "P2009 Unable to match input value to any allowed input type for the field. Parse errors: [Unable to match input value to any "
     "allowed input type for the field. Parse errors: [`data.email`: A value is required but not set, `data.email`: A value is "
     "required but not set], Unable to match input value to any allowed input type for the field. Parse errors: [`data.email`: A "
     "value is required but not set, `data.email`: A value is required but not set]]"},
};

static schema *load(const char *text, arena *a)
{
    schema_file file = {S("schema.prisma"), str_c(text)};
    schema_opts opts = {.m = mem_default};
    schema_diags diags;
    nicol_error err = {0};
    schema *s = schema_parse(&file, 1, &opts, a, &diags, &err);
    if (!s) diag("%.*s", STR_FMT(err.message));
    return s;
}

/* The tree or the error as text, in `a`; empty when memory ran out. */
static nicol_str outcome(const schema *s, const char *request, arena *a, nicol_error *err)
{
    json_doc doc;
    query_op op;
    *err = (nicol_error){0};
    if (!json_parse(a, str_c(request), NICOL_JSON_DEPTH_MAX, &doc, err)) return S("");
    if (!query_parse(s, json_root(&doc), a, &op, err)) {
        return arena_printf(a, "%s %.*s", err_client(err->code), STR_FMT(err->message));
    }
    buf out;
    buf_init(&out, mem_default, 1 << 20);
    query_print(&op, &out);
    nicol_str text = arena_str(a, buf_view(&out));
    buf_free(&out);
    return text;
}

static void run_samples(const schema *s, const sample *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        arena *a = arena_new(mem_default, 64 << 20);
        nicol_error err;
        if (a) is_strz(outcome(s, samples[i].request, a, &err), samples[i].tree);
        arena_free(a);
    }
}

/* Each allocation fails once: either the right answer, or "no memory", and never anything else. */
static void run_faults(const schema *s, const sample *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        FOR_EACH_FAULT(m, samples[i].tree) {
            arena *a = arena_new(m, 64 << 20);
            if (!a) continue;
            nicol_error err;
            nicol_str got = outcome(s, samples[i].request, a, &err);
            bool right = got.ptr && str_eq(got, str_c(samples[i].tree));
            ok(right || (tap_faulted(m) && (arena_failed(a) || err.code == NICOL_E_NO_MEMORY)));
            arena_free(a);
        }
    }
}

/* n levels of {"AND": ... } */
static nicol_str nested(arena *a, int n, const char *open, const char *inner, const char *close)
{
    buf b;
    buf_init(&b, mem_default, 1 << 20);
    buf_lit(&b, "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"where\":");
    for (int i = 0; i < n; i++) buf_str(&b, str_c(open));
    buf_str(&b, str_c(inner));
    for (int i = 0; i < n; i++) buf_str(&b, str_c(close));
    buf_lit(&b, "}" ID "}}");
    nicol_str s = arena_str(a, buf_view(&b));
    buf_free(&b);
    return s;
}

static void test_depth(const schema *s)
{
    arena *a = arena_new(mem_default, 64 << 20);
    nicol_error err;
    nicol_str at = nested(a, NICOL_QUERY_DEPTH_MAX - 1, "{\"AND\":", "{}", "}");
    nicol_str past = nested(a, NICOL_QUERY_DEPTH_MAX, "{\"AND\":", "{}", "}");
    (void)outcome(s, at.ptr, a, &err);
    no_err(&err);
    (void)outcome(s, past.ptr, a, &err);
    is_err(&err, NICOL_E_LIMIT);
    /* A fault below many unions: the answer comes soon and within bounds. */
    nicol_str wide = nested(a, 55, "{\"NOT\":", "{\"nope\":1}", "}");
    (void)outcome(s, wide.ptr, a, &err);
    is_err(&err, NICOL_E_QUERY_INVALID);
    arena_free(a);
}

/* Nested creates that alternate between models, with a fault at the bottom: both forms of data are told at each level. */
static void test_explosion(const schema *s)
{
    arena *a = arena_new(mem_default, 256 << 20);
    buf b;
    nicol_error err;
    buf_init(&b, mem_default, 1 << 20);
    buf_lit(&b, "{\"modelName\":\"Tag\",\"action\":\"createOne\",\"query\":{\"arguments\":{\"data\":");
    enum { LEVELS = 12 };
    for (int i = 0; i < LEVELS; i++) {
        buf_lit(
            &b,
            "{\"name\":\"a\",\"posts\":{\"create\":{\"id\":1,\"title\":\"t\",\"author\":{\"create\":{\"email\":\"e\",\"posts\":"
            "{\"create\":{\"id\":1,\"title\":\"t\",\"tags\":{\"create\":");
    }
    buf_lit(&b, "{\"nope\":1}");
    for (int i = 0; i < LEVELS; i++) buf_lit(&b, "}}}}}}}}");
    buf_lit(&b, "}" ID "}}");
    nicol_str text = arena_str(a, buf_view(&b));
    buf_free(&b);
    (void)outcome(s, text.ptr, a, &err);
    ok(err.code == NICOL_E_QUERY_INVALID || err.code == NICOL_E_BAD_JSON || err.code == NICOL_E_LIMIT,
       "ends with an error");
    ok(arena_bytes(a) < ((size_t)100 << 20), "and within memory");
    arena_free(a);
}

static void test_take(const schema *s)
{
    static const struct {
        const char *json;
        scalar_type type;
        bool list, good;
    } takes[] = {
        {"1", SCALAR_INT, false, true},
        {"\"1\"", SCALAR_INT, false, false},
        {"null", SCALAR_INT, false, false},
        {"1.5", SCALAR_INT, false, true},
        {"true", SCALAR_INT, false, false},
        {"\"12\"", SCALAR_BIGINT, false, true},
        {"\"1x\"", SCALAR_BIGINT, false, false},
        {"1e400", SCALAR_FLOAT, false, false},
        {"1", SCALAR_FLOAT, false, true},
        {"\"abc\"", SCALAR_DECIMAL, false, false},
        {"{\"set\":\"x\"}", SCALAR_STRING, false, false},
        {"\"2020-01-01\"", SCALAR_DATETIME, false, false},
        {"[1,2]", SCALAR_INT, true, true},
        {"[1,null]", SCALAR_INT, true, false},
        {"1", SCALAR_INT, true, false},
        {"[]", SCALAR_STRING, true, true},
        {"null", SCALAR_JSON, false, false},
        {"{\"$type\":\"Enum\",\"value\":\"DbNull\"}", SCALAR_JSON, false, false},
        {"{\"a\":null}", SCALAR_JSON, false, true},
        {"\"ADMIN\"", SCALAR_ENUM, false, true},
        {"\"admin\"", SCALAR_ENUM, false, false},
        {"\"!!\"", SCALAR_BYTES, false, false},
    };
    const schema_field *role = schema_field_get(schema_model_get(s, S("User")), S("role"));
    arena *a = arena_new(mem_default, 1 << 20);
    for (size_t i = 0; i < sizeof takes / sizeof takes[0]; i++) {
        json_doc doc;
        nicol_error err = {0};
        val v;
        bool parsed = json_parse(a, str_c(takes[i].json), 8, &doc, &err);
        const schema_field *f = takes[i].type == SCALAR_ENUM ? role : NULL;
        ok(parsed && query_take_value(json_root(&doc), takes[i].type, f, takes[i].list, a, &v) == takes[i].good,
           "%s as %d", takes[i].json, (int)takes[i].type);
    }
    arena_free(a);
}

/* The token of a parameter leads back to its value. */
static void test_tokens(const schema *s)
{
    arena *a = arena_new(mem_default, 1 << 20);
    json_doc doc;
    query_op op;
    nicol_error err = {0};
    const char *text = FIND("{\"age\":{\"in\":[1,2]},\"name\":\"x\",\"OR\":[{\"big\":{\"gt\":\"7\"}}]}");
    ok(json_parse(a, str_c(text), 64, &doc, &err) && query_parse(s, json_root(&doc), a, &op, &err), "parses");
    is_int(op.params_n, 3);
    ok(op.reusable, "every parameter came from one token");
    for (uint32_t i = 0; i < op.params_n; i++) {
        val v;
        json_val at = {&doc, op.params[i].token};
        ok(query_take_value(at, op.params[i].type, op.params[i].field, op.params[i].list, a, &v), "token %u", i);
        is_int(v.type, op.params[i].value.type);
    }
    arena_free(a);
}

static void test_names(void)
{
    for (int i = 1; i < QUERY_ACTION_N; i++) is_int(query_action_of(query_action_name((query_action)i)), i);
    is_int(query_action_of(S("findmany")), 0);
    is_strz(query_action_name((query_action)0), "");
    ok(query_action_writes(QUERY_UPSERT_ONE) && !query_action_writes(QUERY_FIND_MANY), "which actions write");
    is_z(query_datetime_problem(S("2020-01-01")), "premature end of input");
    is_z(query_datetime_problem(S("nope")), "input contains invalid characters");
    is_z(query_datetime_problem(S("2020-13-01T00:00:00Z")), "input is out of range");
    is_z(query_datetime_problem(S("2020-01-01T00:00:00Zx")), "trailing input");
}

#define COUNT(t) (sizeof(t) / sizeof(t)[0])

int main(void)
{
    arena *a = arena_new(mem_default, 64 << 20);
    schema *s = a ? load(schema_text, a) : NULL, *pg = a ? load(pg_text, a) : NULL;
    if (ok(s && pg, "the schemas are valid")) {
        run_samples(s, reads, COUNT(reads));
        run_samples(s, writes, COUNT(writes));
        run_samples(s, refused, COUNT(refused));
        run_samples(pg, lists, COUNT(lists));
        run_faults(s, reads, COUNT(reads));
        run_faults(s, writes, COUNT(writes));
        run_faults(s, refused, COUNT(refused));
        run_faults(pg, lists, COUNT(lists));
        test_depth(s);
        test_explosion(s);
        test_take(s);
        test_tokens(s);
    }
    test_names();
    schema_free(s);
    schema_free(pg);
    arena_free(a);
    return done_testing();
}
