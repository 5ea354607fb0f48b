/* plan/compile_shape.c - what the client gets: the structure that data_map applies to the rows of a selection. */
#include "plan/compile_int.h"

static plan_out_type out_type(const schema_field *f)
{
    if (f->kind == FIELD_ENUM) return OUT_ENUM;
    if (f->kind == FIELD_UNSUPPORTED) return OUT_UNSUPPORTED;
    switch (f->type) {
    case SCALAR_INT:
        return OUT_INT;
    case SCALAR_BIGINT:
        return OUT_BIGINT;
    case SCALAR_FLOAT:
        return OUT_FLOAT;
    case SCALAR_DECIMAL:
        return OUT_DECIMAL;
    case SCALAR_BOOLEAN:
        return OUT_BOOLEAN;
    case SCALAR_DATETIME:
        return OUT_DATETIME;
    case SCALAR_JSON:
        return OUT_JSON;
    case SCALAR_BYTES:
        return OUT_BYTES;
    case SCALAR_ENUM:
        return OUT_ENUM;
    case SCALAR_STRING:
    case SCALAR_UUID:
        return OUT_STRING;
    case SCALAR_UNKNOWN:
    case SCALAR_N:
        break;
    }
    return OUT_UNSUPPORTED;
}

static const plan_enum_map *enum_map(cc *c, const schema_enum *e)
{
    for (cc_enum *k = c->enums; k; k = k->next) {
        if (k->of == e) return k->map;
    }
    cc_enum *k = CC_NEW(c, cc_enum);
    plan_enum_map *m = CC_NEW(c, plan_enum_map);
    nicol_str *from = CC_ARRAY(c, e->values_n, nicol_str);
    nicol_str *to = CC_ARRAY(c, e->values_n, nicol_str);
    if (!k || !m || !from || !to) return NULL;
    for (size_t i = 0; i < e->values_n; i++) {
        from[i] = cc_str(c, e->values[i].db_name);
        to[i] = cc_str(c, e->values[i].name);
    }
    *m = (plan_enum_map){.name = cc_str(c, e->name), .from = from, .to = to, .n = (uint32_t)e->values_n};
    *k = (cc_enum){.of = e, .map = m, .next = c->enums};
    c->enums = k;
    return m;
}

const plan_shape *cc_shape_field(cc *c, const schema_field *f, nicol_str column)
{
    plan_shape *s = CC_NEW(c, plan_shape);
    if (!s) return NULL;
    s->type = SHAPE_FIELD;
    s->db_name = cc_str(c, column);
    s->out = out_type(f);
    s->list = f->arity == ARITY_LIST;
    s->bytes = BYTES_BASE64;
    if (s->out == OUT_ENUM && f->en) {
        s->en = enum_map(c, f->en);
        s->en_name = cc_str(c, f->en->name);
    }
    return s;
}

const plan_shape *cc_shape_scalar(cc *c, plan_out_type out, nicol_str column)
{
    plan_shape *s = CC_NEW(c, plan_shape);
    if (!s) return NULL;
    s->type = SHAPE_FIELD;
    s->db_name = cc_str(c, column);
    s->out = out;
    return s;
}

const plan_shape *cc_shape_affected(cc *c)
{
    plan_shape *s = CC_NEW(c, plan_shape);
    if (s) s->type = SHAPE_AFFECTED;
    return s;
}

static nicol_str key_text(cc *c, nicol_str name)
{
    buf b;
    buf_init(&b, c->m, (size_t)1 << 20);
    json_put_str(&b, name);
    buf_char(&b, ':');
    nicol_str out = {"", 0};
    if (buf_failed(&b)) cc_oom(c);
    else out = cc_str(c, buf_view(&b));
    buf_free(&b);
    return out;
}

plan_shape *cc_shape_object(cc *c, nicol_str row_name, uint32_t fields_max)
{
    plan_shape *s = CC_NEW(c, plan_shape);
    if (!s) return NULL;
    s->type = SHAPE_OBJECT;
    s->same_row = row_name.len == 0;
    s->row_name = cc_str(c, row_name);
    s->names = CC_ARRAY(c, fields_max, nicol_str);
    s->keys = CC_ARRAY(c, fields_max, nicol_str);
    s->fields = CC_ARRAY(c, fields_max, const plan_shape *);
    s->site = cc_site(c);
    return c->failed ? NULL : s;
}

void cc_shape_add(cc *c, plan_shape *s, nicol_str name, const plan_shape *field)
{
    if (!s || !field) return;
    s->names[s->fields_n] = cc_str(c, name);
    s->keys[s->fields_n] = key_text(c, name);
    s->fields[s->fields_n++] = field;
}

nicol_str cc_nested_name(cc *c, const schema_field *f)
{
    return cc_printf(c, "@nested$%.*s", STR_FMT(f->name));
}

nicol_str cc_count_name(cc *c, const schema_field *f)
{
    return cc_printf(c, "_aggr_count_%.*s", STR_FMT(f->name));
}

static const plan_shape *shape(cc *c, const query_select *sel, nicol_str row_name)
{
    if (!cc_enter(c)) return NULL;
    plan_shape *s = cc_shape_object(c, row_name, sel->items_n);
    for (uint32_t i = 0; s && i < sel->items_n; i++) {
        const query_select_item *it = &sel->items[i];
        if (it->kind == SELECT_SCALAR) {
            cc_shape_add(c, s, it->field->name, cc_shape_field(c, it->field, it->field->db_name));
        } else if (it->kind == SELECT_RELATION) {
            cc_shape_add(c, s, it->field->name, shape(c, it->select, cc_nested_name(c, it->field)));
        } else {
            plan_shape *k = cc_shape_object(c, NICOL_STR(""), it->counts_n);
            for (uint32_t j = 0; k && j < it->counts_n; j++) {
                cc_shape_add(c, k, it->counts[j]->name, cc_shape_scalar(c, OUT_INT, cc_count_name(c, it->counts[j])));
            }
            cc_shape_add(c, s, NICOL_STR("_count"), k);
        }
    }
    cc_leave(c);
    return c->failed ? NULL : s;
}

const plan_shape *cc_shape(cc *c, const query_select *sel)
{
    return shape(c, sel, NICOL_STR(""));
}
