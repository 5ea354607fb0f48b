/* query/raw.c - raw queries: a text, and parameters that come as a JSON array inside a string.
 *
 * A parameter is plain JSON, or an object {"prisma__type": ..., "prisma__value": ...} for what JSON has no type for.
 */
#include "query/query_int.h"

static bool raw_bad(reader *r, uint32_t index, nicol_str type)
{
    return nicol_fail_in(r->a, r->err, NICOL_E_QUERY_INVALID,
                         "Raw query parameter %u does not hold a valid value of type `%.*s`.", index + 1,
                         STR_FMT(type));
}

static bool raw_number(json_val v, val *out)
{
    int64_t i;
    double f;
    if (json_i64(v, &i)) *out = val_int(i);
    else if (!json_token(v)->escaped) *out = val_text(VAL_DECIMAL, json_raw(v)); /* a whole number past 64 bits */
    else if (json_f64(v, &f)) *out = val_float(f);
    else return false;
    return true;
}

static bool raw_value(reader *r, json_val v, uint32_t index, val *out);

static bool raw_tagged(reader *r, nicol_str type, json_val v, uint32_t index, val *out)
{
    static const struct {
        const char *name;
        scalar_type type;
    } types[] = {
        {"bigint", SCALAR_BIGINT}, {"int64", SCALAR_BIGINT},  {"int", SCALAR_INT},         {"int32", SCALAR_INT},
        {"float", SCALAR_FLOAT},   {"double", SCALAR_FLOAT},  {"decimal", SCALAR_DECIMAL}, {"bytes", SCALAR_BYTES},
        {"bool", SCALAR_BOOLEAN},  {"string", SCALAR_STRING}, {"text", SCALAR_STRING},     {"char", SCALAR_STRING},
        {"enum", SCALAR_STRING},   {"xml", SCALAR_STRING},    {"uuid", SCALAR_STRING},     {"time", SCALAR_STRING}};
    int64_t ms;
    if (json_kind(v) == JSON_NULL) {
        *out = val_null();
        return true;
    }
    if (str_eq(type, S("date")) || str_eq(type, S("datetime"))) {
        nicol_str s = json_text(v);
        if (s.ptr == NULL || !datetime_parse(s, &ms)) return raw_bad(r, index, type);
        *out = (val){.type = VAL_DATETIME, .u.i = ms};
        return true;
    }
    if (str_eq(type, S("json")) && json_kind(v) == JSON_STRING) {
        *out = val_text(VAL_JSON, json_text(v));
        return true;
    }
    if (str_eq(type, S("array"))) return raw_value(r, v, index, out);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (!str_eq(type, str_c(types[i].name))) continue;
        if (query_take_value(v, types[i].type, NULL, false, r->a, out)) return true;
        return arena_failed(r->a) ? nicol_fail_oom(r->err) : raw_bad(r, index, type);
    }
    return raw_bad(r, index, type);
}

static bool raw_list(reader *r, json_val v, uint32_t index, val *out)
{
    uint32_t n = json_count(v), i = 0;
    val *items = READER_ARRAY(r, n ? n : 1, val);
    if (!items || !reader_enter(r)) return false;
    json_iter it = json_first(v);
    while (json_more(&it)) {
        if (!raw_value(r, it.value, index, &items[i++])) return false;
    }
    reader_leave(r);
    *out = (val){.type = VAL_LIST, .n = n, .u.list = items};
    return true;
}

static bool raw_value(reader *r, json_val v, uint32_t index, val *out)
{
    nicol_str s;
    switch (json_kind(v)) {
    case JSON_NULL:
        *out = val_null();
        return true;
    case JSON_FALSE:
    case JSON_TRUE:
        *out = val_bool(json_kind(v) == JSON_TRUE);
        return true;
    case JSON_NUMBER:
        return raw_number(v, out) || raw_bad(r, index, S("number"));
    case JSON_STRING:
        s = json_text(v);
        if (s.ptr == NULL) return nicol_fail_oom(r->err);
        *out = val_text(VAL_STR, s);
        return true;
    case JSON_ARRAY:
        return raw_list(r, v, index, out);
    case JSON_OBJECT: {
        json_val type = json_get(v, S("prisma__type"));
        if (json_kind(type) == JSON_STRING) {
            return raw_tagged(r, json_text(type), json_get(v, S("prisma__value")), index, out);
        }
        if (query_take_value(v, SCALAR_JSON, NULL, false, r->a, out)) return true;
        return arena_failed(r->a) ? nicol_fail_oom(r->err) : raw_bad(r, index, S("json"));
    }
    }
    return raw_bad(r, index, S("json"));
}

bool reader_raw(reader *r, json_val args)
{
    json_val query = json_get(args, S("query")), parameters = json_get(args, S("parameters"));
    query_op *op = r->op;
    if (json_kind(query) != JSON_STRING) {
        return nicol_fail(r->err, NICOL_E_VALUE_REQUIRED, "`query`: A value is required but not set");
    }
    op->raw_sql = json_text(query);
    if (op->raw_sql.ptr == NULL) return nicol_fail_oom(r->err);
    json_val list = parameters;
    if (json_kind(parameters) == JSON_STRING) {
        nicol_str text = json_text(parameters);
        if (text.ptr == NULL) return nicol_fail_oom(r->err);
        if (text.len == 0) return true;
        json_doc *doc = READER_NEW(r, json_doc);
        if (!doc || !json_parse(r->a, text, NICOL_JSON_DEPTH_MAX, doc, r->err)) return false;
        list = json_root(doc);
    }
    if (!json_present(list) || json_kind(list) == JSON_NULL) return true;
    if (json_kind(list) != JSON_ARRAY) {
        return nicol_fail(r->err, NICOL_E_QUERY_INVALID,
                          "`parameters` of a raw query must be a JSON array, or a string that holds one.");
    }
    op->raw_args = READER_ARRAY(r, json_count(list) + 1, val);
    if (!op->raw_args) return false;
    json_iter it = json_first(list);
    while (json_more(&it)) {
        if (!raw_value(r, it.value, op->raw_args_n, &op->raw_args[op->raw_args_n])) return false;
        op->raw_args_n++;
    }
    return true;
}
