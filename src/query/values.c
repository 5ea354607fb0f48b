/* query/values.c - user values: JSON, plain or tagged, to typed cells and parameters.
 *
 * The client tags what JSON has no type for ({"$type":"DateTime","value":"..."}); most types may also come plain. The
 * conversions allowed are the reference's, and no more: a number is no string, a string of digits is a BigInt but no
 * Int, and so on.
 */
#include "query/query_int.h"

nicol_str query_tag(json_val v, json_val *value)
{
    if (json_kind(v) != JSON_OBJECT) return S("");
    json_val tag = json_get(v, S("$type"));
    if (json_kind(tag) != JSON_STRING) return S("");
    nicol_str name = json_text(tag);
    if (name.ptr == NULL) return S("");
    if (value) *value = json_get(v, S("value"));
    return name;
}

bool query_is_ref(json_val v)
{
    return str_eq(query_tag(v, NULL), S("FieldRef"));
}

static bool text_value(json_val v, val_type type, val *out)
{
    nicol_str s = json_text(v);
    if (s.ptr == NULL || s.len > VAL_TEXT_BYTES_MAX) return false;
    *out = val_text(type, s);
    return true;
}

static bool take_int(json_val v, val *out)
{
    int64_t i;
    if (!reader_int(v, &i)) return false;
    *out = val_int(i);
    return true;
}

bool reader_int(json_val v, int64_t *out)
{
    double f;
    if (json_kind(v) != JSON_NUMBER) return false;
    if (json_i64(v, out)) return true;
    if (!json_token(v)->escaped || !json_f64(v, &f)) return false;
    if (!(f >= -9223372036854775808.0 && f < 9223372036854775808.0)) return false;
    *out = (int64_t)f;
    return true;
}

static bool take_bigint(json_val v, val *out)
{
    json_val inner = v;
    nicol_str tag = query_tag(v, &inner);
    if (tag.len != 0 && !str_eq(tag, S("BigInt"))) return false;
    int64_t i;
    if (json_kind(inner) == JSON_NUMBER) {
        if (!json_i64(inner, &i)) return false;
    } else {
        nicol_str s = json_text(inner);
        if (s.len > 1 && s.ptr[0] == '+') s = str_sub(s, 1, s.len);
        if (s.ptr == NULL || !str_to_i64(s, &i)) return false;
    }
    *out = val_int(i);
    return true;
}

static bool take_float(json_val v, val *out)
{
    json_val inner = v;
    nicol_str tag = query_tag(v, &inner);
    double f;
    if (tag.len != 0) {
        if (!str_eq(tag, S("Decimal")) || !float_parse(json_text(inner), &f)) return false;
    } else if (!json_f64(v, &f)) {
        return false;
    }
    *out = val_float(f);
    return true;
}

static bool take_decimal(json_val v, val *out)
{
    json_val inner = v;
    nicol_str tag = query_tag(v, &inner);
    if (tag.len != 0 && !str_eq(tag, S("Decimal"))) return false;
    nicol_str s = json_kind(inner) == JSON_NUMBER ? json_raw(inner) : json_text(inner);
    if (s.ptr == NULL || s.len > VAL_TEXT_BYTES_MAX || !decimal_valid(s)) return false;
    *out = val_text(VAL_DECIMAL, s);
    return true;
}

static bool take_datetime(json_val v, val *out)
{
    json_val inner = v;
    nicol_str tag = query_tag(v, &inner);
    if (tag.len != 0 && !str_eq(tag, S("DateTime"))) return false;
    nicol_str s = json_text(inner);
    int64_t ms;
    if (s.ptr == NULL || !datetime_parse_rfc3339(s, &ms)) return false;
    *out = (val){.type = VAL_DATETIME, .u.i = ms};
    return true;
}

static bool take_bytes(json_val v, arena *a, val *out)
{
    json_val inner = v;
    nicol_str tag = query_tag(v, &inner), bytes;
    if (tag.len != 0 && !str_eq(tag, S("Bytes"))) return false;
    nicol_str s = json_text(inner);
    if (s.ptr == NULL || !base64_read(a, s, &bytes) || bytes.len > VAL_TEXT_BYTES_MAX) return false;
    *out = val_text(VAL_BYTES, bytes);
    return true;
}

static bool take_enum(json_val v, const schema_field *f, val *out)
{
    json_val inner = v;
    nicol_str tag = query_tag(v, &inner);
    if (tag.len != 0 && !str_eq(tag, S("Enum"))) return false;
    nicol_str s = json_text(inner);
    if (s.ptr == NULL || f == NULL || f->en == NULL) return false;
    const schema_enum_value *e = schema_enum_value_get(f->en, s);
    if (!e || e->db_name.len > VAL_TEXT_BYTES_MAX) return false;
    *out = val_text(VAL_STR, e->db_name);
    return true;
}

/* Writes a JSON value as the database shall hold it: tagged values inside become what JSON.stringify would have made
 * of them, `Raw` objects lose their wrapping. The tape is at most NICOL_JSON_DEPTH_MAX deep, so recursion is bounded. */
static void json_plain(json_val v, bool raw, buf *out)
{
    json_type kind = json_kind(v);
    if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
        buf_str(out, json_raw(v));
        return;
    }
    json_val inner;
    nicol_str tag = raw ? S("") : query_tag(v, &inner);
    if (str_eq(tag, S("Raw")) && json_present(inner)) {
        json_plain(inner, true, out);
        return;
    }
    if (str_eq(tag, S("Json")) && json_kind(inner) == JSON_STRING) {
        if (!json_put_minified(out, json_text(inner), NICOL_JSON_DEPTH_MAX)) out->failed = true;
        return;
    }
    if (str_eq(tag, S("BigInt")) && json_kind(inner) == JSON_STRING) {
        buf_str(out, json_text(inner));
        return;
    }
    if (tag.len != 0 && json_present(inner) && json_count(v) == 2) {
        buf_str(out, json_raw(inner));
        return;
    }
    bool object = kind == JSON_OBJECT, first = true;
    buf_char(out, object ? '{' : '[');
    json_iter it = json_first(v);
    while (json_more(&it)) {
        if (!first) buf_char(out, ',');
        first = false;
        if (object) {
            if (it.key.ptr == NULL) out->failed = true;
            json_put_str(out, it.key);
            buf_char(out, ':');
        }
        json_plain(it.value, raw, out);
    }
    buf_char(out, object ? '}' : ']');
}

static bool has_blank_or_tag(nicol_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '$') return true;
    }
    return false;
}

static bool take_json(json_val v, arena *a, val *out)
{
    json_val inner;
    nicol_str tag = query_tag(v, &inner), text = json_raw(v);
    if (json_kind(v) == JSON_NULL || str_eq(tag, S("Enum")) || str_eq(tag, S("FieldRef")) || str_eq(tag, S("Param"))) {
        return false;
    }
    if (!has_blank_or_tag(text)) { /* nothing to unwrap, minified already: borrow it */
        *out = val_text(VAL_JSON, text);
        return true;
    }
    buf b;
    buf_init(&b, mem_default, (size_t)VAL_TEXT_BYTES_MAX);
    json_plain(v, false, &b);
    nicol_str copy = buf_failed(&b) ? (nicol_str){0} : arena_str(a, buf_view(&b));
    buf_free(&b);
    if (copy.ptr == NULL) return false;
    *out = val_text(VAL_JSON, copy);
    return true;
}

static bool take_one(json_val v, scalar_type type, const schema_field *f, arena *a, val *out)
{
    switch (type) {
    case SCALAR_INT:
        return take_int(v, out);
    case SCALAR_BIGINT:
        return take_bigint(v, out);
    case SCALAR_FLOAT:
        return take_float(v, out);
    case SCALAR_DECIMAL:
        return take_decimal(v, out);
    case SCALAR_BOOLEAN:
        if (json_kind(v) != JSON_TRUE && json_kind(v) != JSON_FALSE) return false;
        *out = val_bool(json_kind(v) == JSON_TRUE);
        return true;
    case SCALAR_STRING:
    case SCALAR_UUID:
        return text_value(v, VAL_STR, out);
    case SCALAR_DATETIME:
        return take_datetime(v, out);
    case SCALAR_JSON:
        return take_json(v, a, out);
    case SCALAR_BYTES:
        return take_bytes(v, a, out);
    case SCALAR_ENUM:
        return take_enum(v, f, out);
    case SCALAR_UNKNOWN:
    case SCALAR_N:
        break;
    }
    return false;
}

bool query_take_value(json_val v, scalar_type type, const schema_field *field, bool list, arena *a, val *out)
{
    if (!list) return take_one(v, type, field, a, out);
    if (json_kind(v) != JSON_ARRAY) return false;
    uint32_t n = json_count(v);
    val *items = ARENA_ARRAY(a, n ? n : 1, val);
    if (!items) return false;
    json_iter it = json_first(v);
    for (uint32_t i = 0; json_more(&it); i++) {
        if (!take_one(it.value, type, field, a, &items[i])) return false;
    }
    *out = (val){.type = VAL_LIST, .n = n, .u.list = items};
    return true;
}

static bool add_param(reader *r, val value, uint32_t token, scalar_type type, bool list, const schema_field *f,
                      query_value *out)
{
    query_op *op = r->op;
    query_param *p = reader_grow(r, op->params, op->params_n, &r->params_cap, sizeof *p);
    if (!p) return false;
    op->params = p;
    p[op->params_n] = (query_param){.value = value, .token = token, .type = type, .list = list, .field = f};
    *out = (query_value){.kind = QVAL_PARAM, .param = op->params_n++, .list = list};
    return true;
}

/* DbNull, JsonNull, AnyNull. */
static bool json_null(json_val v, query_value *out)
{
    json_val inner;
    if (json_kind(v) == JSON_NULL) {
        *out = (query_value){.kind = QVAL_JSON_NULL};
        return true;
    }
    if (!str_eq(query_tag(v, &inner), S("Enum"))) return false;
    if (json_is(inner, S("DbNull"))) *out = (query_value){.kind = QVAL_NULL};
    else if (json_is(inner, S("JsonNull"))) *out = (query_value){.kind = QVAL_JSON_NULL};
    else if (json_is(inner, S("AnyNull"))) *out = (query_value){.kind = QVAL_ANY_NULL};
    else return false;
    return true;
}

bool reader_typed(reader *r, json_val v, scalar_type type, const schema_field *f, bool list, query_value *out)
{
    val value;
    if (type == SCALAR_JSON && !list && json_null(v, out)) return true;
    if (!query_take_value(v, type, f, list, r->a, &value)) {
        return arena_failed(r->a) ? nicol_fail_oom(r->err) : false;
    }
    return add_param(r, value, v.i, type, list, f, out);
}

bool reader_value(reader *r, json_val v, const schema_field *f, bool list, bool nullable, query_value *out)
{
    if (json_kind(v) == JSON_NULL && (f->type != SCALAR_JSON || list)) {
        *out = (query_value){.kind = QVAL_NULL};
        return nullable;
    }
    return reader_typed(r, v, f->type, f, list, out);
}

bool reader_ref(reader *r, json_val v, const schema_field *f, scalar_type type, bool list, query_value *out)
{
    json_val inner;
    (void)query_tag(v, &inner);
    json_val name = json_get(inner, S("_ref")), container = json_get(inner, S("_container"));
    if (json_kind(name) != JSON_STRING || json_kind(container) != JSON_STRING) return false;
    const schema_model *m = f->model;
    if (!json_is(container, m->name)) {
        return query_fail_input(r->a, r->err,
                                "Expected a referenced scalar field of model %.*s, but found a field of model %.*s.",
                                STR_FMT(m->name), STR_FMT(json_text(container)));
    }
    nicol_str ref_name = json_text(name);
    const schema_field *ref = schema_field_get(m, ref_name);
    if (!ref || !query_visible(ref)) {
        return query_fail_input(r->a, r->err, "The referenced scalar field %.*s.%.*s does not exist.", STR_FMT(m->name),
                                STR_FMT(ref_name));
    }
    if (ref->kind == FIELD_RELATION) {
        return query_fail_input(r->a, r->err, "Expected a referenced scalar field, but found relation field %.*s.%.*s.",
                                STR_FMT(m->name), STR_FMT(ref_name));
    }
    bool same = ref->type == type && (type != SCALAR_ENUM || ref->en == f->en);
    if (!same || (ref->arity == ARITY_LIST) != list) {
        return query_fail_input(
            r->a, r->err, "Expected a referenced scalar field%s of type %.*s but found %.*s.%.*s of type %.*s%s.",
            list ? " list" : "", STR_FMT(schema_scalar_name(type)), STR_FMT(m->name), STR_FMT(ref->name),
            STR_FMT(schema_scalar_name(ref->type)), ref->arity == ARITY_LIST ? "[]" : "");
    }
    *out = (query_value){.kind = QVAL_FIELD, .ref = ref, .list = list};
    return true;
}

static bool two_digits(nicol_str s, size_t at)
{
    return s.ptr[at] >= '0' && s.ptr[at] <= '9' && s.ptr[at + 1] >= '0' && s.ptr[at + 1] <= '9';
}

const char *query_datetime_problem(nicol_str s)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        if (i >= s.len) return "premature end of input";
        char c = s.ptr[i];
        bool fits = shape[i] == 'd' ? c >= '0' && c <= '9' : c == shape[i] || (i == 10 && (c == 't' || c == ' '));
        if (!fits) return "input contains invalid characters";
    }
    size_t at = 19;
    if (at < s.len && s.ptr[at] == '.') {
        size_t from = ++at;
        while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9') at++;
        if (at == from) return at >= s.len ? "premature end of input" : "input contains invalid characters";
    }
    if (at >= s.len) return "premature end of input";
    if (s.ptr[at] == 'Z' || s.ptr[at] == 'z') {
        if (at + 1 < s.len) return "trailing input";
    } else if (s.ptr[at] == '+' || s.ptr[at] == '-') {
        if (s.len - at < 6) return "premature end of input";
        if (!two_digits(s, at + 1) || s.ptr[at + 3] != ':' || !two_digits(s, at + 4)) {
            return "input contains invalid characters";
        }
        if (s.len - at > 6) return "trailing input";
    } else {
        return "input contains invalid characters";
    }
    return "input is out of range";
}
