/* tests/unit/test_schema_format.c - layout, what it fills in, and the datamodel as JSON. The recorded schemas say what the
 * reference does (tests/corpus/run_format.mjs); here are the rules one by one, and failing memory. */
#include "base/limits.h"
#include "schema/schema.h"
#include "tap.h"

/* Lays out one file and, to see that nothing changes then, its result once more. */
static void check(const char *what, const char *text, const char *want)
{
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    schema_file file = {S("schema.prisma"), str_c(text)};
    nicol_str *once = NULL, *twice = NULL;
    nicol_error err = {0};
    bool good = a != NULL && schema_format(&file, 1, NULL, a, &once, &err);
    if (!ok(good, "%s: is laid out", what)) diag("%.*s", STR_FMT(err.message));
    if (good) {
        if (!ok(str_eq(once[0], str_c(want)), "%s", what)) diag("want:\n%s\ngot:\n%.*s", want, STR_FMT(once[0]));
        file.text = once[0];
        good = schema_format(&file, 1, NULL, a, &twice, &err);
        if (!ok(good && str_eq(twice[0], once[0]), "%s: twice is once", what))
            diag("%.*s", STR_FMT(good ? twice[0] : err.message));
    }
    arena_free(a);
}

static void test_layout(void)
{
    check("columns", "model   A{\n id Int @id\n  longer_name   String?@db.Text   @map ( \"x\" )\n}",
          "model A {\n  id          Int     @id\n  longer_name String? @map(\"x\") @db.Text\n}\n");
    check("paragraphs have columns of their own", "model A {\n\n\n  a Int @id\n\n\n  bbbbbb String @unique\n\n}\n",
          "model A {\n  a Int @id\n\n  bbbbbb String @unique\n}\n");
    check("comments stay",
          "// top\n\n\n\nmodel A { // open\n a Int @id// x\n   /// doc\n  bb Int /// y  \n // end\n}\n// last",
          "// top\n\nmodel A { // open\n  a  Int @id // x\n  /// doc\n  bb Int /// y  \n  // end\n}\n\n// last\n");
    check("block attributes go to the end, in order, with their comments",
          "model A {\n  @@map(\"x\")\n  // why\n  @@index([b])\n  b Int\n  @@id([b]) // key\n}\n",
          "model A {\n  b Int\n\n  @@id([b]) // key\n  // why\n  @@index([b])\n  @@map(\"x\")\n}\n");
    check("field attributes in order",
          "model A {\n a Int @foo @ignore @relation(\"r\") @map(\"m\") @updatedAt @default(1) @unique @id @bar\n}\n",
          "model A {\n  a Int @id @unique @default(1) @updatedAt @map(\"m\") @relation(\"r\") @ignore @foo @bar\n}\n");
    check("expressions",
          "model A {\n a Int @x( 1,-2.50 ,[ ],[a,  [b]],f( x:1 , \"a  b\" ),{ a : 1,b:{}},n: ,) @y( )\n}\n",
          "model A {\n  a Int @x(1, -2.50, [], [a, [b]], f(x: 1, \"a  b\"), { a: 1, b: {  } }, n: ) @y()\n}\n");
    check(
        "enums and properties",
        "enum E {\n A @map(\"a\")\n LONG @map(\"l\") // c\n\n @@map(\"e\")\n B\n}\ngenerator g {\n provider=\"x\"\n "
        "a   =  [ \"b\" ,1 ]\n}\n",
        "enum E {\n  A    @map(\"a\")\n  LONG @map(\"l\") // c\n  B\n\n  @@map(\"e\")\n}\n\ngenerator g {\n  provider "
        "= \"x\"\n  a        = [\"b\", 1]\n}\n");
    check("lines that cannot be read stay",
          "garbage  here\nmodel A {\n  a Int @id\n    what ?  is  this\n  bbb Int\n}\nfoo {\n  x\n}\n",
          "garbage  here\nmodel A {\n  a   Int @id\n  what ?  is  this\n  bbb Int\n}\n\nfoo {\n  x\n}\n");
    check("outdated types are repaired", "model A {\n id: Int! @id\n b [Int]\n c Int[]?\n}\n",
          "model A {\n  id Int    @id\n  b  Int[]\n  c  Int[]?\n}\n");
    check("an unfinished block", "model A {\n  id Int @id\n", "model A {\nid Int @id\n");
    check("what stands beside braces",
          "model A { x\n a Int @id\n}}\nmodel B {\n a Int @id\n}model C {\n a Int @id\n}// d\n",
          "model A { x\n  a Int @id\n}\n\n}\nmodel B {\n  a Int @id\n}\n\nmodel C {\n  a Int @id\n}\n\n// d\n");
    check("line ends", "model A {\r\n a Int @id // x\r\n\r\n bad !\r\n}\r\n",
          "model A {\n  a Int @id // x\n\n  bad !\n}\n");
    check("nothing", "", "\n");
    check("blank lines alone", "\n \n\n", "\n");
}

static void test_missing(void)
{
    check("a field without its other end",
          "model Post {\n id Int @id\n blog BlogCategory // c\n}\nmodel BlogCategory {\n id String @id @db.Uuid\n}\n",
          "model Post {\n  id             Int          @id\n  blog           BlogCategory @relation(fields: "
          "[blogCategoryId], references: [id]) // c\n  blogCategoryId String       @db.Uuid\n}\n\nmodel BlogCategory "
          "{\n  id    String @id @db.Uuid\n  posts Post[]\n}\n");
    check("a list without its other end", "model A {\n id Int @id\n bs B[]\n}\nmodel B {\n id Int @id\n}\n",
          "model A {\n  id Int @id\n  bs B[]\n}\n\nmodel B {\n  id  Int  @id\n  a   A?   @relation(fields: [aId], "
          "references: [id])\n  aId Int?\n}\n");
    check("the key is there", "model A {\n id Int @id\n bs B[]\n}\nmodel B {\n id Int @id\n aId Int\n}\n",
          "model A {\n  id Int @id\n  bs B[]\n}\n\nmodel B {\n  id  Int @id\n  aId Int\n  a   A   @relation(fields: "
          "[aId], references: [id])\n}\n");
    check(
        "a unique key: one to one",
        "model A {\n id Int @id\n bId Int @unique\n b B @relation(fields: [bId])\n}\nmodel B {\n id Int @id\n}\n",
        "model A {\n  id  Int @id\n  bId Int @unique\n  b   B   @relation(fields: [bId], references: [id])\n}\n\nmodel "
        "B {\n  id Int @id\n  a  A?\n}\n");
    check("compound keys", "model A {\n x Int\n y Int\n @@id([x, y])\n}\nmodel B {\n id Int @id\n a A @relation\n}\n",
          "model A {\n  x  Int\n  y  Int\n  bs B[]\n\n  @@id([x, y])\n}\n\nmodel B {\n  id Int @id\n  a  A   "
          "@relation(fields: [aX, aY], references: [x, y])\n  aX Int\n  aY Int\n}\n");
    check(
        "names of relations",
        "model A {\n id Int @id\n b B[] @relation(\"r\")\n}\nmodel B {\n id Int @id\n a A @relation(\"s\",)\n}\n",
        "model A {\n  id Int @id\n  b  B[] @relation(\"r\")\n  bs B[] @relation(\"s\")\n}\n\nmodel B {\n  id  Int  "
        "@id\n  a   A    @relation(\"s\", fields: [aId], references: [id])\n  a   A?   @relation(\"r\", fields: [aId], "
        "references: [id])\n  aId Int?\n  aId Int\n}\n");
    check(
        "empty parentheses", "model A {\n id Int @id\n b B @relation()\n}\nmodel B {\n id Int @id\n}\n",
        "model A {\n  id  Int @id\n  b   B   @relation(fields: [bId], references: [id])\n  bId Int\n}\n\nmodel B {\n  "
        "id Int @id\n  as A[]\n}\n");
    check("an ignored model", "model A {\n id Int @id\n b B\n @@ignore\n}\nmodel B {\n id Int @id\n}\n",
          "model A {\n  id  Int @id\n  b   B   @relation(fields: [bId], references: [id])\n  bId Int\n\n  "
          "@@ignore\n}\n\nmodel B {\n  id Int @id\n  as A[] @ignore\n}\n");
    check("nothing where the schema has errors",
          "model A {\n id Int @id\n b B\n c Nope\n}\nmodel B {\n id Int @id\n}\n",
          "model A {\n  id Int  @id\n  b  B\n  c  Nope\n}\n\nmodel B {\n  id Int @id\n}\n");
}

/* The plural that a back relation to `model` gets. */
static void check_plural(const char *model, const char *want)
{
    char text[256];
    snprintf(text, sizeof text, "model %s {\n id Int @id\n x X\n}\nmodel X {\n id Int @id\n}\n", model);
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    schema_file file = {S("schema.prisma"), str_c(text)};
    nicol_str *out = NULL;
    nicol_error err = {0};
    bool good = a != NULL && schema_format(&file, 1, NULL, a, &out, &err);
    char line[256];
    snprintf(line, sizeof line, "\n  %s ", want);
    ok(good && str_find(out[0], str_c(line), 0) != SIZE_MAX, "%s: %s", model, want);
    arena_free(a);
}

static void test_plurals(void)
{
    static const char *const pairs[][2] = {
        {"User", "users"},
        {"Category", "categories"},
        {"Day", "days"},
        {"Bus", "buses"},
        {"OrderStatus", "orderStatuses"},
        {"Box", "boxes"},
        {"Person", "people"},
        {"Child", "children"},
        {"Man", "men"},
        {"Human", "humans"},
        {"Mouse", "mice"},
        {"Index", "indices"},
        {"Analysis", "analyses"},
        {"Datum", "data"},
        {"Hero", "heroes"},
        {"Photo", "photos"},
        {"Leaf", "leaves"},
        {"Knife", "knives"},
        {"News", "news"},
        {"Series", "series"},
        {"Cactus", "cacti"},
        {"HTTPServer", "httpservers"},
        {"a_b", "aBs"},
        {"A1", "a1s"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) check_plural(pairs[i][0], pairs[i][1]);
}

static void test_files(void)
{
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    schema_file files[] = {{S("a.prisma"), S("model A {\n id Int @id\n b B\n}")},
                           {S("b.prisma"), S("")},
                           {S("c.prisma"), S("model B {\n id Int @id\n}\n")}};
    nicol_str *out = NULL;
    nicol_error err = {0};
    ok(a != NULL && schema_format(files, 3, NULL, a, &out, &err), "several files");
    ok(str_eq(out[0], S("model A {\n  id  Int @id\n  b   B   @relation(fields: [bId], references: [id])\n  bId "
                        "Int\n}\n")),
       "the first gets its key");
    ok(str_eq(out[1], S("\n")), "an empty one");
    ok(str_eq(out[2], S("model B {\n  id Int @id\n  as A[]\n}\n")), "the last gets its back relation");
    files[1].text = S("\xff");
    ok(!schema_format(files, 3, NULL, a, &out, &err) && err.code == NICOL_E_INPUT, "text that is no UTF-8");
    arena_free(a);
}

static void test_limits(void)
{
    /* One long name would pad thousands of lines to its width. */
    arena *a = arena_new(mem_default, (size_t)256 << 20);
    buf b;
    buf_init(&b, mem_default, NICOL_SCHEMA_BYTES_MAX);
    buf_lit(&b, "model A {\n ");
    for (int i = 0; i < 100000; i++) buf_char(&b, 'x');
    buf_lit(&b, " Int\n");
    for (int i = 0; i < 4000; i++) buf_printf(&b, " f%d Int @id\n", i);
    buf_lit(&b, "}\n");
    schema_file file = {S("schema.prisma"), buf_view(&b)};
    nicol_str *out = NULL;
    nicol_error err = {0};
    ok(a != NULL && !schema_format(&file, 1, NULL, a, &out, &err) && err.code == NICOL_E_LIMIT,
       "a text that would grow past the limit is refused");
    buf_free(&b);
    arena_free(a);
}

/* --- the datamodel ------------------------------------------------------------------------------------------------------ */

#define PG "datasource db {\n  provider = \"postgresql\"\n}\n"

/* Whether the description of `text` has `part`. */
static void describes(const char *what, const char *text, const char *part)
{
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    schema_file file = {S("schema.prisma"), str_c(text)};
    schema_diags d;
    nicol_error err = {0};
    buf out;
    buf_init(&out, mem_default, (size_t)1 << 20);
    schema *s = schema_parse(&file, 1, &(schema_opts){.version = 7}, a, &d, &err);
    bool good = s != NULL && schema_describe(s, &out, &err) && str_find(buf_view(&out), str_c(part), 0) != SIZE_MAX;
    if (!ok(good, "%s", what)) diag("%.*s", STR_FMT(s != NULL ? buf_view(&out) : err.message));
    buf_free(&out);
    schema_free(s);
    arena_free(a);
}

static void describes_default(const char *type, const char *value, const char *json)
{
    char text[512], part[256];
    snprintf(text, sizeof text,
             PG "enum E {\n  A\n  B @map(\"b\")\n}\nmodel M {\n  id Int @id\n  f %s @default(%s)\n}\n", type, value);
    snprintf(part, sizeof part, ",\"default\":%s,\"isGenerated\"", json);
    describes(value, text, part);
}

static void test_describe(void)
{
    describes("nothing", "", "{\"enums\":[],\"models\":[],\"types\":[],\"indexes\":[]}");
    describes_default("Int", "007", "7");
    describes_default("BigInt", "9223372036854775807", "\"9223372036854775807\"");
    describes_default("Float", "1.50", "1.5");
    describes_default("Float", "0.3", "0.30000000000000004");
    describes_default("Decimal", "-00.10", "-0.1");
    describes_default("Decimal", "\"1.5E3\"", "1500");
    describes_default("Float", "-0", "0");
    describes_default("Boolean", "true", "true");
    describes_default("String", "\"a\\\"b\"", "\"a\\\"b\"");
    describes_default("DateTime", "\"2020-01-02T03:04:05.123456+02:00\"", "\"2020-01-02T03:04:05.123456+02:00\"");
    describes_default("DateTime", "\"2020-01-02T03:04:05Z\"", "\"2020-01-02T03:04:05+00:00\"");
    describes_default("Json", "\"{ }\"", "\"{ }\"");
    describes_default("E", "B", "\"B\"");
    describes_default("E[]", "[A, B]", "[\"A\",\"B\"]");
    describes_default("Int[]", "[]", "[]");
    describes_default("Decimal[]", "[1.50]", "[1.5]");
    describes_default("String", "uuid()", "{\"name\":\"uuid\",\"args\":[4]}");
    describes_default("String", "uuid(7)", "{\"name\":\"uuid\",\"args\":[7]}");
    describes_default("String", "cuid(2)", "{\"name\":\"cuid\",\"args\":[2]}");
    describes_default("String", "nanoid()", "{\"name\":\"nanoid\",\"args\":[]}");
    describes_default("String", "nanoid(21)", "{\"name\":\"nanoid\",\"args\":[21]}");
    describes_default("String", "dbgenerated()", "{\"name\":\"dbgenerated\",\"args\":[]}");
    describes_default("String", "dbgenerated(\"x()\")", "{\"name\":\"dbgenerated\",\"args\":[\"x()\"]}");
    describes(
        "names in the database", PG "enum E {\n  A @map(\"A\")\n  B\n  @@map(\"e\")\n}\n",
        "{\"name\":\"E\",\"values\":[{\"name\":\"A\",\"dbName\":\"A\"},{\"name\":\"B\",\"dbName\":null}],\"dbName\":\"e\"}");
    describes("native types", PG "model M {\n  id Int @id\n  d Decimal @db.Decimal(10, 2)\n}\n",
              "\"nativeType\":[\"Decimal\",[\"10\",\"2\"]]");
    describes("indexes kind by kind",
              PG
              "model M {\n  a Int\n  b Int @unique(map: \"u\")\n  @@unique([a, b], name: \"ab\")\n  @@index([b(sort: "
              "Desc)], type: BTree)\n  @@id([b, a])\n}\n",
              "\"indexes\":[{\"model\":\"M\",\"type\":\"id\",\"isDefinedOnField\":false,\"fields\":[{\"name\":\"b\"},{"
              "\"name\":\"a\"}]},{\"model\":\"M\",\"type\":\"unique\",\"isDefinedOnField\":true,\"dbName\":\"u\","
              "\"fields\":[{\"name\":\"b\"}]},{\"model\":\"M\",\"type\":\"normal\",\"isDefinedOnField\":false,"
              "\"algorithm\":\"BTree\",\"fields\":[{\"name\":\"b\",\"sortOrder\":\"desc\"}]},{\"model\":\"M\",\"type\":"
              "\"unique\",\"isDefinedOnField\":false,\"name\":\"ab\",\"fields\":[{\"name\":\"a\"},{\"name\":\"b\"}]}]");
    describes("ignored fields are left out",
              PG "model M {\n  id Int @id\n  x Int? @ignore\n  y Unsupported(\"z\")?\n}\n",
              "\"isUpdatedAt\":false}],\"primaryKey\":null");
    describes("relations",
              PG "model A {\n  id Int @id\n  bs B[]\n}\nmodel B {\n  id Int @id\n  aId Int\n  a A "
                 "@relation(fields: [aId], references: [id], onDelete: Cascade)\n}\n",
              "\"relationName\":\"AToB\",\"relationFromFields\":[\"aId\"],\"relationToFields\":[\"id\"],"
              "\"relationOnDelete\":\"Cascade\",\"isGenerated\"");
    describes(
        "foreign keys are read-only",
        PG "model A {\n  id Int @id\n  bs B[]\n}\nmodel B {\n  id Int @id\n  aId Int\n  a A @relation(fields: [aId], "
           "references: [id])\n}\n",
        "{\"name\":\"aId\",\"kind\":\"scalar\",\"isList\":false,\"isRequired\":true,\"isUnique\":false,\"isId\":"
        "false,\"isReadOnly\":true");
    describes("documentation", "/// one\n" PG "\n/// two\n\nmodel A {\n  /// f  \n\n  id Int @id /// g\n}\n",
              "\"documentation\":\"f  \\ng\"}],\"primaryKey\":null,\"uniqueFields\":[],\"uniqueIndexes\":[],"
              "\"isGenerated\":false,\"documentation\":\"one\"}");
}

/* --- failing memory ------------------------------------------------------------------------------------------------------- */

static const char LOT[] =
    PG "/// d\nmodel A {\n  id Int @id @default(autoincrement())\n  b B[] @relation(\"x\")\n c C\n  "
       "@@index([id(sort: Desc)])\n  // c\n  @@map(\"a\")\n}\nmodel B {\n  x Int\n  y Decimal "
       "@default(1.5) @db.Decimal(3, 1)\n  z E[] @default([U])\n  @@id([x, y])\n}\nmodel C {\n  id "
       "Int @id\n}\nenum E {\n  U\n}\nbad line\n";
static const char GOOD[] =
    PG "/// d\nmodel A {\n  id Int @id @default(autoincrement())\n  bs B[]\n  "
       "@@index([id(sort: Desc)])\n}\nmodel B {\n  x Int\n  y Decimal @default(1.5)\n  z E[] "
       "@default([U])\n  a A @relation(fields: [x], references: [id])\n  @@id([x, y])\n}\nenum E {\n "
       " U\n}\n";

static void test_faults(void)
{
    static const char *const texts[] = {LOT, GOOD, "model A {\n  id Int! @id\n  b B\n}\nmodel B {\n  id Int @id\n}\n"};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        FOR_EACH_FAULT(m, "format") {
            arena *a = arena_new(m, (size_t)64 << 20);
            schema_file file = {S("schema.prisma"), str_c(texts[t])};
            nicol_str *out = NULL;
            nicol_error err = {0};
            bool good = a != NULL && schema_format(&file, 1, m, a, &out, &err);
            ok(good ? out[0].len > 0 : a == NULL || err.code == NICOL_E_NO_MEMORY, "a text, or no memory");
            arena_free(a);
        }
    }
    FOR_EACH_FAULT(m, "describe") {
        arena *a = arena_new(m, (size_t)64 << 20);
        schema_file file = {S("schema.prisma"), str_c(GOOD)};
        schema_diags d;
        nicol_error err = {0};
        buf out;
        buf_init(&out, m, (size_t)1 << 20);
        schema *s = a == NULL ? NULL : schema_parse(&file, 1, &(schema_opts){.version = 7, .m = m}, a, &d, &err);
        bool good = s != NULL && schema_describe(s, &out, &err);
        ok(good ? out.len > 0 : a == NULL || err.code == NICOL_E_NO_MEMORY, "a description, or no memory");
        buf_free(&out);
        schema_free(s);
        arena_free(a);
    }
}

int main(void)
{
    test_layout();
    test_missing();
    test_plurals();
    test_files();
    test_limits();
    test_describe();
    test_faults();
    return done_testing();
}
