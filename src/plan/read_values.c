/* plan/read_values.c - reads a version 7 query plan: values, database statements, result structures, in-memory operations.
 *
 * Whatever can be decided without a request is decided here: constants get the type of their bind, a template without
 * tuples is rendered to its text, the keys of a result are escaped once.
 */
#include "plan/read_int.h"

/* --- values --------------------------------------------------------------------------------------------------------- */

static bool copy_text(plan_reader *r, val_type type, nicol_str s, val *out)
{
    if (s.len > VAL_TEXT_BYTES_MAX)
        return nicol_fail(r->err, NICOL_E_LIMIT, "a text in the query plan is longer than 4 GB");
    nicol_str c = arena_str(r->a, s);
    *out = val_text(type, c);
    return c.ptr || nicol_fail_oom(r->err);
}

/* JSON's own scalars. Containers are the callers' business. */
static bool scalar_const(plan_reader *r, json_val v, val *out)
{
    if (!val_of_json(v, out)) return nicol_fail_oom(r->err);
    return !val_is_text(*out) || copy_text(r, (val_type)out->type, val_str(*out), out);
}

static bool type_is(json_val v, const char *name)
{
    return json_is(v, str_c(name));
}

static bool read_placeholder(plan_reader *r, json_val v, const plan_where *at, pval *out)
{
    bool param;
    json_val type = json_get(v, S("type"));
    if (!plan_text_member(r, v, "name", at, &out->name) || !plan_resolve(r, out->name, &out->slot, &param))
        return false;
    out->kind = param ? PVAL_PARAM : PVAL_VAR;
    out->to_datetime = type_is(type, "DateTime") || type_is(type, "List<DateTime>");
    return true;
}

static bool read_items(plan_reader *r, json_val list, const plan_where *at, pval *out)
{
    uint32_t n = json_count(list);
    out->items = ARENA_ARRAY(r->a, n ? n : 1, pval);
    if (!out->items) return nicol_fail_oom(r->err);
    json_iter it = json_first(list);
    while (json_more(&it)) {
        if (!plan_read_value(r, it.value, WHERE_AT(at, out->n), &out->items[out->n])) return false;
        out->n++;
    }
    return true;
}

static bool read_generator(plan_reader *r, json_val v, const plan_where *at, pval *out)
{
    json_val name, args = json_get(v, S("args"));
    int64_t arg = -1;
    if (!plan_member(r, v, "name", JSON_STRING, at, &name)) return false;
    out->kind = PVAL_GENERATOR;
    json_iter it = json_first(args);
    bool has_arg = json_more(&it);
    bool number = has_arg && json_i64(it.value, &arg);
    if (type_is(name, "now")) {
        out->gen = GEN_NOW;
    } else if (type_is(name, "uuid") && number && (arg == 4 || arg == 7)) {
        out->gen = arg == 4 ? GEN_UUID4 : GEN_UUID7;
    } else if (type_is(name, "cuid") && number && (arg == 1 || arg == 2)) {
        out->gen = arg == 1 ? GEN_CUID : GEN_CUID2;
    } else if (type_is(name, "ulid")) {
        out->gen = GEN_ULID;
    } else if (type_is(name, "nanoid") &&
               (!has_arg || json_kind(it.value) == JSON_NULL || (number && arg >= 1 && arg <= 256))) {
        out->gen = GEN_NANOID;
        out->n = number ? (uint32_t)arg : 21;
    } else if (type_is(name, "product") && json_count(args) == 2) {
        out->gen = GEN_PRODUCT;
        return read_items(r, args, WHERE(at, "args"), out);
    } else {
        nicol_str text = json_text(name);
        return plan_bad(r, at, "unknown generator '%.*s', or its arguments are wrong", STR_FMT(str_sub(text, 0, 60)));
    }
    return true;
}

/* Tags that older dialects put around inlined values. */
static bool read_tagged(plan_reader *r, json_val type, json_val v, const plan_where *at, pval *out)
{
    out->kind = PVAL_CONST;
    nicol_str s = json_text(v);
    if (json_kind(v) != JSON_STRING || !s.ptr) return plan_bad(r, at, "a tagged value must be a string");
    if (type_is(type, "bytes")) {
        nicol_str bytes;
        if (!base64_read(r->a, s, &bytes)) return plan_bad(r, at, "the bytes are not base64");
        out->c = val_text(VAL_BYTES, bytes);
        return true;
    }
    int64_t i;
    if (type_is(type, "bigint") && str_to_i64(s, &i)) {
        out->c = val_int(i);
        return true;
    }
    if (type_is(type, "decimal") && decimal_valid(s)) return copy_text(r, VAL_DECIMAL, s, &out->c);
    if ((type_is(type, "date") || type_is(type, "datetime")) && datetime_parse(s, &i)) {
        out->c = (val){.type = VAL_DATETIME, .u.i = i};
        return true;
    }
    nicol_str text = json_text(type);
    return plan_bad(r, at, "unknown value type '%.*s', or its value does not fit", STR_FMT(str_sub(text, 0, 60)));
}

/* A list of constants is one constant. */
static bool fold_list(plan_reader *r, pval *out)
{
    for (uint32_t i = 0; i < out->n; i++) {
        if (out->items[i].kind != PVAL_CONST) {
            out->kind = PVAL_LIST;
            return true;
        }
    }
    val *list = ARENA_ARRAY(r->a, out->n ? out->n : 1, val);
    if (!list) return nicol_fail_oom(r->err);
    for (uint32_t i = 0; i < out->n; i++) list[i] = out->items[i].c;
    *out = (pval){.kind = PVAL_CONST, .c = {.type = VAL_LIST, .n = out->n, .u.list = list}};
    return true;
}

bool plan_read_value(plan_reader *r, json_val v, const plan_where *at, pval *out)
{
    *out = (pval){.kind = PVAL_CONST};
    switch (json_kind(v)) {
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
    case JSON_STRING:
        return scalar_const(r, v, &out->c);
    case JSON_ARRAY: {
        if (++r->depth > NICOL_PLAN_DEPTH_MAX) return plan_bad(r, at, "lists are nested too deep");
        bool good = read_items(r, v, at, out);
        r->depth--;
        return good && fold_list(r, out);
    }
    case JSON_OBJECT: {
        json_val type = json_get(v, S("prisma__type")), inner = json_get(v, S("prisma__value"));
        if (json_kind(type) != JSON_STRING) return copy_text(r, VAL_JSON, json_raw(v), &out->c);
        if (++r->depth > NICOL_PLAN_DEPTH_MAX) return plan_bad(r, at, "values are nested too deep");
        bool good = type_is(type, "param")           ? read_placeholder(r, inner, at, out)
                    : type_is(type, "generatorCall") ? read_generator(r, inner, at, out)
                                                     : read_tagged(r, type, inner, at, out);
        r->depth--;
        return good;
    }
    default:
        break;
    }
    return plan_bad(r, at, "expected a value, found nothing");
}

/* --- parameters of a request ---------------------------------------------------------------------------------------- */

static bool take_param(json_val v, arena *a, unsigned depth, val *out, nicol_error *err)
{
    if (json_kind(v) == JSON_OBJECT) {
        *out = val_text(VAL_JSON, json_raw(v));
        return true;
    }
    if (json_kind(v) != JSON_ARRAY) return val_of_json(v, out) || nicol_fail_oom(err);
    if (depth == 0) return nicol_fail(err, NICOL_E_LIMIT, "a parameter's lists are nested too deep");
    val *list = ARENA_ARRAY(a, json_count(v) ? json_count(v) : 1, val);
    if (!list) return nicol_fail_oom(err);
    *out = (val){.type = VAL_LIST, .u.list = list};
    json_iter it = json_first(v);
    while (json_more(&it)) {
        if (!take_param(it.value, a, depth - 1, &list[out->n], err)) return false;
        out->n++;
    }
    return true;
}

/* Where a parameter is: clients send them in the order in which the plan names them, so the guess is nearly always right.
 * When it is not, few are found by walking, many by a map that is made then (walking for each would be a square). */
static bool param_at(const plan *p, nicol_str name, uint32_t guess, map **names, uint32_t *at, nicol_error *err)
{
    *at = guess;
    if (guess < p->params_n && str_eq(p->params[guess], name)) return true;
    if (p->params_n <= 8) {
        for (*at = 0; *at < p->params_n && !str_eq(p->params[*at], name);) ++*at;
        return true;
    }
    if (!*names) {
        *names = map_new(mem_default, p->params_n);
        for (uint32_t i = 0; i < p->params_n; i++) {
            if (!*names || !map_put(*names, p->params[i], &p->params[i])) return nicol_fail_oom(err);
        }
    }
    const nicol_str *found = map_get(*names, name);
    *at = found ? (uint32_t)(found - p->params) : p->params_n;
    return true;
}

bool plan_take_params(const plan *p, json_val params, arena *a, val *out, nicol_error *err)
{
    if (json_present(params) && json_kind(params) != JSON_OBJECT && json_kind(params) != JSON_NULL) {
        return nicol_fail(err, NICOL_E_BAD_PLAN, "params: expected an object");
    }
    for (uint32_t i = 0; i < p->params_n; i++) out[i] = (val){0};
    map *names = NULL;
    bool good = true;
    json_iter it = json_first(params);
    for (uint32_t i = 0; good && json_more(&it); i++) {
        uint32_t at = 0;
        good = it.key.ptr ? param_at(p, it.key, i, &names, &at, err) : nicol_fail_oom(err);
        if (good && at < p->params_n) good = take_param(it.value, a, 64, &out[at], err);
    }
    map_free(names);
    return good;
}

/* --- statements ----------------------------------------------------------------------------------------------------- */

static scalar_type scalar_named(json_val v)
{
    static const struct {
        const char *name;
        scalar_type type;
    } names[] = {
        {"string", SCALAR_STRING},   {"int", SCALAR_INT},           {"bigint", SCALAR_BIGINT}, {"float", SCALAR_FLOAT},
        {"decimal", SCALAR_DECIMAL}, {"boolean", SCALAR_BOOLEAN},   {"enum", SCALAR_ENUM},     {"uuid", SCALAR_UUID},
        {"json", SCALAR_JSON},       {"datetime", SCALAR_DATETIME}, {"bytes", SCALAR_BYTES},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (type_is(v, names[i].name)) return names[i].type;
    }
    return SCALAR_UNKNOWN;
}

static bool read_arg_type(plan_reader *r, json_val v, const plan_where *at, plan_arg_type *out)
{
    json_val arity = json_get(v, S("arity"));
    if (!type_is(arity, "tuple")) {
        out->scalar = scalar_named(json_get(v, S("scalarType")));
        out->list = type_is(arity, "list");
        return plan_text_optional(r, v, "dbType", at, &out->db_type);
    }
    json_val elements;
    if (!plan_member(r, v, "elements", JSON_ARRAY, at, &elements)) return false;
    plan_arg_type *list = ARENA_ARRAY(r->a, json_count(elements) ? json_count(elements) : 1, plan_arg_type);
    if (!list) return nicol_fail_oom(r->err);
    out->elements = list;
    json_iter it = json_first(elements);
    while (json_more(&it)) {
        const plan_where *item = WHERE_AT(at, out->elements_n);
        if (type_is(json_get(it.value, S("arity")), "tuple")) return plan_bad(r, item, "a tuple in a tuple");
        if (!read_arg_type(r, it.value, item, &list[out->elements_n])) return false;
        out->elements_n++;
    }
    return true;
}

/* A constant text that is bound as a whole number becomes one now. */
static void settle_const(pval *v, const plan_arg_type *t)
{
    int64_t i;
    if (v->kind != PVAL_CONST || v->c.type != VAL_STR || t->list) return;
    if ((t->scalar == SCALAR_INT || t->scalar == SCALAR_BIGINT) && str_to_i64(val_str(v->c), &i)) v->c = val_int(i);
}

static bool read_args(plan_reader *r, json_val v, const plan_where *at, plan_stmt *s)
{
    json_val args, types;
    if (!plan_member(r, v, "args", JSON_ARRAY, at, &args) || !plan_member(r, v, "argTypes", JSON_ARRAY, at, &types))
        return false;
    s->args_n = json_count(args);
    if (json_count(types) != s->args_n) {
        return plan_bad(r, at, "%u arguments, but types for %u", s->args_n, json_count(types));
    }
    s->args = ARENA_ARRAY(r->a, s->args_n ? s->args_n : 1, pval);
    s->types = ARENA_ARRAY(r->a, s->args_n ? s->args_n : 1, plan_arg_type);
    if (!s->args || !s->types) return nicol_fail_oom(r->err);
    const plan_where *in_args = WHERE(at, "args"), *in_types = WHERE(at, "argTypes");
    json_iter a = json_first(args), t = json_first(types);
    for (uint32_t i = 0; i < s->args_n && json_more(&a) && json_more(&t); i++) {
        if (!plan_read_value(r, a.value, WHERE_AT(in_args, i), &s->args[i])) return false;
        if (!read_arg_type(r, t.value, WHERE_AT(in_types, i), &s->types[i])) return false;
        settle_const(&s->args[i], &s->types[i]);
    }
    return true;
}

static bool affix(plan_reader *r, json_val v, const char *name, const char *otherwise, const plan_where *at,
                  nicol_str *out)
{
    json_val x = json_get(v, str_c(name));
    if (json_present(x)) return plan_text(r, x, WHERE(at, name), out);
    *out = str_c(otherwise);
    return true;
}

static bool read_frag(plan_reader *r, json_val v, const plan_where *at, plan_frag *f)
{
    json_val type;
    if (!plan_member(r, v, "type", JSON_STRING, at, &type)) return false;
    if (type_is(type, "stringChunk")) {
        f->type = FRAG_TEXT;
        return plan_text_member(r, v, "chunk", at, &f->text);
    }
    if (type_is(type, "parameter")) {
        f->type = FRAG_PARAM;
        return true;
    }
    if (type_is(type, "parameterTuple")) {
        f->type = FRAG_TUPLE;
        return affix(r, v, "itemPrefix", "", at, &f->prefix) && affix(r, v, "itemSeparator", ",", at, &f->separator) &&
               affix(r, v, "itemSuffix", "", at, &f->suffix);
    }
    if (type_is(type, "parameterTupleList")) {
        f->type = FRAG_TUPLE_LIST;
        return affix(r, v, "itemPrefix", "(", at, &f->prefix) && affix(r, v, "itemSeparator", ",", at, &f->separator) &&
               affix(r, v, "itemSuffix", ")", at, &f->suffix) &&
               affix(r, v, "groupSeparator", ",", at, &f->group_separator);
    }
    nicol_str name = json_text(type);
    return plan_bad(r, at, "unknown fragment '%.*s'", STR_FMT(str_sub(name, 0, 60)));
}

/* Whether a text can only read: it starts with SELECT or VALUES, after blanks, comments and parentheses. */
static bool text_reads(nicol_str s)
{
    size_t i = 0;
    for (;;) {
        while (i < s.len &&
               (s.ptr[i] == ' ' || s.ptr[i] == '\t' || s.ptr[i] == '\n' || s.ptr[i] == '\r' || s.ptr[i] == '('))
            i++;
        if (i + 1 < s.len && s.ptr[i] == '-' && s.ptr[i + 1] == '-') {
            i = str_find_char(s, '\n', i);
            if (i == SIZE_MAX) return false;
        } else if (i + 1 < s.len && s.ptr[i] == '/' && s.ptr[i + 1] == '*') {
            i = str_find(s, S("*/"), i + 2);
            if (i == SIZE_MAX) return false;
            i += 2;
        } else {
            break;
        }
    }
    nicol_str word = str_sub(s, i, i + 6);
    char next = i + 6 < s.len ? s.ptr[i + 6] : ' ';
    bool ends =
        !((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || (next >= '0' && next <= '9') || next == '_');
    return ends && (str_ieq(word, S("SELECT")) || str_ieq(word, S("VALUES")));
}

/* A template without tuples has one text for all requests. */
static bool render_once(plan_reader *r, plan_stmt *s)
{
    size_t len = 0;
    for (uint32_t i = 0; i < s->frags_n; i++) {
        if (s->frags[i].type == FRAG_TUPLE || s->frags[i].type == FRAG_TUPLE_LIST) return true;
        len += s->frags[i].type == FRAG_TEXT ? s->frags[i].text.len : s->ph_prefix.len + 10;
    }
    char *text = arena_alloc(r->a, len + 1);
    if (!text) return nicol_fail_oom(r->err);
    size_t at = 0;
    uint32_t number = 0;
    for (uint32_t i = 0; i < s->frags_n; i++) {
        nicol_str piece = s->frags[i].type == FRAG_TEXT ? s->frags[i].text : s->ph_prefix;
        if (piece.len) memcpy(text + at, piece.ptr, piece.len);
        at += piece.len;
        if (s->frags[i].type != FRAG_PARAM) continue;
        number++;
        if (!s->ph_numbered) continue;
        char digits[10];
        size_t n = 0;
        for (uint32_t v = number; v; v /= 10) digits[n++] = (char)('0' + v % 10);
        while (n) text[at++] = digits[--n];
    }
    text[at] = '\0';
    s->sql = str_of(text, at);
    return true;
}

static bool check_arg_count(plan_reader *r, const plan_stmt *s, const plan_where *at)
{
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < s->frags_n; i++) wanted += s->frags[i].type != FRAG_TEXT;
    if (wanted == s->args_n) return true;
    return plan_bad(r, at, "Malformed query template. The fragments take %u arguments, %u are given", wanted,
                    s->args_n);
}

static bool read_template(plan_reader *r, json_val v, const plan_where *at, plan_stmt *s)
{
    json_val frags, format;
    if (!plan_member(r, v, "fragments", JSON_ARRAY, at, &frags) || !read_args(r, v, at, s)) return false;
    if (!plan_member(r, v, "placeholderFormat", JSON_OBJECT, at, &format)) return false;
    if (!plan_text_member(r, format, "prefix", WHERE(at, "placeholderFormat"), &s->ph_prefix)) return false;
    s->ph_numbered = json_kind(json_get(format, S("hasNumbering"))) == JSON_TRUE;
    s->chunkable = json_kind(json_get(v, S("chunkable"))) == JSON_TRUE;
    s->frags = ARENA_ARRAY(r->a, json_count(frags) ? json_count(frags) : 1, plan_frag);
    if (!s->frags) return nicol_fail_oom(r->err);
    const plan_where *here = WHERE(at, "fragments");
    json_iter it = json_first(frags);
    while (json_more(&it)) {
        if (!read_frag(r, it.value, WHERE_AT(here, s->frags_n), &s->frags[s->frags_n])) return false;
        s->frags_n++;
    }
    s->reads = s->frags_n && s->frags[0].type == FRAG_TEXT && text_reads(s->frags[0].text);
    return check_arg_count(r, s, at) && render_once(r, s);
}

bool plan_read_stmt(plan_reader *r, json_val v, const plan_where *at, plan_stmt **out)
{
    json_val type;
    plan_stmt *s = *out = ARENA_NEW(r->a, plan_stmt);
    if (!s) return nicol_fail_oom(r->err);
    s->site = r->p->sites_n++;
    if (!plan_member(r, v, "type", JSON_STRING, at, &type)) return false;
    if (type_is(type, "templateSql")) return read_template(r, v, at, s);
    if (!type_is(type, "rawSql")) {
        nicol_str name = json_text(type);
        return plan_bad(r, at, "unknown statement type '%.*s'", STR_FMT(str_sub(name, 0, 60)));
    }
    s->raw = true;
    if (!plan_text_member(r, v, "sql", at, &s->sql) || !read_args(r, v, at, s)) return false;
    s->reads = text_reads(s->sql);
    return true;
}

/* --- result structures ---------------------------------------------------------------------------------------------- */

static bool read_enum(plan_reader *r, json_val enums, nicol_str name, const plan_where *at, const plan_enum_map **out)
{
    json_val v = json_get(enums, name);
    *out = NULL;
    if (json_kind(v) != JSON_OBJECT) return true;
    plan_enum_map *e = ARENA_NEW(r->a, plan_enum_map);
    uint32_t total = json_count(v) ? json_count(v) : 1;
    if (!e) return nicol_fail_oom(r->err);
    e->name = name;
    e->from = ARENA_ARRAY(r->a, total, nicol_str);
    e->to = ARENA_ARRAY(r->a, total, nicol_str);
    if (!e->from || !e->to) return nicol_fail_oom(r->err);
    json_iter it = json_first(v);
    while (json_more(&it)) {
        if (!plan_key(r, &it, &e->from[e->n]) || !plan_text(r, it.value, at, &e->to[e->n])) return false;
        e->n++;
    }
    *out = e;
    return true;
}

static bool read_field_shape(plan_reader *r, json_val v, json_val enums, const plan_where *at, plan_shape *s)
{
    static const struct {
        const char *name;
        plan_out_type type;
    } types[] = {
        {"string", OUT_STRING},     {"int", OUT_INT},         {"bigint", OUT_BIGINT},
        {"float", OUT_FLOAT},       {"boolean", OUT_BOOLEAN}, {"decimal", OUT_DECIMAL},
        {"datetime", OUT_DATETIME}, {"json", OUT_JSON},       {"object", OUT_OBJECT},
        {"bytes", OUT_BYTES},       {"enum", OUT_ENUM},       {"unsupported", OUT_UNSUPPORTED},
    };
    json_val ft, type;
    s->type = SHAPE_FIELD;
    if (!plan_text_member(r, v, "dbName", at, &s->db_name) || !plan_member(r, v, "fieldType", JSON_OBJECT, at, &ft))
        return false;
    if (!plan_member(r, ft, "type", JSON_STRING, WHERE(at, "fieldType"), &type)) return false;
    s->list = type_is(json_get(ft, S("arity")), "list");
    json_val encoding = json_get(ft, S("encoding"));
    s->bytes = type_is(encoding, "base64") ? BYTES_BASE64 : type_is(encoding, "hex") ? BYTES_HEX : BYTES_ARRAY;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!type_is(type, types[i].name)) continue;
        s->out = types[i].type;
        if (s->out != OUT_ENUM) return true;
        return plan_text_member(r, ft, "name", WHERE(at, "fieldType"), &s->en_name) &&
               read_enum(r, enums, s->en_name, at, &s->en);
    }
    nicol_str name = json_text(type);
    return plan_bad(r, at, "unknown field type '%.*s'", STR_FMT(str_sub(name, 0, 60)));
}

static bool quote_key(plan_reader *r, nicol_str name, nicol_str *out)
{
    buf b;
    buf_init(&b, r->m, NICOL_JSON_BYTES_MAX);
    json_put_str(&b, name);
    buf_char(&b, ':');
    if (!buf_failed(&b)) *out = arena_str(r->a, buf_view(&b));
    bool good = !buf_failed(&b) && out->ptr;
    buf_free(&b);
    return good || nicol_fail_oom(r->err);
}

static bool read_object_shape(plan_reader *r, json_val v, json_val enums, const plan_where *at, plan_shape *s)
{
    json_val fields, row = json_get(v, S("serializedName"));
    s->type = SHAPE_OBJECT;
    s->site = r->p->sites_n++;
    s->same_row = json_kind(row) != JSON_STRING;
    s->skip_nulls = json_kind(json_get(v, S("skipNulls"))) == JSON_TRUE;
    if (!plan_text_optional(r, v, "serializedName", at, &s->row_name)) return false;
    if (!plan_member(r, v, "fields", JSON_OBJECT, at, &fields)) return false;
    uint32_t total = json_count(fields) ? json_count(fields) : 1;
    s->names = ARENA_ARRAY(r->a, total, nicol_str);
    s->keys = ARENA_ARRAY(r->a, total, nicol_str);
    s->fields = ARENA_ARRAY(r->a, total, const plan_shape *);
    if (!s->names || !s->keys || !s->fields) return nicol_fail_oom(r->err);
    const plan_where *here = WHERE(at, "fields");
    json_iter it = json_first(fields);
    while (json_more(&it)) {
        uint32_t i = s->fields_n;
        if (!plan_key(r, &it, &s->names[i]) || !quote_key(r, s->names[i], &s->keys[i])) return false;
        if (!plan_read_shape(r, it.value, enums, WHERE(here, s->names[i].ptr), &s->fields[i])) return false;
        s->fields_n++;
    }
    return true;
}

bool plan_read_shape(plan_reader *r, json_val v, json_val enums, const plan_where *at, const plan_shape **out)
{
    json_val type;
    plan_shape *s = ARENA_NEW(r->a, plan_shape);
    if (!s) return nicol_fail_oom(r->err);
    *out = s;
    if (!plan_enter(r, at) || !plan_member(r, v, "type", JSON_STRING, at, &type)) return false;
    bool good;
    if (type_is(type, "affectedRows")) {
        s->type = SHAPE_AFFECTED;
        good = true;
    } else if (type_is(type, "field")) {
        good = read_field_shape(r, v, enums, at, s);
    } else if (type_is(type, "object")) {
        good = read_object_shape(r, v, enums, at, s);
    } else {
        nicol_str name = json_text(type);
        good = plan_bad(r, at, "unknown structure '%.*s'", STR_FMT(str_sub(name, 0, 60)));
    }
    plan_leave(r);
    return good;
}

/* --- in-memory operations ------------------------------------------------------------------------------------------- */

static bool count_member(plan_reader *r, json_val v, const char *name, const plan_where *at, bool *has, int64_t *out)
{
    json_val x = json_get(v, str_c(name));
    *has = json_present(x) && json_kind(x) != JSON_NULL;
    if (!*has || (json_i64(x, out) && *out >= 0)) return true;
    return plan_bad(r, at, "'%s' must be a whole number of at least 0", name);
}

static bool read_pagination(plan_reader *r, json_val v, const plan_where *at, plan_ops *o)
{
    if (!json_present(v) || json_kind(v) == JSON_NULL) return true;
    o->has_pagination = true;
    if (!count_member(r, v, "take", at, &o->has_take, &o->take)) return false;
    if (!count_member(r, v, "skip", at, &o->has_skip, &o->skip)) return false;
    json_val cursor = json_get(v, S("cursor"));
    if (!json_present(cursor) || json_kind(cursor) == JSON_NULL) return true;
    if (json_kind(cursor) != JSON_OBJECT) return plan_bad(r, at, "'cursor' must be an object");
    o->has_cursor = true;
    uint32_t total = json_count(cursor) ? json_count(cursor) : 1;
    o->cursor_fields = ARENA_ARRAY(r->a, total, nicol_str);
    o->cursor_values = ARENA_ARRAY(r->a, total, pval);
    if (!o->cursor_fields || !o->cursor_values) return nicol_fail_oom(r->err);
    const plan_where *here = WHERE(at, "cursor");
    json_iter it = json_first(cursor);
    while (json_more(&it)) {
        uint32_t i = o->cursor_n;
        if (!plan_key(r, &it, &o->cursor_fields[i])) return false;
        if (!plan_read_value(r, it.value, WHERE(here, o->cursor_fields[i].ptr), &o->cursor_values[i])) return false;
        o->cursor_n++;
    }
    return true;
}

static bool read_name_list(plan_reader *r, json_val v, const plan_where *at, bool *has, nicol_str **out, uint32_t *n)
{
    *has = json_present(v) && json_kind(v) != JSON_NULL;
    return !*has || plan_texts(r, v, at, out, n);
}

bool plan_read_ops(plan_reader *r, json_val v, const plan_where *at, const plan_ops **out)
{
    plan_ops *o = ARENA_NEW(r->a, plan_ops);
    if (!o) return nicol_fail_oom(r->err);
    *out = o;
    if (!plan_enter(r, at)) return false;
    o->reverse = json_kind(json_get(v, S("reverse"))) == JSON_TRUE;
    if (!read_pagination(r, json_get(v, S("pagination")), WHERE(at, "pagination"), o)) return false;
    if (!read_name_list(r, json_get(v, S("distinct")), WHERE(at, "distinct"), &o->has_distinct, &o->distinct,
                        &o->distinct_n))
        return false;
    if (!read_name_list(r, json_get(v, S("linkingFields")), WHERE(at, "linkingFields"), &o->has_linking, &o->linking,
                        &o->linking_n))
        return false;
    json_val nested = json_get(v, S("nested"));
    if (json_kind(nested) == JSON_OBJECT) {
        uint32_t total = json_count(nested) ? json_count(nested) : 1;
        o->nested_fields = ARENA_ARRAY(r->a, total, nicol_str);
        o->nested = ARENA_ARRAY(r->a, total, const plan_ops *);
        if (!o->nested_fields || !o->nested) return nicol_fail_oom(r->err);
        const plan_where *here = WHERE(at, "nested");
        json_iter it = json_first(nested);
        while (json_more(&it)) {
            uint32_t i = o->nested_n;
            if (!plan_key(r, &it, &o->nested_fields[i])) return false;
            const plan_where *item = WHERE(here, o->nested_fields[i].ptr);
            if (json_kind(it.value) != JSON_OBJECT) return plan_bad(r, item, "expected an object");
            if (!plan_read_ops(r, it.value, item, &o->nested[i])) return false;
            o->nested_n++;
        }
    }
    plan_leave(r);
    return true;
}
