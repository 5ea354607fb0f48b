/* schema/check_index.c - index types and operator classes of PostgreSQL and CockroachDB.
 *
 * What an index type takes follows from names: an operator class is called after the type that it is for, so a table of
 * native types with the class's first part says which fit.
 */
#include "schema/schema_int.h"

#define AT_INDEX(c, x, ...) error_attr_at((c), attr_title((c), (x)), (x)->at, __VA_ARGS__)

/* BRIN: native type (or scalar type without one) and how its classes' names begin; which families it has. */
enum { BLOOM = 1, MINMAX = 2, MULTI = 4, INCLUSION = 8, ALL3 = BLOOM | MINMAX | MULTI };
static const struct {
    const char *native;
    const char *prefix;
    unsigned families;
    scalar_type plain; /* the scalar type whose default this native type is */
} BRIN[] = {
    {"Bit", "Bit", MINMAX, SCALAR_UNKNOWN},
    {"VarBit", "VarBit", MINMAX, SCALAR_UNKNOWN},
    {"Char", "Bpchar", BLOOM | MINMAX, SCALAR_UNKNOWN},
    {"Date", "Date", ALL3, SCALAR_UNKNOWN},
    {"Real", "Float4", ALL3, SCALAR_UNKNOWN},
    {"DoublePrecision", "Float8", ALL3, SCALAR_FLOAT},
    {"Inet", "Inet", ALL3 | INCLUSION, SCALAR_UNKNOWN},
    {"SmallInt", "Int2", ALL3, SCALAR_UNKNOWN},
    {"Integer", "Int4", ALL3, SCALAR_INT},
    {"BigInt", "Int8", ALL3, SCALAR_BIGINT},
    {"Decimal", "Numeric", ALL3, SCALAR_DECIMAL},
    {"Oid", "Oid", ALL3, SCALAR_UNKNOWN},
    {"ByteA", "Bytea", BLOOM | MINMAX, SCALAR_BYTES},
    {"Text", "Text", BLOOM | MINMAX, SCALAR_STRING},
    {"VarChar", "Text", BLOOM | MINMAX, SCALAR_UNKNOWN},
    {"Timestamp", "Timestamp", ALL3, SCALAR_DATETIME},
    {"Timestamptz", "TimestampTz", ALL3, SCALAR_UNKNOWN},
    {"Time", "Time", ALL3, SCALAR_UNKNOWN},
    {"Timetz", "TimeTz", ALL3, SCALAR_UNKNOWN},
    {"Uuid", "Uuid", ALL3, SCALAR_UNKNOWN},
};
enum { BRIN_N = sizeof(BRIN) / sizeof(BRIN[0]) };

static bool is_class_of(nicol_str ops, size_t row)
{
    static const struct {
        unsigned family;
        nicol_str end;
    } ends[] = {{BLOOM, NICOL_STR("BloomOps")},
                {MINMAX, NICOL_STR("MinMaxOps")},
                {MULTI, NICOL_STR("MinMaxMultiOps")},
                {INCLUSION, NICOL_STR("InclusionOps")}};
    nicol_str prefix = str_c(BRIN[row].prefix);
    if (!str_starts(ops, prefix)) return false;
    for (size_t i = 0; i < 4; i++)
        if ((BRIN[row].families & ends[i].family) != 0 && str_eq(str_sub(ops, prefix.len, ops.len), ends[i].end))
            return true;
    return false;
}

static bool ops_fits_type(nicol_str ops, nicol_str type)
{
    bool gin = str_eq(ops, S("JsonbOps")) || str_eq(ops, S("JsonbPathOps")) || str_eq(ops, S("ArrayOps"));
    if (str_eq(type, S("Gin"))) return gin;
    if (str_eq(type, S("Gist"))) return str_eq(ops, S("InetOps"));
    if (str_eq(type, S("SpGist"))) return str_eq(ops, S("InetOps")) || str_eq(ops, S("TextOps"));
    for (size_t i = 0; str_eq(type, S("Brin")) && i < BRIN_N; i++)
        if (is_class_of(ops, i)) return true;
    return false;
}

typedef struct col_case {
    sc_ctx *c;
    const index_info *x;
    const field_info *f;
    nicol_str type;   /* of the index */
    nicol_str native; /* of the field, or empty */
    nicol_str ops;    /* or empty */
    scalar_type scalar;
} col_case;

/* The index type has nothing for this column: said in the terms of what the schema gave. */
static void no_match(const col_case *k, bool scalar_ok)
{
    nicol_str name = k->f->f->name;
    if (k->native.len != 0 && k->ops.len != 0)
        AT_INDEX(k->c, k->x, "The given operator class `%.*s` does not support native type `%.*s` of field `%.*s`.",
                 STR_FMT(k->ops), STR_FMT(k->native), STR_FMT(name));
    else if (k->native.len != 0)
        AT_INDEX(k->c, k->x, "The %.*s index field type `%.*s` has no default operator class.", STR_FMT(k->type),
                 STR_FMT(k->native));
    else if (k->ops.len != 0)
        AT_INDEX(k->c, k->x, "The given operator class `%.*s` expects the field `%.*s` to define a valid native type.",
                 STR_FMT(k->ops), STR_FMT(name));
    else if (!scalar_ok)
        AT_INDEX(k->c, k->x, "The %.*s index type does not support the type of the field `%.*s`.", STR_FMT(k->type),
                 STR_FMT(name));
}

static void wrong_scalar(const col_case *k, const char *type)
{
    AT_INDEX(k->c, k->x, "The given operator class `%.*s` points to the field `%.*s` that is not of %s type.",
             STR_FMT(k->ops), STR_FMT(k->f->f->name), type);
}

static void gin_column(const col_case *k)
{
    bool list = k->f->f->arity == ARITY_LIST, jsonb = str_starts(k->ops, S("Jsonb"));
    if (k->ops.len == 0 && (list || (k->native.len == 0 && k->scalar == SCALAR_JSON) || str_eq(k->native, S("JsonB"))))
        return;
    if (jsonb && str_eq(k->native, S("JsonB"))) return;
    if (jsonb && k->native.len == 0) {
        if (k->scalar != SCALAR_JSON) wrong_scalar(k, "Json");
    } else if (str_eq(k->ops, S("ArrayOps"))) {
        if (!list)
            AT_INDEX(k->c, k->x, "The given operator class `ArrayOps` expects the type of field `%.*s` to be an array.",
                     STR_FMT(k->f->f->name));
    } else {
        no_match(k, false);
    }
}

static void spgist_column(const col_case *k)
{
    bool text = str_eq(k->native, S("Text")) || str_eq(k->native, S("VarChar")) || str_eq(k->native, S("Char"));
    bool text_ops = str_eq(k->ops, S("TextOps"));
    if (str_eq(k->native, S("Inet")) && !text_ops) return;
    if (text && (text_ops || k->ops.len == 0)) return;
    if (k->native.len == 0 && k->ops.len == 0 && k->scalar == SCALAR_STRING) return;
    if (k->native.len == 0 && text_ops) {
        if (k->scalar != SCALAR_STRING) wrong_scalar(k, "String");
        return;
    }
    no_match(k, false);
}

static void brin_column(const col_case *k)
{
    for (size_t i = 0; i < BRIN_N; i++) {
        bool native = str_eq(k->native, str_c(BRIN[i].native)),
             plain = k->native.len == 0 && BRIN[i].plain != SCALAR_UNKNOWN;
        if (native && (k->ops.len == 0 || is_class_of(k->ops, i))) return;
        if (!plain) continue;
        if (k->ops.len == 0 && k->scalar == BRIN[i].plain) return;
        if (k->ops.len == 0 || !is_class_of(k->ops, i)) continue;
        nicol_str name = schema_scalar_name(BRIN[i].plain);
        if (k->scalar != BRIN[i].plain) wrong_scalar(k, name.ptr);
        return;
    }
    no_match(k, false);
}

static void postgresql_column(sc_ctx *c, const index_info *x, const index_col *col)
{
    nicol_str type = x->algorithm == NULL ? S("BTree") : index_algorithm(x);
    col_case k = {.c = c,
                  .x = x,
                  .f = col->f,
                  .type = type,
                  .native = col->f->has_native ? col->f->f->native->name : (nicol_str){0}};
    k.scalar = col->f->f->kind == FIELD_SCALAR ? col->f->f->type : SCALAR_UNKNOWN;
    if (col->ops != NULL && col->ops_raw) return; /* raw("..."): the database's business */
    if (col->ops != NULL) k.ops = *col->ops;
    if (k.ops.len != 0 && !ops_fits_type(k.ops, type)) {
        AT_INDEX(c, x, "The given operator class `%.*s` is not supported with the `%.*s` index type.", STR_FMT(k.ops),
                 STR_FMT(type));
        return;
    }
    if (str_eq(type, S("Gist"))) {
        if (!str_eq(k.native, S("Inet")) || k.ops.len == 0) no_match(&k, false);
    } else if (str_eq(type, S("Gin"))) {
        gin_column(&k);
    } else if (str_eq(type, S("SpGist"))) {
        spgist_column(&k);
    } else if (str_eq(type, S("Brin"))) {
        brin_column(&k);
    }
}

static void cockroachdb_index(sc_ctx *c, const index_info *x)
{
    if (!str_eq(index_algorithm(x), S("Gin"))) return;
    for (size_t i = 0; i < x->cols_n; i++) {
        const schema_field *f = x->cols[i].f->f;
        if (x->cols[i].ops != NULL) {
            AT_INDEX(c, x, "Custom operator classes are not supported with the current connector.");
            return;
        }
        bool json = f->kind == FIELD_SCALAR && f->type == SCALAR_JSON;
        if (!json && f->arity != ARITY_LIST)
            AT_INDEX(c, x, "The Gin index type does not support the type of the field `%.*s`.", STR_FMT(f->name));
        if (json && i + 1 < x->cols_n)
            AT_INDEX(c, x, "A `Json` column is only allowed as the last column of an inverted index.");
    }
}

void check_index_classes(sc_ctx *c, const index_info *x)
{
    if (c->prov->id == PROVIDER_COCKROACHDB) cockroachdb_index(c, x);
    if (c->prov->id != PROVIDER_POSTGRESQL) return;
    for (size_t i = 0; i < x->cols_n; i++) postgresql_column(c, x, &x->cols[i]);
    if (str_eq(index_algorithm(x), S("SpGist")) && x->cols_n != 1)
        AT_INDEX(c, x, "SpGist does not support multi-column indices.");
}
