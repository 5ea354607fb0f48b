/* schema/native.c - native types: one row per provider and type. */
#include "base/num.h"
#include "schema/schema_int.h"

typedef enum native_form {
    FORM_PLAIN,   /* Text */
    FORM_OPT1,    /* Char or Char(30) */
    FORM_REQ1,    /* VarChar(30) */
    FORM_OPT2,    /* Decimal or Decimal(10, 2) */
    FORM_OPT_MAX, /* NVarChar, NVarChar(1000) or NVarChar(Max) */
} native_form;

typedef struct native_row {
    const char *name;
    native_form form;
    scalar_type types[2]; /* that may have it; the second may be SCALAR_UNKNOWN */
    scalar_type read_as;  /* what the database's type is by itself, when it is not types[0] */
    native_key key;
    uint32_t least, most; /* of the only argument, or the precision; most 0: any */
    const char *range;    /* how messages say it */
    uint32_t scale_most;
    const char *scale_range;
} native_row;

#define PLAIN(n, t)                          \
    {                                        \
        .name = (n), .types = { SCALAR_##t } \
    }
#define PLAIN2(n, t, other, as)                                                    \
    {                                                                              \
        .name = (n), .types = {SCALAR_##t, SCALAR_##other}, .read_as = SCALAR_##as \
    }
#define KEYED(n, t, use)                                            \
    {                                                               \
        .name = (n), .types = {SCALAR_##t}, .key = NATIVE_KEY_##use \
    }
#define SIZED(n, f, t, lo, hi, text)                                                                       \
    {                                                                                                      \
        .name = (n), .form = FORM_##f, .types = {SCALAR_##t}, .least = (lo), .most = (hi), .range = (text) \
    }
#define OPT1(n, t, lo, hi, text) SIZED(n, OPT1, t, lo, hi, text)
#define REQ1(n, t, lo, hi, text) SIZED(n, REQ1, t, lo, hi, text)
#define OPT_MAX(n, t, hi, text) SIZED(n, OPT_MAX, t, 0, hi, text)
#define DECIMALS(lo, hi, text, scale_hi, scale_text)                                                                   \
    {                                                                                                                  \
        .name = "Decimal", .form = FORM_OPT2, .types = {SCALAR_DECIMAL}, .least = (lo), .most = (hi), .range = (text), \
        .scale_most = (scale_hi), .scale_range = (scale_text)                                                          \
    }

#define UP_TO_6 "M can range from 0 to 6."
#define POSITIVE "M must be a positive integer."
#define PRECISION_1000 "Precision must be positive with a maximum value of 1000."

static const native_row POSTGRESQL[] = {
    PLAIN("SmallInt", INT),
    PLAIN("Integer", INT),
    PLAIN("BigInt", BIGINT),
    DECIMALS(1, 1000, PRECISION_1000, 0, NULL),
    PLAIN("Money", DECIMAL),
    PLAIN("Inet", STRING),
    PLAIN("Oid", INT),
    PLAIN("Citext", STRING),
    PLAIN("Real", FLOAT),
    PLAIN("DoublePrecision", FLOAT),
    OPT1("VarChar", STRING, 0, 0, NULL),
    OPT1("Char", STRING, 0, 0, NULL),
    PLAIN("Text", STRING),
    PLAIN("ByteA", BYTES),
    OPT1("Timestamp", DATETIME, 0, 6, UP_TO_6),
    OPT1("Timestamptz", DATETIME, 0, 6, UP_TO_6),
    PLAIN("Date", DATETIME),
    OPT1("Time", DATETIME, 0, 6, UP_TO_6),
    OPT1("Timetz", DATETIME, 0, 6, UP_TO_6),
    PLAIN("Boolean", BOOLEAN),
    OPT1("Bit", STRING, 1, 0, POSITIVE),
    OPT1("VarBit", STRING, 1, 0, POSITIVE),
    PLAIN("Uuid", STRING),
    KEYED("Xml", STRING, NEVER),
    PLAIN("Json", JSON),
    PLAIN("JsonB", JSON),
};

static const native_row MYSQL[] = {
    PLAIN("Int", INT),
    PLAIN("UnsignedInt", INT),
    PLAIN("SmallInt", INT),
    PLAIN("UnsignedSmallInt", INT),
    PLAIN2("TinyInt", BOOLEAN, INT, INT),
    PLAIN2("UnsignedTinyInt", BOOLEAN, INT, INT),
    PLAIN("MediumInt", INT),
    PLAIN("UnsignedMediumInt", INT),
    PLAIN("BigInt", BIGINT),
    PLAIN("UnsignedBigInt", BIGINT),
    DECIMALS(0, 65, "Precision can range from 1 to 65.", 30, "Scale can range from 0 to 30."),
    PLAIN("Float", FLOAT),
    PLAIN("Double", FLOAT),
    {.name = "Bit",
     .form = FORM_REQ1,
     .types = {SCALAR_BOOLEAN, SCALAR_BYTES},
     .read_as = SCALAR_BYTES,
     .least = 1,
     .most = 64,
     .range = "M can range from 1 to 64."},
    REQ1("Char", STRING, 0, 255, "M can range from 0 to 255."),
    REQ1("VarChar", STRING, 0, 65535, "M can range from 0 to 65,535."),
    REQ1("Binary", BYTES, 0, 0, NULL),
    REQ1("VarBinary", BYTES, 0, 0, NULL),
    KEYED("TinyBlob", BYTES, WITH_LENGTH),
    KEYED("Blob", BYTES, WITH_LENGTH),
    KEYED("MediumBlob", BYTES, WITH_LENGTH),
    KEYED("LongBlob", BYTES, WITH_LENGTH),
    KEYED("TinyText", STRING, WITH_LENGTH),
    KEYED("Text", STRING, WITH_LENGTH),
    KEYED("MediumText", STRING, WITH_LENGTH),
    KEYED("LongText", STRING, WITH_LENGTH),
    PLAIN("Date", DATETIME),
    OPT1("Time", DATETIME, 0, 0, NULL),
    OPT1("DateTime", DATETIME, 0, 0, NULL),
    OPT1("Timestamp", DATETIME, 0, 0, NULL),
    PLAIN("Year", INT),
    PLAIN("Json", JSON),
};

#define TO_8000 "Length can range from 1 to 8000."
#define TO_4000 "Length can range from 1 to 4000."
#define OR_MAX " For larger sizes, use the `Max` variant."
static const native_row SQLSERVER[] = {
    PLAIN("TinyInt", INT),
    PLAIN("SmallInt", INT),
    PLAIN("Int", INT),
    {.name = "BigInt", .types = {SCALAR_BIGINT}, .read_as = SCALAR_INT},
    DECIMALS(1, 38, "Precision can range from 1 to 38.", 38, "Scale can range from 0 to 38."),
    PLAIN("Money", FLOAT),
    PLAIN("SmallMoney", FLOAT),
    PLAIN2("Bit", BOOLEAN, INT, BYTES),
    OPT1("Float", FLOAT, 1, 53, "Bits can range from 1 to 53."),
    PLAIN("Real", FLOAT),
    PLAIN("Date", DATETIME),
    PLAIN("Time", DATETIME),
    PLAIN("DateTime", DATETIME),
    PLAIN("DateTime2", DATETIME),
    PLAIN("DateTimeOffset", DATETIME),
    PLAIN("SmallDateTime", DATETIME),
    OPT1("Char", STRING, 0, 8000, TO_8000),
    OPT1("NChar", STRING, 0, 4000, TO_4000),
    OPT_MAX("VarChar", STRING, 8000, TO_8000 OR_MAX),
    KEYED("Text", STRING, NEVER),
    OPT_MAX("NVarChar", STRING, 4000, TO_4000 OR_MAX),
    KEYED("NText", STRING, NEVER),
    OPT1("Binary", BYTES, 0, 8000, TO_8000),
    OPT_MAX("VarBinary", BYTES, 8000, TO_8000 OR_MAX),
    KEYED("Image", BYTES, NEVER),
    KEYED("Xml", STRING, NEVER),
    PLAIN("UniqueIdentifier", STRING),
};

static const native_row COCKROACHDB[] = {
    OPT1("Bit", STRING, 1, 0, POSITIVE),
    PLAIN("Bool", BOOLEAN),
    PLAIN("Bytes", BYTES),
    OPT1("Char", STRING, 0, 0, NULL),
    PLAIN("Date", DATETIME),
    DECIMALS(1, 1000, PRECISION_1000, 0, NULL),
    PLAIN("Float4", FLOAT),
    PLAIN("Float8", FLOAT),
    PLAIN("Inet", STRING),
    PLAIN("Int2", INT),
    PLAIN("Int4", INT),
    PLAIN("Int8", BIGINT),
    PLAIN("JsonB", JSON),
    PLAIN("Oid", INT),
    PLAIN("CatalogSingleChar", STRING),
    OPT1("String", STRING, 0, 0, NULL),
    OPT1("Time", DATETIME, 0, 6, UP_TO_6),
    OPT1("Timestamp", DATETIME, 0, 6, UP_TO_6),
    OPT1("Timestamptz", DATETIME, 0, 6, UP_TO_6),
    OPT1("Timetz", DATETIME, 0, 6, UP_TO_6),
    PLAIN("Uuid", STRING),
    OPT1("VarBit", STRING, 1, 0, POSITIVE),
};

static const native_row MONGODB[] = {
    {.name = "String", .types = {SCALAR_STRING}},
    {.name = "Double", .types = {SCALAR_FLOAT}},
    {.name = "Long", .types = {SCALAR_INT, SCALAR_BIGINT}},
    {.name = "Int", .types = {SCALAR_INT}},
    {.name = "BinData", .types = {SCALAR_BYTES}},
    {.name = "ObjectId", .types = {SCALAR_STRING, SCALAR_BYTES}},
    {.name = "Bool", .types = {SCALAR_BOOLEAN}},
    {.name = "Date", .types = {SCALAR_DATETIME}},
    {.name = "Timestamp", .types = {SCALAR_DATETIME}},
    {.name = "Json", .types = {SCALAR_JSON}},
};

#define TABLE(t)                        \
    {                                   \
        (t), sizeof(t) / sizeof((t)[0]) \
    }
static const struct {
    const native_row *rows;
    size_t n;
} TABLES[] = {
    [PROVIDER_NONE] = {NULL, 0},
    [PROVIDER_SQLITE] = {NULL, 0},
    [PROVIDER_POSTGRESQL] = TABLE(POSTGRESQL),
    [PROVIDER_MYSQL] = TABLE(MYSQL),
    [PROVIDER_SQLSERVER] = TABLE(SQLSERVER),
    [PROVIDER_COCKROACHDB] = TABLE(COCKROACHDB),
    [PROVIDER_MONGODB] = TABLE(MONGODB),
};

static const native_row *find_row(const sc_ctx *c, nicol_str name)
{
    for (size_t i = 0; i < TABLES[c->prov->id].n; i++)
        if (str_eq(name, str_c(TABLES[c->prov->id].rows[i].name))) return &TABLES[c->prov->id].rows[i];
    return NULL;
}

/* --- arguments ------------------------------------------------------------------------------------------------------------ */

typedef struct native_args {
    nicol_str text[3];
    size_t n;
    uint32_t num[2];
    bool max;
} native_args;

static bool to_u32(nicol_str s, uint32_t *out)
{
    uint64_t v;
    return str_to_u64(s, &v) && num_to_u32((size_t)v, out);
}

static bool read_max(native_args *a)
{
    a->max = str_ieq(a->text[0], S("max"));
    return a->max || (to_u32(a->text[0], &a->num[0]) && a->num[0] <= UINT16_MAX);
}

static bool read_args(const native_row *row, native_args *a)
{
    switch (row->form) {
    case FORM_PLAIN:
        return a->n == 0;
    case FORM_OPT1:
        return a->n == 0 || (a->n == 1 && to_u32(a->text[0], &a->num[0]));
    case FORM_REQ1:
        return a->n == 1 && to_u32(a->text[0], &a->num[0]);
    case FORM_OPT2:
        return a->n == 0 || (a->n == 2 && to_u32(a->text[0], &a->num[0]) && to_u32(a->text[1], &a->num[1]));
    case FORM_OPT_MAX:
        return a->n == 0 || (a->n == 1 && read_max(a));
    }
    return false;
}

static native_args args_of(sc_ctx *c, const ast_attr *attr)
{
    native_args a = {0};
    for (const ast_arg *x = attr->args.first; x != NULL; x = x->next, a.n++)
        if (a.n < 3) a.text[a.n] = expr_text(c, x->value);
    return a;
}

static nicol_str joined(sc_ctx *c, const native_args *a, const char *between)
{
    if (a->n == 0) return (nicol_str){0};
    if (a->n == 1) return a->text[0];
    return ctx_text(c, "%.*s%s%.*s", STR_FMT(a->text[0]), between, STR_FMT(a->text[1]));
}

static nicol_str row_text(sc_ctx *c, const native_row *row, const native_args *a)
{
    if (a->n == 0) return str_c(row->name);
    nicol_str list = a->max ? S("Max") : joined(c, a, ",");
    return ctx_text(c, "%s(%.*s)", row->name, STR_FMT(list));
}

nicol_str native_text(sc_ctx *c, const field_info *f)
{
    const native_row *row = f->has_native ? find_row(c, f->f->native->name) : NULL;
    if (row == NULL) return (nicol_str){0};
    native_args a = args_of(c, native_attr(c, f));
    (void)read_args(row, &a);
    return row_text(c, row, &a);
}

native_key native_key_use(sc_ctx *c, const field_info *f)
{
    const native_row *row = f->has_native ? find_row(c, f->f->native->name) : NULL;
    if (row == NULL) return NATIVE_KEY_OK;
    if (row->form != FORM_OPT_MAX) return row->key;
    native_args a = args_of(c, native_attr(c, f));
    return read_args(row, &a) && a.max ? NATIVE_KEY_NEVER : NATIVE_KEY_OK;
}

/* --- checks --------------------------------------------------------------------------------------------------------------- */

static bool count_fits(sc_ctx *c, const native_row *row, size_t n, span at)
{
    static const size_t need[] = {
        [FORM_PLAIN] = 0, [FORM_OPT1] = 0, [FORM_REQ1] = 1, [FORM_OPT2] = 0, [FORM_OPT_MAX] = 0};
    static const size_t may[] = {
        [FORM_PLAIN] = 0, [FORM_OPT1] = 1, [FORM_REQ1] = 0, [FORM_OPT2] = 2, [FORM_OPT_MAX] = 1};
    size_t least = need[row->form], more = may[row->form];
    if (n < least || (n > least && more == 0)) {
        diag_error(&c->diags, at, "Function \"%s\" takes %zu arguments, but received %zu.", row->name, least, n);
        return false;
    }
    if (n > least + more) {
        diag_error(&c->diags, at, "Native type %s takes %zu optional arguments, but received %zu.", row->name, more, n);
        return false;
    }
    return true;
}

static bool type_fits(sc_ctx *c, const native_row *row, const field_info *f, span at)
{
    scalar_type type = f->f->type;
    if (type == row->types[0] || (row->types[1] != SCALAR_UNKNOWN && type == row->types[1])) return true;
    nicol_str have = schema_scalar_name(type), one = schema_scalar_name(row->types[0]),
              two = schema_scalar_name(row->types[1]);
    bool both = row->types[1] != SCALAR_UNKNOWN;
    diag_error(&c->diags, at,
               "Native type %s is not compatible with declared field type %.*s, expected field type %.*s%s%.*s.",
               row->name, STR_FMT(have), STR_FMT(one), both ? " or " : "", both ? (int)two.len : 0, two.ptr);
    return false;
}

static void out_of_range(sc_ctx *c, const native_row *row, const native_args *a, span at, const char *range)
{
    nicol_str text = row_text(c, row, a);
    diag_error(&c->diags, at, "Argument M is out of range for native type `%.*s` of %s: %s", STR_FMT(text),
               c->prov->label, range);
}

static void ranges(sc_ctx *c, const native_row *row, const native_args *a, const field_info *f, span at)
{
    if (a->n == 0 || a->max) return;
    if (row->form == FORM_OPT2 && a->num[1] > a->num[0]) {
        nicol_str text = row_text(c, row, a);
        diag_error(&c->diags, at, "The scale must not be larger than the precision for the %.*s native type in %s.",
                   STR_FMT(text), c->prov->label);
    } else if (row->range != NULL && (a->num[0] < row->least || (row->most != 0 && a->num[0] > row->most))) {
        out_of_range(c, row, a, at, row->range);
    } else if (row->scale_range != NULL && a->num[1] > row->scale_most) {
        out_of_range(c, row, a, at, row->scale_range);
    } else if (c->prov->id == PROVIDER_MYSQL && f->f->type == SCALAR_BOOLEAN && a->num[0] > 1 &&
               row->form == FORM_REQ1) {
        out_of_range(c, row, a, at, "only Bit(1) can be used as Boolean.");
    }
}

static void help_native(sc_ctx *c, nicol_str name)
{
    if (c->diags.n > HELPED) return;
    near n = near_of(name);
    for (size_t i = 0; i < TABLES[c->prov->id].n; i++) near_try(&n, str_c(TABLES[c->prov->id].rows[i].name));
    if (n.best.len != 0) diag_help(&c->diags, "did you mean `%.*s`?", STR_FMT(n.best));
}

static void check_prefix(sc_ctx *c, const field_info *f, const ast_attr *attr)
{
    nicol_str own = c->s->datasource_name, rest = attr->name.name, prefix = str_cut(&rest, '.');
    if (c->datasource == NULL || str_eq(own, prefix)) return;
    diag_error(
        &c->diags, attr->at,
        "The prefix %.*s is invalid. It must be equal to the name of an existing datasource e.g. %.*s. Did you mean to use "
        "%.*s.%.*s?",
        STR_FMT(prefix), STR_FMT(own), STR_FMT(own), STR_FMT(f->f->native->name));
}

void native_check(sc_ctx *c, field_info *f)
{
    static const char *const wanted[] = {[FORM_PLAIN] = "",
                                         [FORM_OPT1] = "a nonnegative integer",
                                         [FORM_REQ1] = "a nonnegative integer",
                                         [FORM_OPT2] = "two nonnegative integers",
                                         [FORM_OPT_MAX] = "an integer or `Max`"};
    if (!f->has_native) return;
    const ast_attr *attr = native_attr(c, f);
    check_prefix(c, f, attr);
    const native_row *row = find_row(c, f->f->native->name);
    if (row == NULL) {
        diag_error(&c->diags, attr->at, "Native type %.*s is not supported for %s connector.",
                   STR_FMT(f->f->native->name), c->prov->name);
        help_native(c, f->f->native->name);
        return;
    }
    native_args a = args_of(c, attr);
    if (!count_fits(c, row, a.n, attr->at) || !type_fits(c, row, f, attr->at)) return;
    if (read_args(row, &a)) {
        ranges(c, row, &a, f, attr->at);
        return;
    }
    nicol_str list = joined(c, &a, ", ");
    diag_error(&c->diags, attr->at, "Expected %s, but found (%.*s).", wanted[row->form], STR_FMT(list));
}

/* Unsupported("varchar(30)") whose text is the name of a type that is supported. */
void native_unsupported_check(sc_ctx *c, const field_info *f)
{
    native_args a = {0};
    if (f->f->kind != FIELD_UNSUPPORTED || f->composite || c->datasource == NULL) return;
    nicol_str text = f->f->native->name, rest = text, name = str_trim(str_cut(&rest, '('));
    const native_row *row = find_row(c, name);
    if (row == NULL) return;
    size_t close = str_find_char(rest, ')', 0);
    if (close != SIZE_MAX) {
        rest.len = close;
        while (rest.len != 0 && a.n < 3) a.text[a.n++] = str_trim(str_cut(&rest, ','));
    }
    if (!read_args(row, &a)) return;
    nicol_str type = schema_scalar_name(row->read_as != SCALAR_UNKNOWN ? row->read_as : row->types[0]),
              native = row_text(c, row, &a);
    diag_error(
        &c->diags, field_at(f),
        "Error validating: The type `Unsupported(\"%.*s\")` you specified in the type definition for the field `%.*s` is "
        "supported as a native type by Prisma. Please use the native type notation `%.*s @%.*s.%.*s` for full support.",
        STR_FMT(text), STR_FMT(f->f->name), STR_FMT(type), STR_FMT(c->s->datasource_name), STR_FMT(native));
}
