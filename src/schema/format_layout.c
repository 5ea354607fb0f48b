/* schema/format_layout.c - a tree printed back as text: one thing a line, columns aligned, attributes in their order.
 *
 * Lines keep their order, except that block attributes go to the end of their block. Between blank lines ("paragraphs")
 * names and types are padded to one width. Whatever could not be read is printed as it stands, so that nothing is lost
 * while somebody is typing. Only the last column may be long, and it is never padded: so two widths per paragraph are
 * all that must be known before a line is written, and nothing is kept.
 */
#include "schema/format_int.h"

typedef struct layout {
    const schema_file *files;
    nicol_str text; /* of the file that is being written */
    buf *out;
} layout;

/* --- pieces of the source ----------------------------------------------------------------------------------------------- */

static nicol_str source(const layout *l, span at)
{
    return str_sub(l->text, at.start, at.end);
}

static lex cursor(const layout *l, uint32_t from, uint32_t to)
{
    return (lex){.p = l->text.ptr, .at = from, .end = to};
}

/* As it stands, but with line ends of one kind. */
static void put_raw(const layout *l, span at)
{
    nicol_str s = source(l, at);
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != '\r') buf_char(l->out, s.ptr[i]);
        else if (i + 1 >= s.len || s.ptr[i + 1] != '\n') buf_char(l->out, '\n');
}

static void put_spaces(buf *out, size_t n)
{
    if (n == 0 || !buf_reserve(out, n)) return;
    memset(out->ptr + out->len, ' ', n);
    out->len += n;
}

/* The rest of the line that begins at `from`, where something is known to stand. */
static nicol_str line_at(const layout *l, uint32_t from)
{
    lex c = cursor(l, from, (uint32_t)l->text.len);
    lex_line(&c);
    return str_sub(l->text, from, c.at);
}

/* The comment that begins at `from`, which may take several lines. */
static nicol_str comment_at(const layout *l, uint32_t from)
{
    lex c = cursor(l, from, (uint32_t)l->text.len);
    if (!lex_text(&c, S("/*"))) return line_at(l, from);
    size_t end = str_find(l->text, S("*/"), from + 2);
    return str_sub(l->text, from, end == SIZE_MAX ? l->text.len : end + 2);
}

/* One of several lines: each begins with a star, under that of the first. */
static void put_long_comment(const layout *l, nicol_str whole, size_t indent)
{
    nicol_str text = str_trim(str_sub(whole, 2, whole.len - 2));
    put_spaces(l->out, indent);
    buf_lit(l->out, "/**\n");
    while (text.len != 0 && !buf_failed(l->out)) {
        nicol_str line = str_trim(str_cut(&text, '\n'));
        if (str_starts(line, S("*"))) line = str_trim(str_sub(line, 1, line.len));
        if (line.len == 0) continue;
        put_spaces(l->out, indent);
        buf_lit(l->out, " * ");
        buf_str(l->out, line);
        buf_char(l->out, '\n');
    }
    put_spaces(l->out, indent);
    buf_lit(l->out, " */\n");
}

/* Lines of comments, each without its indentation. */
static void put_comments(const layout *l, span at, size_t indent)
{
    lex c = cursor(l, at.start, at.end);
    while (c.at < c.end && !buf_failed(l->out)) {
        lex_blank(&c);
        nicol_str text = comment_at(l, c.at);
        c.at += (uint32_t)text.len;
        if (str_starts(text, S("/*"))) {
            put_long_comment(l, text, indent);
        } else {
            put_spaces(l->out, indent);
            buf_str(l->out, text);
            buf_char(l->out, '\n');
        }
        lex_newline(&c);
    }
}

static void put_line_comment(const layout *l, uint32_t comment)
{
    if (comment != 0) {
        buf_char(l->out, ' ');
        buf_str(l->out, comment_at(l, comment));
    }
    buf_char(l->out, '\n');
}

/* --- expressions ---------------------------------------------------------------------------------------------------------- */

static void put_args(const layout *l, const ast_args *args);

static void put_expr(const layout *l, const ast_expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER:
    case EXPR_STRING:
    case EXPR_PATH:
        buf_str(l->out, source(l, e->at));
        return;
    case EXPR_CALL:
        buf_str(l->out, e->text);
        buf_char(l->out, '(');
        put_args(l, &e->args);
        buf_char(l->out, ')');
        return;
    case EXPR_OBJECT:
        buf_lit(l->out, "{ ");
        put_args(l, &e->args);
        buf_lit(l->out, " }");
        return;
    case EXPR_ARRAY:
        buf_char(l->out, '[');
        for (const ast_expr *i = e->items; i != NULL; i = i->next) {
            if (i != e->items) buf_lit(l->out, ", ");
            put_expr(l, i);
        }
        buf_char(l->out, ']');
        return;
    }
}

/* Those with and those without a value are two lists; here they come in the order of the text. */
static void put_args(const layout *l, const ast_args *args)
{
    const ast_arg *a = args->first, *b = args->empty;
    for (bool first = true; a != NULL || b != NULL; first = false) {
        bool take_a = b == NULL || (a != NULL && a->at.start < b->at.start);
        const ast_arg *arg = take_a ? a : b;
        if (take_a) a = a->next;
        else b = b->next;
        if (!first) buf_lit(l->out, ", ");
        if (arg->name.name.len != 0) {
            buf_str(l->out, arg->name.name);
            buf_lit(l->out, ": ");
        }
        if (arg->value != NULL) put_expr(l, arg->value);
    }
}

/* --- attributes ----------------------------------------------------------------------------------------------------------- */

enum { RANK_OTHER = 7 };

static unsigned rank_of(nicol_str name, bool block)
{
    static const nicol_str fields[RANK_OTHER] = {NICOL_STR("id"),        NICOL_STR("unique"), NICOL_STR("default"),
                                                 NICOL_STR("updatedAt"), NICOL_STR("map"),    NICOL_STR("relation"),
                                                 NICOL_STR("ignore")};
    static const nicol_str blocks[RANK_OTHER] = {NICOL_STR("id"),       NICOL_STR("unique"), NICOL_STR("index"),
                                                 NICOL_STR("fulltext"), NICOL_STR("map"),    NICOL_STR("ignore")};
    const nicol_str *names = block ? blocks : fields;
    for (unsigned i = 0; i < RANK_OTHER; i++)
        if (str_eq(name, names[i])) return i;
    return RANK_OTHER;
}

static void put_attr(const layout *l, const ast_attr *a, const char *mark)
{
    lex c = cursor(l, a->name.at.end, a->at.end);
    buf_str(l->out, str_c(mark));
    buf_str(l->out, a->name.name);
    lex_blank(&c);
    if (!lex_char(&c, '(')) return;
    buf_char(l->out, '(');
    put_args(l, &a->args);
    buf_char(l->out, ')');
}

static void put_field_attrs(const layout *l, const ast_attr *list)
{
    for (unsigned rank = 0, first = 1; rank <= RANK_OTHER; rank++) {
        for (const ast_attr *a = list; a != NULL; a = a->next) {
            if (rank_of(a->name.name, false) != rank) continue;
            if (!first) buf_char(l->out, ' ');
            first = 0;
            put_attr(l, a, "@");
        }
    }
}

/* --- lines of a block ----------------------------------------------------------------------------------------------------- */

enum { INDENT = 2 };

/* A comment right before a block attribute moves with it. */
static bool is_attached(const ast_item *it)
{
    return it->kind == ITEM_COMMENT && it->next != NULL && it->next->kind == ITEM_ATTR;
}

/* Whether this blank line stays: those at the block's ends and before block attributes do not. */
static bool is_break(const ast_top *t, const ast_item *it)
{
    return it->kind == ITEM_BLANK && it != t->items && it->next != NULL && it->next->kind != ITEM_ATTR &&
           !is_attached(it->next);
}

static nicol_str type_suffix(const ast_field *f)
{
    if (f->arity == ARITY_LIST) return f->list_optional ? S("[]?") : S("[]");
    return f->arity == ARITY_OPTIONAL ? S("?") : S("");
}

typedef struct widths {
    size_t name, type;
} widths;

static void widen(const ast_item *it, widths *w)
{
    size_t name = 0, type = 0;
    if (it->kind == ITEM_FIELD) {
        const ast_field *f = it->node;
        name = f->name.name.len;
        type = f->type.at.end - f->type.at.start + type_suffix(f).len;
    } else if (it->kind == ITEM_VALUE) {
        name = ((const ast_value *)it->node)->name.name.len;
    } else if (it->kind == ITEM_PROP) {
        name = ((const ast_prop *)it->node)->name.name.len;
    }
    if (name > w->name) w->name = name;
    if (type > w->type) w->type = type;
}

static void put_field(const layout *l, const ast_field *f, widths w)
{
    bool typed = f->type.at.end != 0;
    nicol_str suffix = type_suffix(f);
    buf_str(l->out, f->name.name);
    if (typed || f->attrs != NULL) put_spaces(l->out, w.name - f->name.name.len + 1);
    if (typed) {
        buf_str(l->out, source(l, f->type.at));
        buf_str(l->out, suffix);
    }
    if (f->attrs != NULL) {
        put_spaces(l->out, w.type - (f->type.at.end - f->type.at.start) - suffix.len + 1);
        put_field_attrs(l, f->attrs);
    }
    put_line_comment(l, f->comment);
}

static void put_value(const layout *l, const ast_value *v, widths w)
{
    buf_str(l->out, v->name.name);
    if (v->attrs != NULL) put_spaces(l->out, w.name - v->name.name.len + 1);
    for (const ast_attr *a = v->attrs; a != NULL; a = a->next) put_attr(l, a, "@");
    put_line_comment(l, v->comment);
}

static void put_prop(const layout *l, const ast_prop *p, widths w)
{
    buf_str(l->out, p->name.name);
    if (p->value != NULL) {
        put_spaces(l->out, w.name - p->name.name.len + 1);
        buf_lit(l->out, "= ");
        put_expr(l, p->value);
    }
    put_line_comment(l, p->comment);
}

static void put_item(const layout *l, const ast_item *it, widths w)
{
    if (it->kind == ITEM_COMMENT) {
        if (!is_attached(it)) put_comments(l, it->at, INDENT);
        return;
    }
    if (it->kind == ITEM_ATTR || it->kind == ITEM_BLANK) return;
    put_spaces(l->out, INDENT);
    if (it->kind == ITEM_FIELD) {
        put_field(l, it->node, w);
    } else if (it->kind == ITEM_VALUE) {
        put_value(l, it->node, w);
    } else if (it->kind == ITEM_PROP) {
        put_prop(l, it->node, w);
    } else {
        buf_str(l->out, line_at(l, it->at.start));
        buf_char(l->out, '\n');
    }
}

static void put_block_attrs(const layout *l, const ast_top *t)
{
    bool any = false;
    for (unsigned rank = 0; rank <= RANK_OTHER; rank++) {
        const ast_item *before = NULL;
        for (const ast_item *it = t->items; it != NULL; before = it, it = it->next) {
            if (it->kind != ITEM_ATTR) continue;
            const ast_attr *a = it->node;
            if (rank_of(a->name.name, true) != rank) continue;
            if (!any) buf_char(l->out, '\n');
            any = true;
            if (before != NULL && before->kind == ITEM_COMMENT) put_comments(l, before->at, INDENT);
            put_spaces(l->out, INDENT);
            put_attr(l, a, "@@");
            put_line_comment(l, a->comment);
        }
    }
}

static void put_block(const layout *l, const ast_top *t)
{
    static const char *const keywords[] = {
        [TOP_MODEL] = "model",           [TOP_VIEW] = "view",          [TOP_TYPE] = "type", [TOP_ENUM] = "enum",
        [TOP_DATASOURCE] = "datasource", [TOP_GENERATOR] = "generator"};
    lex c = cursor(l, t->name.at.end, t->at.end);
    lex_blank(&c);
    lex_char(&c, '{');
    lex_blank(&c);
    nicol_str rest = str_trim(line_at(l, c.at)); /* the language takes no notice of it: mostly a comment */
    buf_str(l->out, str_c(keywords[t->kind]));
    buf_char(l->out, ' ');
    buf_str(l->out, t->name.name);
    buf_lit(l->out, " {");
    if (rest.len != 0) buf_char(l->out, ' ');
    buf_str(l->out, rest);
    buf_char(l->out, '\n');
    size_t body = l->out->len;
    for (const ast_item *it = t->items; it != NULL && !buf_failed(l->out);) {
        widths w = {0};
        const ast_item *end = it;
        for (; end != NULL && !is_break(t, end); end = end->next) widen(end, &w);
        for (; it != end; it = it->next) put_item(l, it, w);
        if (end == NULL) break;
        if (l->out->len != body) buf_char(l->out, '\n');
        it = end->next;
    }
    put_block_attrs(l, t);
    buf_lit(l->out, "}\n");
}

/* --- files ---------------------------------------------------------------------------------------------------------------- */

/* One blank, so that what follows on a line does not become a part of what was written since `start`. */
static void put_gap(buf *out, size_t start)
{
    if (out->len == start || out->ptr[out->len - 1] == '\n') return;
    while (out->len > start && (out->ptr[out->len - 1] == ' ' || out->ptr[out->len - 1] == '\t')) out->len--;
    buf_char(out, ' ');
}

static const ast_top *put_file(const layout *l, uint32_t file, const ast_top *t)
{
    size_t start = l->out->len;
    nicol_str mark = S("\xEF\xBB\xBF"); /* editors that write one want it back */
    if (str_starts(l->text, mark)) buf_str(l->out, mark);
    for (bool first = true; t != NULL && t->at.file == file && !buf_failed(l->out); t = t->next, first = false) {
        bool last = t->next == NULL || t->next->at.file != file;
        if (t->kind == TOP_BLANK) {
            if (!first && !last) buf_char(l->out, '\n');
        } else if (t->kind == TOP_COMMENT) {
            put_comments(l, t->at, 0);
        } else if (t->kind == TOP_BAD) {
            put_raw(l, t->at);
            if (!last && t->next->kind != TOP_BLANK) put_gap(l->out, start);
        } else {
            put_block(l, t);
            if (!last && t->next->kind != TOP_BLANK) buf_char(l->out, '\n'); /* it stood on the line of the brace */
        }
    }
    if (l->out->len == start || l->out->ptr[l->out->len - 1] != '\n') buf_char(l->out, '\n');
    return t;
}

void layout_files(const schema_file *files, size_t files_n, const ast_top *tops, buf *out, size_t *ends)
{
    const ast_top *t = tops;
    for (size_t i = 0; i < files_n && !buf_failed(out); i++) {
        layout l = {.files = files, .text = files[i].text, .out = out};
        t = put_file(&l, (uint32_t)i, t);
        ends[i] = out->len;
    }
}
