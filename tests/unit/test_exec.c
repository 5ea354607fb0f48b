/* The executor on SQLite: every node of a plan, result structures, rules, errors. */
#include "exec_fixture.h"

static fixture f;

static void asks(const char *plan_text, const char *want)
{
    is_z(fixture_ask(&f, plan_text, NULL), want);
}

static const char ddl[] =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INT, f REAL, d DECIMAL, at DATETIME, ok BOOLEAN, b BLOB, j JSONB, big BIGINT, e TEXT);"
    "INSERT INTO t VALUES(1,'a\"b',5,1.5,'10.50','2024-01-02T03:04:05.678+00:00',1,x'0102','{\"k\" : [1, 2]}',9007199254740993,'db');"
    "INSERT INTO t(id,name,n,at) VALUES(2,'two',NULL,1704164645678),(3,'three',7,'2024-01-02 03:04:05');"
    "CREATE TABLE c(id INTEGER PRIMARY KEY, tid INT REFERENCES t(id), s TEXT, k TEXT NOT NULL DEFAULT 'x', UNIQUE(tid, s));"
    "INSERT INTO c(id,tid,s) VALUES(10,1,'p'),(11,3,'q'),(12,1,'r'),(13,NULL,'z'),(14,3,'a');";

/* --- pure nodes ----------------------------------------------------------------------------------------------------- */

static void test_values(void)
{
    asks(VALUE("5"), "5");
    asks(VALUE("[1,\"x\",null,true,1.5]"), "[1,\"x\",null,true,1.5]");
    asks(VALUE("{\"a\":[1, 2]}"), "{\"a\":[1,2]}");
    asks(UNIT, "undefined");
    asks(SEQ(""), "undefined");
    asks(SEQ(VALUE("1") "," VALUE("2")), "2");
    asks(GET("nobody"), "undefined");
    asks(LET(BIND("x", VALUE("1")) "," BIND("y", GET("x")) "," BIND("x", VALUE("3")), SEQ(GET("x") "," GET("y"))), "1");
    asks(VALUE(PARAM("gone", "Int")), "P6000 Missing value for query variable gone");
    is_z(fixture_ask(&f, VALUE(PARAM("%1", "Int")), "{\"%1\":[7,8]}"), "[7,8]");
    is_z(fixture_ask(&f, VALUE(PARAM("%1", "DateTime")), "{\"%1\":\"2024-05-06T07:08:09+02:00\"}"),
         "\"2024-05-06T05:08:09.000Z\"");
    asks(VALUE(GEN("product", "[[1,2],[\"a\",\"b\"]]")), "[[1,\"a\"],[1,\"b\"],[2,\"a\"],[2,\"b\"]]");
    asks(VALUE(GEN("product", "[7,[1]]")), "[[7,1]]");
    is_int(strlen(fixture_ask(&f, VALUE(GEN("uuid", "[7]")), NULL)), 38);
    is_int(strlen(fixture_ask(&f, VALUE(GEN("cuid", "[1]")), NULL)), 27);
    is_int(strlen(fixture_ask(&f, VALUE(GEN("cuid", "[2]")), NULL)), 26);
    is_int(strlen(fixture_ask(&f, VALUE(GEN("ulid", "[]")), NULL)), 28);
    is_int(strlen(fixture_ask(&f, VALUE(GEN("nanoid", "[]")), NULL)), 23);
    is_int(strlen(fixture_ask(&f, VALUE(GEN("nanoid", "[9]")), NULL)), 11);
    is_int(strlen(fixture_ask(&f, VALUE(GEN("now", "[]")), NULL)), 26);
    asks(N("getFirstNonEmpty", "{\"names\":[\"a\",\"b\"]}"), "[]");
    asks(
        LET(BIND("a", VALUE("[]")) "," BIND("b", VALUE("4")), N("getFirstNonEmpty", "{\"names\":[\"z\",\"a\",\"b\"]}")),
        "4");
}

static void test_lists(void)
{
    asks(N("concat", "[" VALUE("[1,2]") "," VALUE("3") "," VALUE("null") "," VALUE("[]") "]"), "[1,2,3,null]");
    asks(N("concat", "[]"), "[]");
    asks(N("concat", "[" QUERY(SQL("SELECT id FROM t WHERE id<3 ORDER BY id")) "," QUERY(
                         SQL("SELECT id,n FROM t WHERE id=3")) "]"),
         "[{\"id\":1},{\"id\":2},{\"id\":3,\"n\":7}]");
    asks(N("sum", "[" VALUE("1") "," VALUE("\"2\"") "," VALUE("3.5") "]"), "6.5");
    asks(N("sum", "[]"), "0");
    asks(N("sum", "[" EXECUTE(SQL("UPDATE t SET n=n WHERE id<3")) "," EXECUTE(SQL("UPDATE t SET n=n")) "]"), "5");
    asks(N("unique", VALUE("[]")), "null");
    asks(N("unique", VALUE("[9]")), "9");
    asks(N("unique", VALUE("8")), "8");
    asks(N("unique", VALUE("[1,2]")), "P6000 Expected zero or one element, got 2");
    asks(N("required", VALUE("[]")), "P6000 Required value is empty");
    asks(N("required", VALUE("null")), "P6000 Required value is empty");
    asks(N("required", VALUE("0")), "0");
    asks(N("reverse", VALUE("[1,2,3]")), "[3,2,1]");
    asks(N("reverse", VALUE("1")), "1");
    asks(N("reverse", QUERY(SQL("SELECT id FROM t ORDER BY id"))), "[{\"id\":3},{\"id\":2},{\"id\":1}]");
    asks(N("mapField", "{\"field\":\"n\",\"records\":" QUERY(SQL("SELECT id,n FROM t ORDER BY id")) "}"), "[5,null,7]");
    asks(N("mapField", "{\"field\":\"n\",\"records\":" N("unique", QUERY(SQL("SELECT n FROM t WHERE id=1"))) "}"), "5");
    asks(N("mapField", "{\"field\":\"zz\",\"records\":" N("unique", QUERY(SQL("SELECT n FROM t WHERE id=1"))) "}"),
         "null");
    asks(N("mapField", "{\"field\":\"n\",\"records\":" VALUE("null") "}"), "null");
}

#define DIFF(from, to, more) N("diff", "{\"from\":" from ",\"to\":" to more "}")
#define IDS(where) QUERY(SQL("SELECT id, n FROM t WHERE " where " ORDER BY id"))

static void test_diff(void)
{
    asks(DIFF(IDS("1"), IDS("id=2"), ",\"fields\":[\"id\"]"), "[{\"id\":1,\"n\":5},{\"id\":3,\"n\":7}]");
    asks(DIFF(IDS("1"), VALUE("null"), ",\"fields\":[\"id\"]"),
         "[{\"id\":1,\"n\":5},{\"id\":2,\"n\":null},{\"id\":3,\"n\":7}]");
    asks(DIFF(N("unique", IDS("id=1")), IDS("1"), ",\"fields\":[\"id\",\"n\"]"), "[]");
    asks(DIFF(IDS("1"), QUERY(SQL("SELECT id, 5 AS n FROM t WHERE id<3")), ""),
         "[{\"id\":2,\"n\":null},{\"id\":3,\"n\":7}]");
    asks(DIFF(VALUE("[1,2,3]"), VALUE("[2,\"3\"]"), ""), "[1,3]");
}

#define IF(value, rule, a, b) N("if", "{\"value\":" value ",\"rule\":" rule ",\"then\":" a ",\"else\":" b "}")
#define RULE(type, n) "{\"type\":\"" type "\",\"args\":" n "}"
#define VALIDATE(expr, rule, id, context) \
    N("validate", "{\"expr\":" expr ",\"rules\":[" rule "],\"errorIdentifier\":\"" id "\",\"context\":{" context "}}")

static void test_rules(void)
{
    asks(IF(VALUE("[1,2]"), RULE("rowCountEq", "2"), VALUE("\"y\""), VALUE("\"n\"")), "\"y\"");
    asks(IF(VALUE("null"), RULE("rowCountNeq", "0"), VALUE("\"y\""), VALUE("\"n\"")), "\"n\"");
    asks(IF(VALUE("\"x\""), RULE("rowCountEq", "1"), VALUE("\"y\""), VALUE("\"n\"")), "\"y\"");
    asks(IF(VALUE("3"), RULE("affectedRowCountEq", "3"), VALUE("\"y\""), VALUE("\"n\"")), "\"y\"");
    asks(IF(VALUE("3"), "{\"type\":\"never\"}", VALUE("\"y\""), VALUE("\"n\"")), "\"n\"");
    asks(VALIDATE(VALUE("[1]"), RULE("rowCountNeq", "0"), "MISSING_RECORD", ""), "[1]");
    asks(
        VALIDATE(VALUE("[]"), RULE("rowCountNeq", "0"), "MISSING_RECORD", "\"operation\":\"an update\""),
        "P2025 An operation failed because it depends on one or more records that were required but not found. No record was found for an update.");
    asks(
        VALIDATE(VALUE("[1]"), RULE("rowCountEq", "0"), "RELATION_VIOLATION",
                 "\"relation\":\"R\",\"modelA\":\"A\",\"modelB\":\"B\""),
        "P2014 The change you are trying to make would violate the required relation 'R' between the `A` and `B` models.");
    asks(VALIDATE(VALUE("[]"), RULE("rowCountEq", "1"), "RECORDS_NOT_CONNECTED",
                  "\"relation\":\"R\",\"parent\":\"A\",\"child\":\"B\""),
         "P2017 The records for relation `R` between the `A` and `B` models are not connected.");
    asks(
        VALIDATE(VALUE("[1]"), RULE("rowCountEq", "2"), "INCOMPLETE_CONNECT_OUTPUT",
                 "\"expectedRows\":2,\"relation\":\"R\",\"relationType\":\"one-to-many\""),
        "P2018 The required connected records were not found. Expected 2 records to be connected after connect operation on one-to-many relation 'R', found 1.");
    asks(
        VALIDATE(
            VALUE("[]"), RULE("rowCountNeq", "0"), "MISSING_RELATED_RECORD",
            "\"model\":\"M\",\"relation\":\"R\",\"relationType\":\"one-to-one\",\"operation\":\"a nested connect\",\"neededFor\":null"),
        "P2025 An operation failed because it depends on one or more records that were required but not found. No 'M' record was found for a nested connect on one-to-one relation 'R'.");
    asks(
        VALIDATE(
            VALUE("[]"), RULE("rowCountNeq", "0"), "MISSING_RELATED_RECORD",
            "\"model\":\"M\",\"relation\":\"R\",\"relationType\":\"one-to-one\",\"operation\":\"a nested connect\",\"neededFor\":\"do it\""),
        "P2025 An operation failed because it depends on one or more records that were required but not found. No 'M' record (needed to do it) was found for a nested connect on one-to-one relation 'R'.");
    asks(
        VALIDATE(VALUE("1"), RULE("affectedRowCountEq", "2"), "INCOMPLETE_CONNECT_INPUT", "\"expectedRows\":2"),
        "P2025 An operation failed because it depends on one or more records that were required but not found. Expected 2 records to be connected, found only 1.");
    asks(VALIDATE(VALUE("1"), "{\"type\":\"never\"}", "SOMETHING_ELSE", ""),
         "P6000 Unknown validation error 'SOMETHING_ELSE'");
}

#define FIELDS(expr, fields) "{\"expr\":" expr ",\"fields\":{" fields "}}"

static void test_records(void)
{
    asks(
        N("initializeRecord", FIELDS(UNIT, "\"a\":{\"type\":\"value\",\"value\":1},\"b\":{\"type\":\"lastInsertId\"}")),
        "{\"a\":1,\"b\":null}");
    asks(N("initializeRecord", FIELDS(N("unique", EXECUTE(SQL("INSERT INTO c(id,s) VALUES(99,'new')"))),
                                      "\"id\":{\"type\":\"lastInsertId\"}")),
         "{\"id\":99}");
    asks(LET(BIND("x", EXECUTE(SQL("INSERT INTO c(id,s) VALUES(98,'new')"))),
             N("initializeRecord", FIELDS(GET("x"), "\"id\":{\"type\":\"lastInsertId\"}"))),
         "{\"id\":null}");
    asks(EXECUTE(SQL("DELETE FROM c WHERE id>90")), "2");
    asks(
        N("mapRecord",
          FIELDS(
              N("unique", QUERY(SQL("SELECT id,n,f,name FROM t WHERE id=1"))),
              "\"n\":{\"type\":\"add\",\"value\":\"3\"},\"f\":{\"type\":\"multiply\",\"value\":2},\"id\":{\"type\":\"divide\",\"value\":0},\"x\":{\"type\":\"set\",\"value\":[1]}")),
        "{\"id\":null,\"n\":8,\"f\":3,\"name\":\"a\\\"b\",\"x\":[1]}");
    asks(N("mapRecord",
           FIELDS(VALUE("null"), "\"a\":{\"type\":\"set\",\"value\":2},\"a\":{\"type\":\"subtract\",\"value\":5}")),
         "{\"a\":-3}");
}

/* --- join ----------------------------------------------------------------------------------------------------------- */

#define JOIN(parent, child, on, unique, strict)                               \
    N("join",                                                                 \
      "{\"parent\":" parent ",\"children\":[{\"child\":" child ",\"on\":[" on \
      "],\"parentField\":\"@nested$cs\",\"isRelationUnique\":" unique "}],\"canAssumeStrictEquality\":" strict "}")
#define CS QUERY(SQL("SELECT id, tid, s FROM c ORDER BY id"))

static void test_join(void)
{
    asks(
        JOIN(QUERY(SQL("SELECT id FROM t ORDER BY id")), CS, "[\"id\",\"tid\"]", "false", "true"),
        "[{\"id\":1,\"@nested$cs\":[{\"id\":10,\"tid\":1,\"s\":\"p\"},{\"id\":12,\"tid\":1,\"s\":\"r\"}]},{\"id\":2,\"@nested$cs\":[]},"
        "{\"id\":3,\"@nested$cs\":[{\"id\":11,\"tid\":3,\"s\":\"q\"},{\"id\":14,\"tid\":3,\"s\":\"a\"}]}]");
    asks(JOIN(N("unique", QUERY(SQL("SELECT id FROM t WHERE id=3"))), CS, "[\"id\",\"tid\"]", "true", "true"),
         "{\"id\":3,\"@nested$cs\":{\"id\":14,\"tid\":3,\"s\":\"a\"}}");
    asks(JOIN(VALUE("null"), CS, "[\"id\",\"tid\"]", "true", "true"), "null");
    asks(JOIN(QUERY(SQL("SELECT CAST(id AS TEXT) AS id FROM t WHERE id=1")),
              QUERY(SQL("SELECT tid FROM c WHERE id=10")), "[\"id\",\"tid\"]", "false", "true"),
         "[{\"id\":\"1\",\"@nested$cs\":[]}]");
    asks(JOIN(QUERY(SQL("SELECT CAST(id AS TEXT) AS id FROM t WHERE id=1")),
              QUERY(SQL("SELECT tid FROM c WHERE id=10")), "[\"id\",\"tid\"]", "false", "false"),
         "[{\"id\":\"1\",\"@nested$cs\":[{\"tid\":1}]}]");
    asks(JOIN(QUERY(SQL("SELECT 1.0 AS id")), QUERY(SQL("SELECT '1' AS tid")), "[\"id\",\"tid\"]", "true", "false"),
         "[{\"id\":1,\"@nested$cs\":{\"tid\":\"1\"}}]");
    asks(
        DATA_MAP(OBJECT("\"id\":" FIELD("id", "int") ",\"cs\":" CHILD("@nested$cs", "\"s\":" FIELD("s", "string"))),
                 JOIN(QUERY(SQL("SELECT id FROM t ORDER BY id")), CS, "[\"id\",\"tid\"]", "false", "true")),
        "[{\"id\":1,\"cs\":[{\"s\":\"p\"},{\"s\":\"r\"}]},{\"id\":2,\"cs\":[]},{\"id\":3,\"cs\":[{\"s\":\"q\"},{\"s\":\"a\"}]}]");
    /* null equals null, and two children of one parent */
    asks(
        N("join",
          "{\"parent\":" QUERY(SQL(
              "SELECT NULL AS a, 1 AS b")) ",\"children\":["
                                           "{\"child\":" QUERY(SQL(
                                               "SELECT NULL AS x, 1 AS y")) ",\"on\":[[\"a\",\"x\"],[\"b\",\"y\"]],\"parentField\":\"f\",\"isRelationUnique\":true},"
                                                                            "{\"child\":" VALUE(
                                                                                "null") ",\"on\":[[\"a\",\"x\"]],\"parentField\":\"g\",\"isRelationUnique\":false}]}"),
        "[{\"a\":null,\"b\":1,\"f\":{\"x\":null,\"y\":1},\"g\":[]}]");
}

/* --- process -------------------------------------------------------------------------------------------------------- */

#define PROCESS(expr, ops) N("process", "{\"expr\":" expr ",\"operations\":{" ops "}}")
#define PAGE(cursor, take, skip) "\"pagination\":{\"cursor\":" cursor ",\"take\":" take ",\"skip\":" skip "}"
#define NUMS "WITH RECURSIVE x(id) AS (SELECT 1 UNION ALL SELECT id+1 FROM x WHERE id<8) SELECT id, id%3 AS g FROM x"

static void test_process(void)
{
    asks(PROCESS(QUERY(SQL(NUMS)), PAGE("{\"id\":3}", "2", "1")), "[{\"id\":4,\"g\":1},{\"id\":5,\"g\":2}]");
    asks(PROCESS(QUERY(SQL(NUMS)), PAGE("{\"id\":30}", "2", "null")), "[]");
    asks(PROCESS(QUERY(SQL(NUMS)), PAGE("{\"id\":\"8\"}", "null", "null")), "[{\"id\":8,\"g\":2}]");
    asks(PROCESS(QUERY(SQL(NUMS)), PAGE("null", "1", "7") ",\"reverse\":true"), "[{\"id\":8,\"g\":2}]");
    asks(PROCESS(QUERY(SQL(NUMS)), PAGE("null", "0", "null")), "[]");
    asks(PROCESS(QUERY(SQL(NUMS)), "\"distinct\":[\"g\"]"),
         "[{\"id\":1,\"g\":1},{\"id\":2,\"g\":2},{\"id\":3,\"g\":0}]");
    asks(PROCESS(QUERY(SQL(NUMS)), "\"distinct\":[\"g\"],\"reverse\":true"),
         "[{\"id\":3,\"g\":0},{\"id\":2,\"g\":2},{\"id\":1,\"g\":1}]");
    asks(PROCESS(QUERY(SQL(NUMS)), PAGE("null", "1", "1") ",\"linkingFields\":[\"g\"]"),
         "[{\"id\":6,\"g\":0},{\"id\":4,\"g\":1},{\"id\":5,\"g\":2}]");
    asks(
        PROCESS(QUERY(SQL(NUMS)), "\"distinct\":[\"g\"],\"linkingFields\":[\"id\"]," PAGE("null", "1", "null")),
        "[{\"id\":1,\"g\":1},{\"id\":2,\"g\":2},{\"id\":3,\"g\":0},{\"id\":4,\"g\":1},{\"id\":5,\"g\":2},{\"id\":6,\"g\":0},{\"id\":7,\"g\":1},{\"id\":8,\"g\":2}]");
    asks(PROCESS(N("unique", QUERY(SQL("SELECT 4 AS id"))), PAGE("null", "null", "1")), "null");
    asks(PROCESS(N("unique", QUERY(SQL("SELECT 4 AS id"))), PAGE("{\"id\":4}", "1", "null")), "{\"id\":4}");
    asks(PROCESS(N("unique", QUERY(SQL("SELECT 4 AS id"))), PAGE("{\"id\":5}", "1", "null")), "null");
    asks(PROCESS(VALUE("null"), PAGE("null", "1", "null")), "null");
    asks(PROCESS(VALUE("\"[{\\\"a\\\":1},{\\\"a\\\":2}]\""), PAGE("null", "1", "1")), "[{\"a\":2}]");
    asks(PROCESS(QUERY(SQL("SELECT 1 AS id, '[3,1]' AS l, '[{\\\"v\\\":1},{\\\"v\\\":2}]' AS kids")),
                 "\"nested\":{\"kids\":{\"reverse\":true}}"),
         "[{\"id\":1,\"l\":\"[3,1]\",\"kids\":[{\"v\":2},{\"v\":1}]}]");
    asks(PROCESS(QUERY(SQL("SELECT at FROM t ORDER BY id")),
                 PAGE("{\"at\":" PARAM("d", "DateTime") "}", "null", "null")),
         "P6000 Missing value for query variable d");
    is_z(fixture_ask(&f,
                     PROCESS(QUERY(SQL("SELECT id, at FROM t ORDER BY id")),
                             PAGE("{\"at\":" PARAM("d", "DateTime") "}", "1", "1")),
                     "{\"d\":\"2024-01-02T03:04:05.678Z\"}"),
         "[{\"id\":2,\"at\":1704164645678}]");
}

/* --- result structures ---------------------------------------------------------------------------------------------- */

#define ALL_FIELDS                                                                                                                                                                                                                                              \
    "\"id\":" FIELD("id", "int") ",\"name\":" FIELD("name", "string") ",\"n\":" FIELD("n", "int") ",\"f\":" FIELD("f", "float") ",\"d\":" FIELD(                                                                                                                \
        "d",                                                                                                                                                                                                                                                    \
        "decimal") ",\"at\":" FIELD("at",                                                                                                                                                                                                                       \
                                    "datetime") ",\"ok\":" FIELD("ok",                                                                                                                                                                                          \
                                                                 "boolean") ",\"j\":" FIELD("j",                                                                                                                                                                \
                                                                                            "json") ",\"big\":" FIELD("big",                                                                                                                                    \
                                                                                                                      "bigint") ",\"b\":{\"type\":\"field\",\"dbName\":\"b\",\"fieldType\":{\"arity\":\"required\",\"type\":\"bytes\",\"encoding\":\"array\"}}" \
                                                                                                                                ",\"e\":{\"type\":\"field\",\"dbName\":\"e\",\"fieldType\":{\"arity\":\"required\",\"type\":\"enum\",\"name\":\"E\"}}"
#define ONE_FIELD(sql, type) DATA_MAP(OBJECT("\"x\":" FIELD("x", type)), N("unique", QUERY(SQL("SELECT " sql " AS x"))))

static void test_data_map(void)
{
    const char *first =
        "{\"id\":1,\"name\":\"a\\\"b\",\"n\":5,\"f\":1.5,\"d\":{\"$type\":\"Decimal\",\"value\":\"10.5\"},"
        "\"at\":{\"$type\":\"DateTime\",\"value\":\"2024-01-02T03:04:05.678Z\"},\"ok\":true,"
        "\"j\":{\"$type\":\"Json\",\"value\":\"{\\\"k\\\":[1,2]}\"},\"big\":{\"$type\":\"BigInt\",\"value\":\"9007199254740993\"},"
        "\"b\":{\"$type\":\"Bytes\",\"value\":\"AQI=\"},\"e\":\"Client\"}";
    asks(DATA_MAP(OBJECT(ALL_FIELDS), N("unique", QUERY(SQL("SELECT * FROM t WHERE id=1")))), first);
    asks(DATA_MAP(
             OBJECT(ALL_FIELDS),
             N("process", "{\"expr\":" N("unique", QUERY(SQL("SELECT * FROM t WHERE id=1"))) ",\"operations\":{}}")),
         first);
    asks(
        DATA_MAP(OBJECT("\"id\":" FIELD("id", "int") ",\"at\":" FIELD("at", "datetime")),
                 QUERY(SQL("SELECT at, id FROM t WHERE id>1 ORDER BY id"))),
        "[{\"id\":2,\"at\":{\"$type\":\"DateTime\",\"value\":\"2024-01-02T03:04:05.678Z\"}},{\"id\":3,\"at\":{\"$type\":\"DateTime\",\"value\":\"2024-01-02T03:04:05.000Z\"}}]");
    asks(DATA_MAP(OBJECT("\"id\":" FIELD("id", "int")), N("unique", QUERY(SQL("SELECT id FROM t WHERE id=77")))),
         "null");
    asks(DATA_MAP(OBJECT("\"id\":" FIELD("id", "int")), QUERY(SQL("SELECT id FROM t WHERE id=77"))), "[]");
    asks(DATA_MAP(OBJECT("\"id\":" FIELD("id", "int")), N("unique", QUERY(SQL("SELECT id FROM t")))),
         "P6000 Expected zero or one element, got 3");
    asks(DATA_MAP("{\"type\":\"affectedRows\"}", EXECUTE(SQL("UPDATE t SET n=n"))), "{\"count\":3}");
    asks(DATA_MAP(OBJECT("\"_count\":" OBJECT("\"_all\":" FIELD("c", "int"))),
                  N("unique", QUERY(SQL("SELECT count(*) AS c FROM t")))),
         "{\"_count\":{\"_all\":3}}");
    asks(DATA_MAP(OBJECT("\"x\":" FIELD("zz", "int")), QUERY(SQL("SELECT 1 AS x"))),
         "P2023 Missing data field (Value): 'zz'");
    asks(ONE_FIELD("NULL", "int"), "{\"x\":null}");
    asks(ONE_FIELD("1.9", "int"), "{\"x\":1}");
    asks(ONE_FIELD("'12'", "int"), "{\"x\":12}");
    asks(ONE_FIELD("'abc'", "int"), "P2023 Expected an integer in column 'x', got string: abc");
    asks(
        ONE_FIELD("'90071992547409930'", "int"),
        "P2023 Integer value in column 'x' is too large to represent as a JavaScript number without loss of precision, got: 90071992547409930. Consider using BigInt type.");
    asks(ONE_FIELD("5", "string"), "P2023 Expected a string in column 'x', got number: 5");
    asks(ONE_FIELD("'1.25'", "float"), "{\"x\":1.25}");
    asks(ONE_FIELD("7", "float"), "{\"x\":7}");
    asks(ONE_FIELD("9e999", "float"), "{\"x\":null}");
    asks(ONE_FIELD("0", "boolean"), "{\"x\":false}");
    asks(ONE_FIELD("'TRUE'", "boolean"), "{\"x\":true}");
    asks(ONE_FIELD("x'00'", "boolean"), "{\"x\":false}");
    asks(ONE_FIELD("'maybe'", "boolean"), "P2023 Expected a boolean in column 'x', got string: maybe");
    asks(ONE_FIELD("123.450", "decimal"), "{\"x\":{\"$type\":\"Decimal\",\"value\":\"123.45\"}}");
    asks(ONE_FIELD("'0.000000000000000000010'", "decimal"), "{\"x\":{\"$type\":\"Decimal\",\"value\":\"1e-20\"}}");
    asks(ONE_FIELD("'x'", "decimal"), "P2023 Expected a decimal in column 'x', got string: x");
    asks(ONE_FIELD("'12'", "bigint"), "{\"x\":{\"$type\":\"BigInt\",\"value\":\"12\"}}");
    asks(ONE_FIELD("x'01'", "bigint"), "P2023 Expected a bigint in column 'x', got object: bytes");
    asks(ONE_FIELD("'2024-03-04'", "datetime"),
         "{\"x\":{\"$type\":\"DateTime\",\"value\":\"2024-03-04T00:00:00.000Z\"}}");
    asks(ONE_FIELD("'10:11:12'", "datetime"),
         "{\"x\":{\"$type\":\"DateTime\",\"value\":\"1970-01-01T10:11:12.000Z\"}}");
    asks(ONE_FIELD("'2024-03-04T01:02:03+02'", "datetime"),
         "{\"x\":{\"$type\":\"DateTime\",\"value\":\"2024-03-03T23:02:03.000Z\"}}");
    asks(ONE_FIELD("'2024-03-04T01:02:03.987Z'", "datetime"),
         "{\"x\":{\"$type\":\"DateTime\",\"value\":\"2024-03-04T01:02:03.987Z\"}}");
    asks(ONE_FIELD("'2024-02-29T01:02:03.987+00:00'", "datetime"),
         "{\"x\":{\"$type\":\"DateTime\",\"value\":\"2024-02-29T01:02:03.987Z\"}}");
    asks(ONE_FIELD("'2024-13-04T01:02:03.987Z'", "datetime"),
         "P2023 Expected a date in column 'x', got string: 2024-13-04T01:02:03.987Z");
    asks(ONE_FIELD("'2024-03-00T01:02:03.987Z'", "datetime"),
         "P2023 Expected a date in column 'x', got string: 2024-03-00T01:02:03.987Z");
    asks(ONE_FIELD("'soon'", "datetime"), "P2023 Expected a date in column 'x', got string: soon");
    asks(ONE_FIELD("7", "json"), "{\"x\":{\"$type\":\"Json\",\"value\":\"7\"}}");
    asks(ONE_FIELD("'\\\"s\\\"'", "json"), "{\"x\":{\"$type\":\"Json\",\"value\":\"\\\"s\\\"\"}}");
    asks(ONE_FIELD("'q'", "json"), "P2023 Expected JSON in column 'x', got string: q");
    asks(ONE_FIELD("x'ff'", "unsupported"), "{\"x\":\"/w==\"}");
    asks(
        DATA_MAP(
            OBJECT(
                "\"e\":{\"type\":\"field\",\"dbName\":\"e\",\"fieldType\":{\"arity\":\"required\",\"type\":\"enum\",\"name\":\"E\"}}"),
            QUERY(SQL("SELECT 'what' AS e"))),
        "P2023 Value 'what' not found in enum 'E'");
    asks(DATA_MAP(
             OBJECT("\"l\":{\"type\":\"field\",\"dbName\":\"l\",\"fieldType\":{\"arity\":\"list\",\"type\":\"int\"}}"),
             QUERY(SQL("SELECT NULL AS l UNION ALL SELECT '[1,2]'"))),
         "[{\"l\":[]},{\"l\":[1,2]}]");
    /* A relation that the database joined into JSON text. */
    asks(DATA_MAP(OBJECT("\"kids\":" CHILD("kids", "\"v\":" FIELD("v", "int") ",\"o\":" FIELD("o", "object"))),
                  QUERY(SQL("SELECT '[{\\\"v\\\":1,\\\"o\\\":{\\\"z\\\":true}}]' AS kids"))),
         "[{\"kids\":[{\"v\":1,\"o\":{\"$type\":\"Json\",\"value\":\"{\\\"z\\\":true}\"}}]}]");
    asks(DATA_MAP("{\"type\":\"object\",\"serializedName\":null,\"fields\":{\"v\":" FIELD(
                      "v", "int") "},\"skipNulls\":true}",
                  VALUE("\"[null,{\\\"v\\\":1}]\"")),
         "[{\"v\":1}]");
    /* A structure that is not at the end of its plan. */
    asks(LET(BIND("a", DATA_MAP(OBJECT("\"x\":" FIELD("x", "bigint")), QUERY(SQL("SELECT 1 AS x")))),
             N("unique", GET("a"))),
         "{\"x\":{\"$type\":\"BigInt\",\"value\":\"1\"}}");
}

/* --- statements ----------------------------------------------------------------------------------------------------- */

static void test_statements(void)
{
    asks(QUERY(TEMPLATE(CHUNK("SELECT id FROM t WHERE id IN ") "," TUPLE "," CHUNK(" AND n > ") "," P, "[1,3],\"6\"",
                        T("int") "," T("int"))),
         "[{\"id\":3}]");
    asks(QUERY(TEMPLATE(CHUNK("SELECT id FROM t WHERE id IN ") "," TUPLE, "[]", T("int"))), "[]");
    asks(QUERY(TEMPLATE(CHUNK("SELECT id FROM t WHERE id IN ") "," TUPLE, "2", T("int"))), "[{\"id\":2}]");
    asks(
        QUERY(TEMPLATE(
            CHUNK("SELECT * FROM (VALUES ") ",{\"type\":\"parameterTupleList\",\"itemPrefix\":\"(\",\"itemSeparator\":\",\",\"itemSuffix\":\")\",\"groupSeparator\":\",\"}," CHUNK(
                ")"),
            "[[1,\"a\"],[2,\"b\"]]", "{\"arity\":\"tuple\",\"elements\":[" T("int") "," T("string") "]}")),
        "[{\"column1\":1,\"column2\":\"a\"},{\"column1\":2,\"column2\":\"b\"}]");
    asks(
        QUERY(RAW("SELECT id, name, at, b, big, NULL AS z FROM t WHERE id = ?", "1",
                  "{\"arity\":\"scalar\",\"scalarType\":\"int\"}")),
        "{\"columns\":[\"id\",\"name\",\"at\",\"b\",\"big\",\"z\"],\"types\":[\"int\",\"string\",\"datetime\",\"bytes\",\"bigint\",\"int\"],"
        "\"rows\":[[1,\"a\\\"b\",\"2024-01-02T03:04:05.678Z\",\"AQI=\",\"9007199254740993\",null]]}");
    asks(QUERY(RAW("SELECT id FROM t WHERE 0", "", "")), "{\"columns\":[\"id\"],\"types\":[\"int\"],\"rows\":[]}");
    asks(QUERY(RAW("INSERT INTO c(id, s) VALUES(50, 'raw') RETURNING id", "", "")),
         "{\"columns\":[\"id\"],\"types\":[\"int\"],\"rows\":[[50]]}");
    asks(QUERY(RAW("WITH x AS (SELECT 1 AS a) SELECT a FROM x", "", "")),
         "{\"columns\":[\"a\"],\"types\":[\"bigint\"],\"rows\":[[\"1\"]]}");
    asks(EXECUTE(RAW("DELETE FROM c WHERE id = ?", "50", T("int"))), "1");
    asks(
        N("transaction", SEQ(EXECUTE(SQL("UPDATE t SET n=1 WHERE id=1")) "," VALIDATE(
                             VALUE("[]"), "{\"type\":\"never\"}", "MISSING_RECORD", "\"operation\":\"x\""))),
        "P2025 An operation failed because it depends on one or more records that were required but not found. No record was found for x.");
    asks(QUERY(SQL("SELECT n FROM t WHERE id=1")), "[{\"n\":5}]");
}

/* What a plan has learnt about its rows is not believed when the table has changed. */
static void test_schema_change(void)
{
    nicol_error err = {0};
    arena *a = arena_new(mem_default, 1 << 20);
    buf out;
    buf_init(&out, mem_default, 1 << 20);
    asks(EXECUTE(RAW("CREATE TABLE s(a INT, b INT)", "", "")), "0");
    asks(EXECUTE(RAW("INSERT INTO s VALUES(1, 2)", "", "")), "1");
    plan *p = fixture_plan(QUERY(SQL("SELECT * FROM s")), mem_default, &err);
    plan *mapped =
        fixture_plan(DATA_MAP(OBJECT("\"a\":" FIELD("a", "int")), QUERY(SQL("SELECT * FROM s"))), mem_default, &err);
    static const char *const changes[] = {"ALTER TABLE s RENAME COLUMN a TO z", "ALTER TABLE s RENAME COLUMN b TO a",
                                          "ALTER TABLE s ADD COLUMN c INT DEFAULT 7"};
    static const char *const rows[] = {"[{\"z\":1,\"b\":2}]", "[{\"z\":1,\"a\":2}]", "[{\"z\":1,\"a\":2,\"c\":7}]"};
    for (int i = 0; i < 3; i++) {
        char text[300];
        for (int k = 0; k < 2; k++) {
            buf_clear(&out);
            ok(fixture_run(&f, p, NULL, NULL, &out, &err, a), "runs");
            if (i == 0) is_strz(buf_view(&out), "[{\"a\":1,\"b\":2}]");
            else is_strz(buf_view(&out), rows[i - 1]);
        }
        buf_clear(&out);
        bool good = fixture_run(&f, mapped, NULL, NULL, &out, &err, a);
        if (i == 1) is_err(&err, NICOL_E_COLUMN_DATA);
        else if (ok(good, "mapped")) is_strz(buf_view(&out), i == 0 ? "[{\"a\":1}]" : "[{\"a\":2}]");
        err_clear(&err);
        snprintf(text, sizeof text, EXECUTE(RAW("%s", "", "")), changes[i]);
        asks(text, "0");
    }
    buf_clear(&out);
    ok(fixture_run(&f, p, NULL, NULL, &out, &err, a), "runs");
    is_strz(buf_view(&out), rows[2]);
    plan_free(p);
    plan_free(mapped);
    buf_free(&out);
    arena_free(a);
}

static void test_chunks(void)
{
    size_t cap = 2 << 20;
    char *text = malloc(cap), *params = malloc(cap);
    snprintf(text, cap, "%s",
             QUERY(TEMPLATE(CHUNK("SELECT id FROM t WHERE id IN ") "," TUPLE, PARAM("p", "Int"), T("int"))));
    size_t n = (size_t)snprintf(params, cap, "{\"p\":[3");
    for (int i = 100; i < 80000; i++) n += (size_t)snprintf(params + n, cap - n, ",%d", i);
    snprintf(params + n, cap - n, ",1,3,3]}"); /* repeated, far apart: not found or changed again */
    is_z(fixture_ask(&f, text, params), "[{\"id\":3},{\"id\":1}]");
    snprintf(text, cap, "%s",
             EXECUTE(TEMPLATE(CHUNK("UPDATE t SET n=n WHERE id IN ") "," TUPLE, PARAM("p", "Int"), T("int"))));
    is_z(fixture_ask(&f, text, params), "2");
    snprintf(text, cap, "%s",
             DATA_MAP(OBJECT("\"id\":" FIELD("id", "int")),
                      QUERY(TEMPLATE(CHUNK("SELECT id FROM t WHERE id IN ") "," TUPLE, PARAM("p", "Int"), T("int")))));
    is_z(fixture_ask(&f, text, params), "[{\"id\":3},{\"id\":1}]");
    snprintf(
        text, cap, "%s",
        "{\"type\":\"query\",\"args\":{\"type\":\"templateSql\",\"fragments\":[" CHUNK(
            "SELECT id FROM t WHERE id NOT IN ") "," TUPLE
                                                 "],\"args\":[" PARAM("p", "Int") "],\"argTypes\":[" T(
                                                     "int") "],\"placeholderFormat\":{\"prefix\":\"?\",\"hasNumbering\":false},\"chunkable\":false}}");
    is_z(fixture_ask(&f, text, params), "P2029 The query parameter limit supported by your database is exceeded.");
    free(text);
    free(params);
}

/* --- errors --------------------------------------------------------------------------------------------------------- */

/* older: the message for clients before version 7; NULL: the same. */
static void fails(const char *text, const char *message, const char *older, const char *meta_v7, const char *meta_v6)
{
    nicol_error err = {0};
    arena *a = arena_new(mem_default, 16 << 20);
    buf out;
    buf_init(&out, mem_default, 1 << 20);
    buf_lit(&out, "kept");
    plan *p = fixture_plan(text, mem_default, &err);
    ok(p && !fixture_run(&f, p, NULL, NULL, &out, &err, a), "fails: %.50s", text);
    is_str(buf_view(&out), S("kept"));
    nicol_str whole = arena_printf(a, "%s %.*s", err_client(err.code), (int)err.message.len, err.message.ptr);
    is_strz(whole, message);
    buf_clear(&out);
    exec_error_meta_v7(&err, &out);
    is_strz(buf_view(&out), meta_v7);
    buf_clear(&out);
    exec_error_text_v6(&err, &out);
    json_doc doc;
    ok(json_parse(a, buf_view(&out), 1, &doc, &err), "a text of version 6");
    is_str(json_text(json_root(&doc)), older ? str_c(older) : err.message);
    buf_clear(&out);
    exec_error_meta_v6(&err, S("M"), &out);
    is_strz(buf_view(&out), meta_v6);
    plan_free(p);
    buf_free(&out);
    arena_free(a);
}

#define META(cause) "{\"driverAdapterError\":{\"name\":\"DriverAdapterError\",\"cause\":{" cause "}}}"

static void test_errors(void)
{
    fails(
        EXECUTE(SQL("INSERT INTO c(tid,s) VALUES(1,'p')")),
        "P2002 Unique constraint failed on the fields: (`tid`, `s`)",
        "Unique constraint failed on the fields: (`tid`,`s`)",
        "{\"driverAdapterError\":{\"name\":\"DriverAdapterError\",\"cause\":{\"originalCode\":\"SQLITE_CONSTRAINT_UNIQUE\",\"originalMessage\":\"UNIQUE constraint failed: c.tid, c.s\","
        "\"kind\":\"UniqueConstraintViolation\",\"constraint\":{\"fields\":[\"tid\",\"s\"]},\"table\":\"c\"}},\"table\":\"c\"}",
        "{\"modelName\":\"M\",\"target\":[\"tid\",\"s\"]}");
    fails(
        EXECUTE(SQL("INSERT INTO c(tid,s) VALUES(77,'p')")), "P2003 Foreign key constraint violated on the foreign key",
        NULL,
        META(
            "\"originalCode\":\"SQLITE_CONSTRAINT_FOREIGNKEY\",\"originalMessage\":\"FOREIGN KEY constraint failed\",\"kind\":\"ForeignKeyConstraintViolation\",\"constraint\":{\"foreignKey\":{}}"),
        "{\"modelName\":\"M\",\"field_name\":\"foreign key\",\"constraint\":null}");
    fails(
        EXECUTE(SQL("INSERT INTO c(k) VALUES(NULL)")), "P2011 Null constraint violation on the fields: (`k`)", NULL,
        META(
            "\"originalCode\":\"SQLITE_CONSTRAINT_NOTNULL\",\"originalMessage\":\"NOT NULL constraint failed: c.k\",\"kind\":\"NullConstraintViolation\",\"constraint\":{\"fields\":[\"k\"]}"),
        "{\"modelName\":\"M\",\"constraint\":[\"k\"]}");
    fails(
        QUERY(SQL("SELECT 1 FROM gone")), "P2021 The table `gone` does not exist in the current database.",
        "The table `main.gone` does not exist in the current database.",
        META(
            "\"originalCode\":\"SQLITE_ERROR\",\"originalMessage\":\"no such table: gone\",\"kind\":\"TableDoesNotExist\",\"table\":\"gone\""),
        "{\"modelName\":\"M\",\"table\":\"main.gone\"}");
    fails(
        QUERY(SQL("SELECT t.gone FROM t")), "P2022 The column `t.gone` does not exist in the current database.",
        "The column `main.t.gone` does not exist in the current database.",
        META(
            "\"originalCode\":\"SQLITE_ERROR\",\"originalMessage\":\"no such column: t.gone\",\"kind\":\"ColumnNotFound\",\"column\":\"t.gone\""),
        "{\"modelName\":\"M\",\"column\":\"main.t.gone\"}");
    fails(
        QUERY(RAW("SELECT 1 FROM gone", "", "")),
        "P2010 Raw query failed. Code: `SQLITE_ERROR`. Message: `no such table: gone`", NULL,
        META(
            "\"originalCode\":\"SQLITE_ERROR\",\"originalMessage\":\"no such table: gone\",\"kind\":\"TableDoesNotExist\",\"table\":\"gone\""),
        "{\"code\":\"SQLITE_ERROR\",\"message\":\"no such table: gone\"}");
    fails(
        QUERY(SQL("SELEC")), "P2039 Database error. Code: `SQLITE_ERROR`. Message: `near \"SELEC\": syntax error`",
        NULL,
        META(
            "\"originalCode\":\"SQLITE_ERROR\",\"originalMessage\":\"near \\\"SELEC\\\": syntax error\",\"kind\":\"sqlite\",\"extendedCode\":1,\"message\":\"near \\\"SELEC\\\": syntax error\""),
        "{\"modelName\":\"M\",\"database_error\":\"near \\\"SELEC\\\": syntax error\"}");
    fails(
        VALIDATE(VALUE("[]"), RULE("rowCountNeq", "0"), "MISSING_RECORD", "\"operation\":\"a query\""),
        "P2025 An operation failed because it depends on one or more records that were required but not found. No record was found for a query.",
        NULL, "{\"operation\":\"a query\"}", "{\"modelName\":\"M\",\"cause\":\"No record was found for a query.\"}");
    fails(
        VALIDATE(VALUE("[1]"), RULE("rowCountEq", "0"), "RELATION_VIOLATION",
                 "\"relation\":\"R\",\"modelA\":\"A\",\"modelB\":\"B\""),
        "P2014 The change you are trying to make would violate the required relation 'R' between the `A` and `B` models.",
        NULL, "{\"relation\":\"R\",\"modelA\":\"A\",\"modelB\":\"B\"}",
        "{\"relation_name\":\"R\",\"model_a_name\":\"A\",\"model_b_name\":\"B\"}");
}

int main(void)
{
    nicol_error err = {0};
    if (!ok(fixture_make(&f, "nodes", ddl, &err) && fixture_open(&f, NULL, &err), "a database")) {
        diag("%.*s", (int)err.message.len, err.message.ptr);
        return done_testing();
    }
    test_values();
    test_lists();
    test_diff();
    test_rules();
    test_records();
    test_join();
    test_process();
    test_data_map();
    test_statements();
    test_schema_change();
    test_chunks();
    test_errors();
    fixture_close(&f);
    return done_testing();
}
