/* schema/describe.c - the datamodel as JSON (DMMF), as Prisma-compatible tools read it.
 *
 * Written straight from the finished schema in one pass. What clients cannot reach is left out, as the reference does:
 * ignored models and fields, and fields of types that nobody can read.
 */
#include "schema/schema.h"
#include "json/json.h"

/* Facts about the fields of the model that is being written, gathered once so that no field is looked for twice. */
enum { FACT_UNIQUE = 1, FACT_ID = 2, FACT_READ_ONLY = 4 };

typedef struct describer {
    const schema *s;
    buf *out;
    uint8_t *facts; /* by the field's index */
    bool types;     /* composite types: less is said of them */
} describer;

/* --- small pieces ------------------------------------------------------------------------------------------------------ */

static void put_bool(buf *out, const char *key, bool v)
{
    buf_printf(out, ",\"%s\":%s", key, v ? "true" : "false");
}

static void put_text(buf *out, const char *key, nicol_str text)
{
    buf_printf(out, ",\"%s\":", key);
    json_put_str(out, text);
}

/* A name in the database is null unless the schema gives one, even the same one: then it is a slice of its own. */
static bool is_mapped(nicol_str name, nicol_str db_name)
{
    return db_name.ptr != name.ptr;
}

static void put_db_name(buf *out, nicol_str name, nicol_str db_name)
{
    if (is_mapped(name, db_name)) put_text(out, "dbName", db_name);
    else buf_lit(out, ",\"dbName\":null");
}

static void put_doc(buf *out, nicol_str doc)
{
    if (doc.ptr != NULL) put_text(out, "documentation", doc);
}

static void put_names(buf *out, const schema_field *const *fields, size_t n)
{
    buf_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i != 0) buf_char(out, ',');
        json_put_str(out, fields[i]->name);
    }
    buf_char(out, ']');
}

/* --- defaults ---------------------------------------------------------------------------------------------------------- */

/* Ten to the n, by squaring. */
static double power_of_ten(unsigned n)
{
    double r = 1, base = 10;
    for (; n != 0; n /= 2) {
        if (n % 2 != 0) r *= base;
        base *= base;
    }
    return r;
}

/* Decimals are told as doubles: the digits as a whole number, times the power of ten. That is not always the nearest
 * double (0.3 comes out as 0.30000000000000004), but tools compare this number with the one that the reference gives. */
static void put_number(buf *out, nicol_str text)
{
    char digits[512];
    size_t n = 0, at = 0;
    int64_t scale = 0, exp = 0;
    bool point = false;
    double v = 0;
    for (; at < text.len && text.ptr[at] != 'e' && text.ptr[at] != 'E'; at++) {
        if (text.ptr[at] == '.') {
            point = true;
        } else if (n < sizeof(digits) && text.ptr[at] != '+') {
            bool leading = n > 0 && digits[n - 1] == '0' && (n == 1 || (n == 2 && digits[0] == '-'));
            if (leading) n--; /* JSON's grammar has no leading zeros */
            digits[n++] = text.ptr[at];
            scale += point;
        } else if (text.ptr[at] != '+' && !point) {
            scale--;
        }
    }
    if (at < text.len && !str_to_i64(str_sub(text, text.ptr[at + 1] == '+' ? at + 2 : at + 1, text.len), &exp)) exp = 0;
    if (!json_f64_read(str_of(digits, n), &v)) v = 0;
    scale -= exp;
    if (scale > 0) v *= 1 / power_of_ten(scale < 4096 ? (unsigned)scale : 4096u);
    else v *= power_of_ten(scale > -4096 ? (unsigned)-scale : 4096u);
    json_put_f64(out, v == 0 ? 0 : v);
}

/* An RFC 3339 time keeps its offset; "Z" is spelled as one. */
static void put_datetime(buf *out, nicol_str text)
{
    bool zulu = text.len != 0 && (text.ptr[text.len - 1] == 'Z' || text.ptr[text.len - 1] == 'z');
    buf_char(out, '"');
    json_put_escaped(out, str_sub(text, 0, zulu ? text.len - 1 : text.len));
    if (zulu) buf_lit(out, "+00:00");
    buf_char(out, '"');
}

/* Whole numbers lose their leading zeros; a BigInt is a string, since JavaScript's numbers cannot hold it. */
static void put_whole(buf *out, nicol_str text, bool quoted)
{
    int64_t v = 0;
    if (!str_to_i64(text, &v)) v = 0;
    if (quoted) buf_char(out, '"');
    buf_i64(out, v);
    if (quoted) buf_char(out, '"');
}

static void put_literal(buf *out, scalar_type type, nicol_str text)
{
    switch (type) {
    case SCALAR_INT:
    case SCALAR_BIGINT:
        put_whole(out, text, type == SCALAR_BIGINT);
        return;
    case SCALAR_FLOAT:
    case SCALAR_DECIMAL:
        put_number(out, text);
        return;
    case SCALAR_BOOLEAN:
        buf_str(out, str_eq(text, S("true")) ? S("true") : S("false"));
        return;
    case SCALAR_DATETIME:
        put_datetime(out, text);
        return;
    case SCALAR_STRING:
    case SCALAR_BYTES:
    case SCALAR_JSON:
    case SCALAR_ENUM:
    case SCALAR_UUID:
    case SCALAR_UNKNOWN:
    case SCALAR_N:
        json_put_str(out, text);
        return;
    }
}

static void put_function(buf *out, const schema_default *d)
{
    static const char *const names[] = {
        [DEFAULT_AUTOINCREMENT] = "autoincrement",
        [DEFAULT_DBGENERATED] = "dbgenerated",
        [DEFAULT_SEQUENCE] = "sequence",
        [DEFAULT_NOW] = "now",
        [DEFAULT_UUID4] = "uuid",
        [DEFAULT_UUID7] = "uuid",
        [DEFAULT_CUID] = "cuid",
        [DEFAULT_CUID2] = "cuid",
        [DEFAULT_ULID] = "ulid",
        [DEFAULT_NANOID] = "nanoid",
        [DEFAULT_AUTO] = "auto",
    };
    buf_printf(out, "{\"name\":\"%s\",\"args\":[", names[d->kind]);
    if (d->kind == DEFAULT_UUID4) buf_char(out, '4');
    if (d->kind == DEFAULT_UUID7) buf_char(out, '7');
    if (d->kind == DEFAULT_CUID) buf_char(out, '1');
    if (d->kind == DEFAULT_CUID2) buf_char(out, '2');
    if (d->kind == DEFAULT_NANOID && d->literals_n != 0) buf_i64(out, d->arg);
    if (d->kind == DEFAULT_DBGENERATED && d->literals_n != 0) json_put_str(out, d->literals[0]);
    buf_lit(out, "]}");
}

static void put_default(buf *out, const schema_field *f)
{
    const schema_default *d = f->def;
    if (d->kind == DEFAULT_NONE) return;
    buf_lit(out, ",\"default\":");
    if (d->kind != DEFAULT_VALUE) {
        put_function(out, d);
        return;
    }
    if (f->arity != ARITY_LIST) {
        put_literal(out, f->type, d->literals_n != 0 ? d->literals[0] : (nicol_str){0});
        return;
    }
    buf_char(out, '[');
    for (size_t i = 0; i < d->literals_n; i++) {
        if (i != 0) buf_char(out, ',');
        put_literal(out, f->type, d->literals[i]);
    }
    buf_char(out, ']');
}

/* --- fields ------------------------------------------------------------------------------------------------------------ */

static bool is_visible(const schema_field *f)
{
    return !f->is_ignored && (f->kind != FIELD_UNSUPPORTED || f->target != NULL);
}

static void put_native(buf *out, const schema_field *f)
{
    if (f->native == NULL) {
        buf_lit(out, ",\"nativeType\":null");
        return;
    }
    buf_lit(out, ",\"nativeType\":[");
    json_put_str(out, f->native->name);
    buf_lit(out, ",[");
    for (size_t i = 0; i < 2 && f->native->args[i].ptr != NULL; i++) {
        if (i != 0) buf_char(out, ',');
        json_put_str(out, f->native->args[i]);
    }
    buf_lit(out, "]]");
}

static const char *action_text(schema_action a)
{
    static const char *const names[] = {[ACTION_UNSET] = "",
                                        [ACTION_CASCADE] = "Cascade",
                                        [ACTION_RESTRICT] = "Restrict",
                                        [ACTION_NO_ACTION] = "NoAction",
                                        [ACTION_SET_NULL] = "SetNull",
                                        [ACTION_SET_DEFAULT] = "SetDefault"};
    return names[a];
}

static void put_relation(buf *out, const schema_field *f)
{
    const schema_relation *r = f->relation;
    size_t n = schema_holds_fk(f) ? r->fk_n : 0;
    put_text(out, "relationName", r->name);
    buf_lit(out, ",\"relationFromFields\":");
    put_names(out, r->fk, n);
    buf_lit(out, ",\"relationToFields\":");
    put_names(out, r->ref, n);
    if (n == 0) return;
    if (r->on_delete_set) put_text(out, "relationOnDelete", str_c(action_text(r->on_delete)));
    if (r->on_update_set) put_text(out, "relationOnUpdate", str_c(action_text(r->on_update)));
}

static void put_field(const describer *d, const schema_field *f)
{
    buf *out = d->out;
    unsigned facts = d->facts[f->index];
    nicol_str type = f->target != NULL       ? f->target->name
                     : f->kind == FIELD_ENUM ? f->en->name
                                             : schema_scalar_name(f->type);
    buf_lit(out, "{\"name\":");
    json_put_str(out, f->name);
    if (f->kind != FIELD_RELATION && is_mapped(f->name, f->db_name)) put_text(out, "dbName", f->db_name);
    put_text(out, "kind", f->target != NULL ? S("object") : f->kind == FIELD_ENUM ? S("enum") : S("scalar"));
    put_bool(out, "isList", f->arity == ARITY_LIST);
    put_bool(out, "isRequired", f->arity != ARITY_OPTIONAL);
    put_bool(out, "isUnique", (facts & (FACT_UNIQUE | FACT_ID)) == FACT_UNIQUE);
    put_bool(out, "isId", (facts & FACT_ID) != 0);
    put_bool(out, "isReadOnly", (facts & FACT_READ_ONLY) != 0);
    put_bool(out, "hasDefaultValue", f->def->kind != DEFAULT_NONE);
    put_text(out, "type", type);
    put_native(out, f);
    put_default(out, f);
    if (f->kind == FIELD_RELATION) put_relation(out, f);
    if (!d->types) {
        put_bool(out, "isGenerated", false);
        put_bool(out, "isUpdatedAt", f->is_updated_at);
    }
    if (f->doc != NULL) put_doc(out, *f->doc);
    buf_char(out, '}');
}

/* --- models ------------------------------------------------------------------------------------------------------------ */

static nicol_str path_of(const schema_index *x, size_t i)
{
    return x->cols == NULL ? (nicol_str){0} : x->cols[i].path;
}

/* Of a path into composite types the last name. */
static void put_key_names(buf *out, const schema_index *x)
{
    buf_char(out, '[');
    for (size_t i = 0; i < x->fields_n; i++) {
        nicol_str name = path_of(x, i);
        if (i != 0) buf_char(out, ',');
        if (name.len == 0) name = x->fields[i]->name;
        while (str_find_char(name, '.', 0) != SIZE_MAX) str_cut(&name, '.');
        json_put_str(out, name);
    }
    buf_char(out, ']');
}

static void gather_facts(const describer *d, const schema_model *m)
{
    memset(d->facts, 0, m->fields_n);
    for (size_t i = 0; i < m->indexes_n; i++) {
        const schema_index *x = &m->indexes[i];
        if (x->fields_n != 1 || path_of(x, 0).len != 0) continue;
        if (x->kind == INDEX_UNIQUE) d->facts[x->fields[0]->index] |= FACT_UNIQUE;
        if (x->kind == INDEX_ID) d->facts[x->fields[0]->index] |= FACT_ID;
    }
    for (size_t i = 0; i < m->fields_n; i++) {
        const schema_field *f = &m->fields[i];
        if (f->kind != FIELD_RELATION || !schema_holds_fk(f)) continue;
        for (size_t k = 0; k < f->relation->fk_n; k++) d->facts[f->relation->fk[k]->index] |= FACT_READ_ONLY;
    }
}

/* A named key in the form of primaryKey and uniqueIndexes. */
static void put_key(buf *out, const schema_index *x)
{
    buf_lit(out, "{\"name\":");
    if (x->named) json_put_str(out, x->name);
    else buf_lit(out, "null");
    buf_lit(out, ",\"fields\":");
    put_key_names(out, x);
    buf_char(out, '}');
}

static void put_uniques(buf *out, const schema_model *m, const char *key, bool whole)
{
    size_t n = 0;
    buf_printf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < m->indexes_n; i++) {
        const schema_index *x = &m->indexes[i];
        if (x->kind != INDEX_UNIQUE || !x->compound) continue;
        if (n++ != 0) buf_char(out, ',');
        if (whole) put_key(out, x);
        else put_key_names(out, x);
    }
    buf_char(out, ']');
}

static void put_model(const describer *d, const schema_model *m, size_t *models)
{
    buf *out = d->out;
    size_t n = 0;
    gather_facts(d, m);
    if ((*models)++ != 0) buf_char(out, ',');
    buf_lit(out, "{\"name\":");
    json_put_str(out, m->name);
    put_db_name(out, m->name, m->db_name);
    if (m->db_schema.len != 0) put_text(out, "schema", m->db_schema);
    else buf_lit(out, ",\"schema\":null");
    buf_lit(out, ",\"fields\":[");
    for (size_t i = 0; i < m->fields_n; i++) {
        if (!is_visible(&m->fields[i])) continue;
        if (n++ != 0) buf_char(out, ',');
        put_field(d, &m->fields[i]);
    }
    buf_lit(out, "],\"primaryKey\":");
    if (m->id != NULL && m->id->compound) put_key(out, m->id);
    else buf_lit(out, "null");
    put_uniques(out, m, "uniqueFields", false);
    put_uniques(out, m, "uniqueIndexes", true);
    if (!d->types) put_bool(out, "isGenerated", false);
    put_doc(out, m->doc);
    buf_char(out, '}');
}

static void put_enum(buf *out, const schema_enum *e)
{
    buf_lit(out, "{\"name\":");
    json_put_str(out, e->name);
    buf_lit(out, ",\"values\":[");
    for (size_t i = 0; i < e->values_n; i++) {
        const schema_enum_value *v = &e->values[i];
        if (i != 0) buf_char(out, ',');
        buf_lit(out, "{\"name\":");
        json_put_str(out, v->name);
        put_db_name(out, v->name, v->db_name);
        put_doc(out, v->doc);
        buf_char(out, '}');
    }
    buf_char(out, ']');
    put_db_name(out, e->name, e->db_name);
    put_doc(out, e->doc);
    buf_char(out, '}');
}

/* --- indexes ----------------------------------------------------------------------------------------------------------- */

static void put_column(buf *out, const schema_index *x, size_t i)
{
    const schema_index_col *c = x->cols == NULL ? NULL : &x->cols[i];
    buf_lit(out, "{\"name\":");
    json_put_str(out, path_of(x, i).len != 0 ? path_of(x, i) : x->fields[i]->name);
    if (c != NULL && c->sort != SORT_NONE) put_text(out, "sortOrder", c->sort == SORT_ASC ? S("asc") : S("desc"));
    if (c != NULL && c->length >= 0) buf_printf(out, ",\"length\":%lld", (long long)c->length);
    if (c != NULL && c->ops.len != 0) put_text(out, "operatorClass", c->ops);
    buf_char(out, '}');
}

static schema_index_kind written_kind(const schema_index *x)
{
    return x->partial ? INDEX_UNIQUE : x->kind;
}

static void put_index(buf *out, const schema_model *m, const schema_index *x)
{
    static const nicol_str kinds[] = {[INDEX_ID] = NICOL_STR("id"),
                                      [INDEX_UNIQUE] = NICOL_STR("unique"),
                                      [INDEX_NORMAL] = NICOL_STR("normal"),
                                      [INDEX_FULLTEXT] = NICOL_STR("fulltext")};
    buf_lit(out, "{\"model\":");
    json_put_str(out, m->name);
    put_text(out, "type", kinds[written_kind(x)]);
    put_bool(out, "isDefinedOnField", !x->compound);
    if (x->named) put_text(out, "name", x->name);
    if (x->mapped) put_text(out, "dbName", x->db_name);
    if (x->algorithm.len != 0) put_text(out, "algorithm", x->algorithm);
    if (x->clustered >= 0) put_bool(out, "clustered", x->clustered != 0);
    buf_lit(out, ",\"fields\":[");
    for (size_t i = 0; i < x->fields_n; i++) {
        if (i != 0) buf_char(out, ',');
        put_column(out, x, i);
    }
    buf_lit(out, "]}");
}

/* The reference lists those on fields in the order of the text, then the others kind by kind. */
static void put_indexes(const describer *d, const schema_model *m, size_t *n)
{
    static const schema_index_kind order[] = {INDEX_ID, INDEX_ID, INDEX_NORMAL, INDEX_UNIQUE, INDEX_FULLTEXT};
    for (size_t pass = 0; pass < sizeof(order) / sizeof(order[0]); pass++) {
        for (size_t i = 0; i < m->indexes_n; i++) {
            const schema_index *x = &m->indexes[i];
            bool on_field = !x->compound && x->kind != INDEX_ID;
            if (pass == 1 ? !on_field : on_field || written_kind(x) != order[pass]) continue;
            if ((*n)++ != 0) buf_char(d->out, ',');
            put_index(d->out, m, x);
        }
    }
}

/* Views come after the models, wherever they stand. */
static void put_models(const describer *d, bool views, void (*put)(const describer *, const schema_model *, size_t *),
                       size_t *n)
{
    for (size_t i = 0; i < d->s->models_n; i++)
        if (d->s->models[i].is_view == views && !d->s->models[i].is_ignored) put(d, &d->s->models[i], n);
}

bool schema_describe(const schema *s, buf *out, nicol_error *err)
{
    size_t most = 1, n = 0;
    describer d = {.s = s, .out = out};
    for (size_t i = 0; i < s->models_n; i++)
        if (s->models[i].fields_n > most) most = s->models[i].fields_n;
    for (size_t i = 0; i < s->types_n; i++)
        if (s->types[i].fields_n > most) most = s->types[i].fields_n;
    d.facts = out->m->alloc(out->m->ctx, most);
    if (d.facts == NULL) return nicol_fail_oom(err);
    buf_lit(out, "{\"enums\":[");
    for (size_t i = 0; i < s->enums_n; i++) {
        if (i != 0) buf_char(out, ',');
        put_enum(out, &s->enums[i]);
    }
    buf_lit(out, "],\"models\":[");
    for (int views = 0; views < 2; views++) put_models(&d, views != 0, put_model, &n);
    buf_lit(out, "],\"types\":[");
    n = 0;
    d.types = true;
    for (size_t i = 0; i < s->types_n; i++) put_model(&d, &s->types[i], &n);
    d.types = false;
    buf_lit(out, "],\"indexes\":[");
    n = 0;
    for (int views = 0; views < 2; views++) put_models(&d, views != 0, put_indexes, &n);
    buf_lit(out, "]}");
    out->m->free(out->m->ctx, d.facts, most);
    if (!buf_failed(out)) return true;
    return out->over ? nicol_fail(err, NICOL_E_LIMIT, "the description is longer than %zu bytes", out->max)
                     : nicol_fail_oom(err);
}
