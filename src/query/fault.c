/* query/fault.c - faults as sentences and as the `meta` that clients turn into their own messages.
 *
 * Both texts are interface: clients and people's tools match on them, so the words are the reference's.
 */
#include "query/fault_int.h"

#define FAULT_TEXT_BYTES_MAX ((size_t)8 << 20)

typedef struct printer {
    arena *a;
    const schema *s;
    buf out;
} printer;

static void put_path(buf *out, const place *p, char sep)
{
    if (!p) return;
    if (p->up) {
        put_path(out, p->up, sep);
        buf_char(out, sep);
    }
    buf_str(out, p->name);
}

static void put_path_json(buf *out, const place *p)
{
    if (!p) return;
    if (p->up) {
        put_path_json(out, p->up);
        buf_char(out, ',');
    }
    json_put_str(out, p->name);
}

static nicol_str name_of(printer *p, const in_type *t)
{
    nicol_str name = type_name(p->a, t);
    if (name.ptr == NULL) p->out.failed = true;
    return name;
}

/* --- sentences --- */

static void put_bounds(printer *p, const fault *f)
{
    const in_object *o = f->object;
    buf *out = &p->out;
    buf_str(out, f->kind == FAULT_TOO_FEW ? S("Some fields are missing: ") : S("Too many fields given: "));
    if (o->min == o->max) {
        buf_str(out, o->min == 1 ? S("Expected exactly one field") : S("Expected exactly "));
        if (o->min != 1) buf_printf(out, "%u fields", o->min);
    } else if (o->max == UINT32_MAX) {
        buf_printf(out, "Expected a minimum of %u fields", o->min);
        for (uint32_t i = 0; i < o->any_of; i++)
            buf_printf(out, "%s%.*s", i ? ", " : " of (", STR_FMT(o->fields[i].name));
        if (o->any_of) buf_char(out, ')');
    } else {
        buf_printf(out, "Expected a minimum of %u and at most %u fields", o->min, o->max);
    }
    buf_printf(out, " to be present, got %u.", f->given);
}

static void put_sentence(printer *p, const fault *f)
{
    buf *out = &p->out;
    switch (f->kind) {
    case FAULT_EMPTY_SELECTION:
        buf_lit(out, "Expected a minimum of 1 field to be present, got 0");
        break;
    case FAULT_UNKNOWN_SELECTION:
        buf_lit(out, "Field '");
        buf_str(out, f->name);
        buf_printf(out, "' not found in enclosing type '%.*s'", STR_FMT(f->output->name));
        break;
    case FAULT_SCALAR_SELECTION:
        buf_printf(out, "Cannot select over scalar field '%.*s'", STR_FMT(f->name));
        break;
    case FAULT_UNKNOWN_ARGUMENT:
        buf_lit(out, "Argument does not exist in enclosing type");
        break;
    case FAULT_UNKNOWN_FIELD:
        buf_char(out, '`');
        put_path(out, f->selection, '.');
        buf_char(out, '.');
        put_path(out, f->argument, '.');
        buf_lit(out, "`: Field does not exist in enclosing type.");
        break;
    case FAULT_MISSING:
        buf_char(out, '`');
        put_path(out, f->argument, '.');
        buf_lit(out, "`: A value is required but not set");
        break;
    case FAULT_TYPE:
        buf_printf(out, "Invalid argument type. `%.*s` should be of any of the following types: `%.*s`",
                   STR_FMT(f->name), STR_FMT(name_of(p, f->types)));
        break;
    case FAULT_VALUE:
        buf_lit(out, "Invalid argument value. `");
        buf_str(out, f->text);
        buf_printf(out, "` is not a valid `%.*s`", STR_FMT(f->expected));
        if (f->underlying.len) buf_printf(out, ". Underlying error: %.*s", STR_FMT(f->underlying));
        break;
    case FAULT_TOO_LARGE:
        buf_lit(out, "Unable to fit float value (or large JS integer serialized in exponent notation) '");
        buf_str(out, f->text);
        buf_lit(out, "' into a 64 Bit signed integer for field '");
        buf_str(out, f->name);
        buf_lit(out, "'. If you're trying to store large integers, consider using `BigInt`.");
        break;
    case FAULT_TOO_FEW:
    case FAULT_TOO_MANY:
        put_bounds(p, f);
        break;
    case FAULT_UNION:
        buf_lit(out, "Unable to match input value to any allowed input type for the field. Parse errors: [");
        for (uint32_t i = 0; i < f->kids_n; i++) {
            if (i) buf_lit(out, ", ");
            put_sentence(p, f->kids[i]);
        }
        buf_char(out, ']');
        break;
    }
}

/* --- meta --- */

static void put_type_names(printer *p, const in_type *types, uint32_t n)
{
    buf_lit(&p->out, "\"typeNames\":[");
    for (uint32_t i = 0; i < n; i++) {
        if (i) buf_char(&p->out, ',');
        json_put_str(&p->out, name_of(p, &types[i]));
    }
    buf_char(&p->out, ']');
}

static void put_input_fields(printer *p, const in_object *o, bool required)
{
    buf *out = &p->out;
    buf_char(out, '[');
    for (uint32_t i = 0; i < o->n; i++) {
        if (i) buf_char(out, ',');
        buf_lit(out, "{\"name\":");
        json_put_str(out, o->fields[i].name);
        buf_char(out, ',');
        put_type_names(p, o->fields[i].types, o->fields[i].types_n);
        if (required) buf_printf(out, ",\"required\":%s", o->fields[i].required ? "true" : "false");
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

/* A type with its fields, one level. */
static void put_input_type(printer *p, const in_type *t)
{
    buf *out = &p->out;
    if (t->list) {
        in_type element = *t;
        element.list = false;
        buf_lit(out, "{\"kind\":\"list\",\"elementType\":");
        put_input_type(p, &element);
        buf_char(out, '}');
        return;
    }
    static const char *const kinds[] = {[TYPE_NULL] = "scalar",
                                        [TYPE_SCALAR] = "scalar",
                                        [TYPE_ENUM] = "enum",
                                        [TYPE_WORDS] = "enum",
                                        [TYPE_OBJECT] = "object"};
    buf_printf(out, "{\"kind\":\"%s\",\"name\":", kinds[t->kind]);
    json_put_str(out, name_of(p, t));
    if (t->kind == TYPE_OBJECT) {
        in_object o;
        buf_lit(out, ",\"fields\":");
        if (type_fields(p->a, p->s, t, &o)) put_input_fields(p, &o, true);
        else out->failed = true;
    }
    buf_char(out, '}');
}

static void put_output_type(printer *p, const out_object *o)
{
    buf *out = &p->out;
    buf_lit(out, "\"outputType\":{\"name\":");
    json_put_str(out, o->name);
    buf_lit(out, ",\"fields\":[");
    for (uint32_t i = 0; i < o->n; i++) {
        if (i) buf_char(out, ',');
        buf_lit(out, "{\"name\":");
        json_put_str(out, o->fields[i].name);
        buf_lit(out, ",\"typeName\":");
        json_put_str(out, o->fields[i].type);
        buf_printf(out, ",\"isRelation\":%s}", o->fields[i].relation ? "true" : "false");
    }
    buf_lit(out, "]}");
}

static void put_bounds_json(printer *p, const fault *f)
{
    const in_object *o = f->object;
    buf *out = &p->out;
    buf_lit(out, "\"inputType\":");
    put_input_type(p, f->types);
    buf_printf(out, ",\"constraints\":{\"minFieldCount\":%u", o->min);
    if (o->max != UINT32_MAX) buf_printf(out, ",\"maxFieldCount\":%u", o->max);
    for (uint32_t i = 0; i < o->any_of; i++) {
        buf_str(out, i ? S(",") : S(",\"requiredFields\":["));
        json_put_str(out, o->fields[i].name);
    }
    buf_str(out, o->any_of ? S("]}") : S("}"));
}

static void put_argument(printer *p, const fault *f)
{
    buf *out = &p->out;
    buf_lit(out, "\"argument\":{\"name\":");
    json_put_str(out, f->name);
    buf_char(out, ',');
    if (f->kind != FAULT_VALUE) {
        put_type_names(p, f->types, f->types_n);
    } else {
        buf_lit(out, "\"typeNames\":[");
        json_put_str(out, f->expected);
        buf_char(out, ']');
    }
    buf_char(out, '}');
}

static void put_meta_detail(printer *p, const fault *f)
{
    buf *out = &p->out;
    switch (f->kind) {
    case FAULT_EMPTY_SELECTION:
    case FAULT_UNKNOWN_SELECTION:
        put_output_type(p, f->output);
        break;
    case FAULT_SCALAR_SELECTION:
        buf_lit(out, "\"fieldName\":");
        json_put_str(out, f->name);
        break;
    case FAULT_UNKNOWN_ARGUMENT:
        buf_lit(out, "\"arguments\":");
        put_input_fields(p, f->object, false);
        break;
    case FAULT_UNKNOWN_FIELD:
        buf_lit(out, "\"inputType\":");
        put_input_type(p, f->types);
        break;
    case FAULT_MISSING:
        buf_lit(out, "\"inputTypes\":[");
        for (uint32_t i = 0; i < f->types_n; i++) {
            if (i) buf_char(out, ',');
            put_input_type(p, &f->types[i]);
        }
        buf_char(out, ']');
        break;
    case FAULT_TYPE:
        put_argument(p, f);
        buf_lit(out, ",\"inferredType\":");
        json_put_str(out, f->text);
        break;
    case FAULT_VALUE:
        put_argument(p, f);
        if (f->underlying.len) {
            buf_lit(out, ",\"underlyingError\":");
            json_put_str(out, f->underlying);
        }
        break;
    case FAULT_TOO_LARGE:
        put_argument(p, f);
        buf_lit(out, ",\"value\":");
        json_put_str(out, f->text);
        break;
    case FAULT_TOO_FEW:
    case FAULT_TOO_MANY:
        put_bounds_json(p, f);
        break;
    case FAULT_UNION:
        break;
    }
}

static void put_meta(printer *p, const fault *f)
{
    static const char *const names[] = {[FAULT_EMPTY_SELECTION] = "EmptySelection",
                                        [FAULT_UNKNOWN_SELECTION] = "UnknownSelectionField",
                                        [FAULT_SCALAR_SELECTION] = "SelectionSetOnScalar",
                                        [FAULT_UNKNOWN_ARGUMENT] = "UnknownArgument",
                                        [FAULT_UNKNOWN_FIELD] = "UnknownInputField",
                                        [FAULT_MISSING] = "RequiredArgumentMissing",
                                        [FAULT_TYPE] = "InvalidArgumentType",
                                        [FAULT_VALUE] = "InvalidArgumentValue",
                                        [FAULT_TOO_LARGE] = "ValueTooLarge",
                                        [FAULT_TOO_FEW] = "SomeFieldsMissing",
                                        [FAULT_TOO_MANY] = "TooManyFieldsGiven",
                                        [FAULT_UNION] = "Union"};
    buf *out = &p->out;
    buf_printf(out, "{\"kind\":\"%s\",", names[f->kind]);
    if (f->kind == FAULT_UNION) {
        buf_lit(out, "\"errors\":[");
        for (uint32_t i = 0; i < f->kids_n; i++) {
            if (i) buf_char(out, ',');
            put_meta(p, f->kids[i]);
        }
        buf_lit(out, "]}");
        return;
    }
    put_meta_detail(p, f);
    if (f->kind >= FAULT_UNKNOWN_ARGUMENT) {
        buf_lit(out, ",\"argumentPath\":[");
        put_path_json(out, f->argument);
        buf_char(out, ']');
    }
    buf_lit(out, ",\"selectionPath\":[");
    put_path_json(out, f->selection);
    buf_lit(out, "]}");
}

static nicol_str keep(printer *p, nicol_error *err)
{
    nicol_str s = {0};
    if (p->out.over) (void)nicol_fail(err, NICOL_E_QUERY_INVALID, NULL); /* too long to say */
    else if (!buf_failed(&p->out)) s = arena_str(p->a, buf_view(&p->out));
    buf_free(&p->out);
    return s;
}

bool fault_raise(const fault *f, const schema *s, arena *a, nicol_error *err)
{
    printer p = {.a = a, .s = s};
    buf_init(&p.out, mem_default, FAULT_TEXT_BYTES_MAX);
    put_sentence(&p, f);
    nicol_str message = keep(&p, err);
    buf_init(&p.out, mem_default, FAULT_TEXT_BYTES_MAX);
    put_meta(&p, f);
    nicol_str meta = keep(&p, err);
    if (err_is(err)) return false;
    if (message.ptr == NULL || meta.ptr == NULL) return nicol_fail_oom(err);
    nicol_code code = f->kind == FAULT_MISSING ? NICOL_E_VALUE_REQUIRED : NICOL_E_QUERY_INVALID;
    (void)nicol_fail(err, code, NULL);
    err->message = message;
    err->meta = meta;
    return false;
}
