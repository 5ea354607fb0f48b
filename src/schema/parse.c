/* schema/parse.c - text to tree, recovering line by line.
 *
 * A block is "keyword name {", lines, and a line that starts with "}". A line that fits none of its block's rules is
 * reported and skipped, so one mistake costs one message. A block without its "}" is no block at all: its lines are
 * then reported one by one, as the reference does. To keep that linear, the last places where "}" can close anything
 * are found once per file.
 */
#include "base/limits.h"
#include "schema/ast_int.h"

typedef struct parser {
    lex l;
    uint32_t file;
    arena *tree;    /* the syntax tree; gone when the schema is built */
    arena *nodes;   /* where new nodes go: tree or line */
    arena *keep;    /* joined comments, which outlive the tree */
    arena *strings; /* decoded ones */
    arena *line;    /* NULL: the lines of fields stay in the tree */
    diag_list *diags;
    buf decls, attrs;         /* of the block that is being read: ast_decl, uint32_t */
    uint32_t last_close_line; /* start of the last line that begins with "}"; UINT32_MAX: none */
    uint32_t last_close;      /* the last "}" anywhere; UINT32_MAX: none */
    int depth;
    bool oom, deep, many; /* `many`: a list of arguments is too long */
    ast_top **tail;
    nicol_str doc; /* comment block right before the next item */
    bool doc_fresh;
    uint32_t comment;                       /* where the comment that was read last begins */
    uint32_t comment_end, comment_end_from; /* see find_comment_end */
} parser;

/* Where to come back to when a rule does not match: the cursor, the diagnostics, and the memory of the nodes that the rule
 * made, which nothing else points to. */
typedef struct mark {
    uint32_t at;
    diag_node **tail;
    size_t n, errors;
    arena_mark nodes;
} mark;

static mark here(const parser *p)
{
    return (mark){p->l.at, p->diags->tail, p->diags->n, p->diags->errors, arena_save(p->nodes)};
}

static void forget_diags(parser *p, mark m)
{
    p->diags->tail = m.tail;
    *m.tail = NULL;
    p->diags->n = m.n;
    p->diags->errors = m.errors;
}

static bool back(parser *p, mark m)
{
    p->l.at = m.at;
    forget_diags(p, m);
    if (!p->oom) arena_rewind(p->nodes, m.nodes);
    return false;
}

static span span_from(const parser *p, uint32_t start)
{
    return (span){p->file, start, p->l.at};
}

static void *node(parser *p, size_t size)
{
    void *n = arena_zalloc(p->nodes, size);
    if (n == NULL) p->oom = true;
    return n;
}
#define NODE(p, type) ((type *)node((p), sizeof(type)))

/* --- strings ---------------------------------------------------------------------------------------------------------- */

static int hex4(const char *s, size_t left)
{
    int v = 0;
    if (left < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

static size_t put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 63));
    out[2] = (char)(0x80 | ((c >> 6) & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* One \u escape at raw[i] (after the 'u'): bytes written to out, *i moved past it. 0: it is none. */
static size_t unicode_escape(nicol_str raw, size_t *i, char *out)
{
    int hi = hex4(raw.ptr + *i, raw.len - *i);
    if (hi < 0 || (hi >= 0xDC00 && hi < 0xE000)) return 0;
    if (hi < 0xD800 || hi >= 0xE000) {
        *i += 4;
        return put_utf8(out, (unsigned)hi);
    }
    if (raw.len - *i < 10 || raw.ptr[*i + 4] != '\\' || raw.ptr[*i + 5] != 'u') return 0;
    int lo = hex4(raw.ptr + *i + 6, raw.len - *i - 6);
    if (lo < 0xDC00 || lo > 0xDFFF) return 0;
    *i += 10;
    return put_utf8(out, 0x10000u + (((unsigned)hi - 0xD800u) << 10) + ((unsigned)lo - 0xDC00u));
}

/* Decodes escapes; wrong ones are reported with their own span. `at`: offset of raw in the file. */
static nicol_str decode(parser *p, nicol_str raw, uint32_t at)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (str_find_char(raw, '\\', 0) == SIZE_MAX) return raw;
    char *out = arena_alloc(p->strings, raw.len + 1);
    size_t n = 0;
    if (out == NULL) {
        p->oom = true;
        return (nicol_str){0};
    }
    for (size_t i = 0; i < raw.len;) {
        if (raw.ptr[i] != '\\') {
            out[n++] = raw.ptr[i++];
            continue;
        }
        size_t start = i++;
        const char *known = i < raw.len ? memchr(from, raw.ptr[i], sizeof(from) - 1) : NULL;
        if (known != NULL) {
            out[n++] = to[known - from];
            i++;
            continue;
        }
        if (i < raw.len && raw.ptr[i] == 'u') {
            i++;
            size_t got = unicode_escape(raw, &i, out + n);
            n += got;
            if (got != 0) continue;
            size_t stop = i;
            while (stop < raw.len && stop - i < 4 && raw.ptr[stop] != '\\') stop++;
            diag_line(p->diags, (span){p->file, at + (uint32_t)start, at + (uint32_t)stop},
                      S("Invalid unicode escape sequence."));
            i = stop;
            continue;
        }
        i += i < raw.len;
        diag_line(p->diags, (span){p->file, at + (uint32_t)start, at + (uint32_t)i},
                  S("Unknown escape sequence. If the value is a windows-style path, `\\` must be escaped as `\\\\`."));
    }
    return str_of(out, n);
}

/* --- expressions ------------------------------------------------------------------------------------------------------ */

static ast_expr *parse_expr(parser *p);

/* The text of a string literal, decoded. */
static bool parse_string(parser *p, nicol_str *text)
{
    nicol_str raw;
    uint32_t at = p->l.at;
    if (!lex_string(&p->l, &raw)) return false;
    *text = decode(p, raw, at + 1);
    return true;
}

/* name: value | name: | value */
static bool parse_arg(parser *p, ast_args *args, ast_arg ***tail, ast_arg ***empty)
{
    mark m = here(p);
    nicol_str name;
    ast_arg *a = NODE(p, ast_arg);
    if (a == NULL) return false;
    if (lex_ident(&p->l, &name)) {
        a->name = (ast_ident){name, span_from(p, m.at)};
        lex_blank(&p->l);
        if (lex_char(&p->l, ':')) {
            uint32_t colon = p->l.at;
            lex_blank(&p->l);
            a->value = parse_expr(p);
            if (a->value == NULL) p->l.at = colon;
            a->at = span_from(p, m.at);
            ast_arg ***list = a->value != NULL ? tail : empty;
            **list = a;
            *list = &a->next;
            args->n += a->value != NULL;
            return true;
        }
        p->l.at = m.at;
        a->name = (ast_ident){0};
    }
    a->value = parse_expr(p);
    if (a->value == NULL) return back(p, m);
    a->at = a->value->at;
    **tail = a;
    *tail = &a->next;
    args->n++;
    return true;
}

/* Arguments between `open` and `close`. */
static bool parse_list(parser *p, ast_args *out, char open, char close)
{
    if (p->l.at >= p->l.end || p->l.p[p->l.at] != open) return false;
    mark m = here(p);
    ast_arg **tail = &out->first, **empty = &out->empty;
    *out = (ast_args){0};
    p->l.at++;
    lex_blank(&p->l);
    bool more = parse_arg(p, out, &tail, &empty);
    size_t n = 1;
    while (more) {
        uint32_t after = p->l.at;
        lex_blank(&p->l);
        more = lex_char(&p->l, ',');
        if (more) {
            lex_blank(&p->l);
            more = parse_arg(p, out, &tail, &empty); /* or nothing is left of it */
        }
        if (!more) p->l.at = after;
        if (++n > NICOL_SCHEMA_ARGS_MAX + 1) {
            p->many = true;
            *out = (ast_args){0};
            return back(p, m);
        }
    }
    lex_blank(&p->l);
    uint32_t comma = p->l.at;
    if (lex_char(&p->l, ',')) out->comma = span_from(p, comma);
    lex_blank(&p->l);
    if (lex_char(&p->l, close)) return true;
    *out = (ast_args){0};
    return back(p, m);
}

static bool parse_args(parser *p, ast_args *out)
{
    return parse_list(p, out, '(', ')');
}

/* { name: value, ... }: the condition of a partial index. */
static bool parse_object(parser *p, ast_expr *e)
{
    return parse_list(p, &e->args, '{', '}');
}

static bool parse_array(parser *p, ast_expr *e)
{
    if (p->l.at >= p->l.end || p->l.p[p->l.at] != '[') return false;
    mark m = here(p);
    ast_expr **tail = &e->items;
    p->l.at++;
    for (bool more = true; more;) {
        mark before = here(p);
        lex_blank(&p->l);
        if (e->items != NULL) {
            if (!lex_char(&p->l, ',')) break;
            lex_blank(&p->l);
        }
        *tail = parse_expr(p);
        more = *tail != NULL;
        if (more) tail = &(*tail)->next;
        else back(p, before);
    }
    lex_blank(&p->l);
    if (lex_char(&p->l, ']')) return true;
    e->items = NULL;
    return back(p, m);
}

/* NULL: nothing matched, nothing consumed. */
static ast_expr *parse_expr(parser *p)
{
    uint32_t start = p->l.at;
    if (p->depth >= NICOL_SCHEMA_DEPTH_MAX) {
        p->deep = true;
        return NULL;
    }
    ast_expr *e = NODE(p, ast_expr);
    if (e == NULL) return NULL;
    p->depth++;
    bool ok = true;
    nicol_str path;
    if (lex_path(&p->l, &path)) {
        uint32_t end = p->l.at;
        lex_blank(&p->l);
        e->text = path;
        if (parse_args(p, &e->args)) {
            e->kind = EXPR_CALL;
        } else {
            /* A number is a path too, by its letters; but it ends where its digits do. */
            p->l.at = start;
            e->kind = EXPR_NUMBER;
            if (!lex_number(&p->l, &e->text)) {
                e->kind = EXPR_PATH;
                p->l.at = end;
            }
        }
    } else if (lex_number(&p->l, &e->text)) {
        e->kind = EXPR_NUMBER;
    } else if (parse_string(p, &e->text)) {
        e->kind = EXPR_STRING;
    } else if (parse_object(p, e)) {
        e->kind = EXPR_OBJECT;
    } else {
        e->kind = EXPR_ARRAY;
        ok = parse_array(p, e);
    }
    p->depth--;
    e->at = span_from(p, start);
    return ok ? e : NULL;
}

/* --- comments --------------------------------------------------------------------------------------------------------- */

/* Where the comment that begins at the cursor with these two characters ends, behind the other two; 0: nowhere. What was
 * found once is kept, so that text with many beginnings and one end does not cost its square. */
static uint32_t find_comment_end(parser *p)
{
    uint32_t from = p->l.at + 2;
    if (p->comment_end != 0 && from >= p->comment_end_from && from <= p->comment_end - 2) return p->comment_end;
    if (p->comment_end_from != 0 && p->comment_end == 0 && from >= p->comment_end_from) return 0;
    p->comment_end_from = from;
    p->comment_end = 0;
    for (uint32_t i = from; i + 1 < p->l.end && p->comment_end == 0; i++) {
        const char *star = memchr(p->l.p + i, '*', p->l.end - i);
        if (star == NULL) break;
        i = (uint32_t)(star - p->l.p);
        if (i + 1 < p->l.end && p->l.p[i + 1] == '/') p->comment_end = i + 2;
    }
    return p->comment_end;
}

/* A comment of several lines tells about what follows, as a documentation comment does. */
static bool parse_long_comment(parser *p, nicol_str *doc)
{
    lex look = p->l;
    if (!lex_text(&look, S("/*"))) return false;
    uint32_t end = find_comment_end(p), start = p->l.at;
    if (end == 0) return false;
    *doc = str_trim(str_of(p->l.p + start + 2, end - 2 - (start + 2)));
    if (doc->ptr == NULL) *doc = str_of(p->l.p + start + 2, 0);
    p->comment = start;
    p->l.at = end;
    return true;
}

/* One comment up to the end of its line, or of its own; the text of a documentation comment goes to *doc. */
static bool parse_comment(parser *p, nicol_str *doc)
{
    uint32_t from = p->l.at;
    lex_blank(&p->l);
    if (parse_long_comment(p, doc)) return true;
    uint32_t start = p->l.at;
    bool is_doc = lex_text(&p->l, S("///"));
    if (!is_doc && !lex_text(&p->l, S("//"))) {
        p->l.at = from;
        return false;
    }
    p->comment = start;
    if (is_doc) lex_blank(&p->l);
    uint32_t text = p->l.at;
    lex_line(&p->l);
    if (is_doc) *doc = str_of(p->l.p + text, p->l.at - text);
    return true;
}

static nicol_str doc_join(parser *p, nicol_str a, nicol_str b)
{
    if (a.ptr == NULL || b.ptr == NULL) return a.ptr == NULL ? b : a;
    char *out = arena_alloc(p->keep, a.len + b.len + 1);
    if (out == NULL) {
        p->oom = true;
        return (nicol_str){0};
    }
    memcpy(out, a.ptr, a.len);
    out[a.len] = '\n';
    memcpy(out + a.len + 1, b.ptr, b.len);
    return str_of(out, a.len + b.len + 1);
}

/* Lines of comments without a blank line between them. */
static bool parse_comments(parser *p)
{
    uint32_t from = p->l.at;
    nicol_str line, first = {0};
    size_t docs = 0, bytes = 0;
    for (line = (nicol_str){0}; parse_comment(p, &line); line = (nicol_str){0}) {
        if (line.ptr != NULL) {
            if (docs++ == 0) first = line;
            bytes += line.len + 1;
        }
        lex_newline(&p->l);
    }
    if (p->l.at == from) return false;
    p->doc = first;
    p->doc_fresh = true;
    if (docs < 2) return true;
    /* Read twice, so that a long comment is joined in one piece. */
    char *out = arena_alloc(p->keep, bytes);
    if (out == NULL) {
        p->oom = true;
        return true;
    }
    size_t n = 0;
    uint32_t end = p->l.at;
    p->l.at = from;
    for (line = (nicol_str){0}; p->l.at < end && parse_comment(p, &line); line = (nicol_str){0}) {
        lex_newline(&p->l);
        if (line.ptr == NULL) continue;
        if (n != 0 || first.ptr == NULL) out[n++] = '\n';
        if (n == 0) first.ptr = NULL;
        memcpy(out + n, line.ptr, line.len);
        n += line.len;
    }
    p->l.at = end;
    p->doc = str_of(out, n);
    return true;
}

/* The comment block that was read right before this item, if any. */
static nicol_str take_doc(parser *p)
{
    nicol_str d = p->doc_fresh ? p->doc : (nicol_str){0};
    p->doc_fresh = false;
    p->doc = (nicol_str){0};
    return d;
}

static bool parse_empty_lines(parser *p)
{
    uint32_t from = p->l.at;
    for (;;) {
        uint32_t line = p->l.at;
        lex_blank(&p->l);
        if (lex_newline(&p->l)) continue;
        p->l.at = line;
        return line != from;
    }
}

/* --- attributes, fields, values, properties --------------------------------------------------------------------------- */

/* @name(arguments). The span of an attribute without arguments reaches up to the next thing on the line. */
static ast_attr *parse_attr(parser *p, bool block)
{
    if (p->l.at >= p->l.end || p->l.p[p->l.at] != '@') return NULL;
    mark m = here(p);
    nicol_str name;
    if (!lex_text(&p->l, block ? S("@@") : S("@"))) return NULL;
    lex_blank(&p->l);
    uint32_t name_at = p->l.at;
    if (!lex_path(&p->l, &name)) {
        back(p, m);
        return NULL;
    }
    ast_attr *a = NODE(p, ast_attr);
    if (a == NULL) return NULL;
    a->name = (ast_ident){name, span_from(p, name_at)};
    lex_blank(&p->l);
    parse_args(p, &a->args);
    nicol_str none = {0};
    if (block) {
        if (parse_comment(p, &none)) a->comment = p->comment;
        else lex_blank(&p->l);
    }
    a->at = span_from(p, m.at);
    return a;
}

static void parse_attrs(parser *p, ast_attr **attrs)
{
    for (ast_attr **tail = attrs;;) {
        lex_blank(&p->l);
        ast_attr *a = parse_attr(p, false);
        if (a == NULL) return;
        *tail = a;
        tail = &a->next;
    }
}

/* Attributes, a trailing comment and the line end: what ends a field and an enum's value. */
static bool parse_line_end(parser *p, ast_attr **attrs, nicol_str *doc, uint32_t *comment)
{
    nicol_str line_doc = {0};
    parse_attrs(p, attrs);
    if (parse_comment(p, &line_doc)) *comment = p->comment;
    lex_blank(&p->l);
    if (!lex_newline(&p->l)) return false;
    *doc = doc_join(p, take_doc(p), line_doc);
    return true;
}

static bool parse_base_type(parser *p, ast_field *f)
{
    mark m = here(p);
    if (lex_text(&p->l, S("Unsupported("))) {
        lex_blank(&p->l);
        if (parse_string(p, &f->type.name)) {
            lex_blank(&p->l);
            if (lex_char(&p->l, ')')) {
                f->unsupported = true;
                f->type.at = span_from(p, m.at);
                return true;
            }
        }
        back(p, m);
    }
    if (!lex_ident(&p->l, &f->type.name)) return false;
    f->type.at = span_from(p, m.at);
    return true;
}

/* Type, Type?, Type[]; the forms that are reported: Type[]?, Type!, [Type]. */
static bool parse_type(parser *p, ast_field *f, bool *good)
{
    mark m = here(p);
    *good = true;
    if (lex_char(&p->l, '[')) {
        lex_blank(&p->l);
        if (parse_base_type(p, f)) {
            lex_blank(&p->l);
            if (lex_char(&p->l, ']')) {
                diag_line(p->diags, span_from(p, m.at),
                          S("To specify a list, please use `Type[]` instead of `[Type]`."));
                f->arity = ARITY_LIST;
                *good = false;
                return true;
            }
        }
        return back(p, m);
    }
    if (!parse_base_type(p, f)) return false;
    uint32_t end = p->l.at;
    lex_blank(&p->l);
    if (lex_text(&p->l, S("[]"))) {
        f->arity = ARITY_LIST;
        end = p->l.at;
        lex_blank(&p->l);
        if (lex_char(&p->l, '?')) {
            diag_line(p->diags, span_from(p, m.at),
                      S("Optional lists are not supported. Use either `Type[]` or `Type?`."));
            f->list_optional = true;
            *good = false;
            return true;
        }
    } else if (lex_char(&p->l, '?')) {
        f->arity = ARITY_OPTIONAL;
        end = p->l.at;
    } else if (lex_char(&p->l, '!')) {
        diag_line(p->diags, span_from(p, m.at), S("Fields are required by default, `!` is no longer required."));
        *good = false;
        return true;
    }
    p->l.at = end;
    f->type_at = span_from(p, m.at);
    return true;
}

static void add_item(parser *p, ast_item ***tail, ast_item_kind kind, uint32_t start, void *what)
{
    ast_item *it = p->line == NULL ? NODE(p, ast_item) : NULL;
    if (it == NULL) return;
    *it = (ast_item){.kind = kind, .at = span_from(p, start), .node = what};
    **tail = it;
    *tail = &it->next;
}

/* The state of the block that is being read. */
typedef struct block {
    ast_top *top;
    ast_item **items;
    ast_value **values;
    ast_prop **props;
    size_t props_n;
} block;

/* Counts one more thing in a block; false, with a message, when it is full. */
static bool room(parser *p, span at, size_t *n, size_t most)
{
    if (*n < most) {
        ++*n;
        return true;
    }
    diag_error(p->diags, at, "Error validating: There are more than %zu lines of this kind in one block.", most);
    return false;
}

enum { OFFSET_MASK = (1 << 24) - 1 }; /* of an ast_decl */
_Static_assert(NICOL_SCHEMA_BYTES_MAX <= OFFSET_MASK, "an offset fits an ast_decl");

/* Keeps what matters of a field. */
static void add_decl(parser *p, const ast_field *f)
{
    ast_decl d = {.start = f->at.start,
                  .attrs = f->attrs == NULL ? 0 : f->attrs->at.start & OFFSET_MASK,
                  .arity = f->arity & 3u,
                  .unsupported = f->unsupported};
    if (f->doc.ptr != NULL) {
        nicol_str *doc = arena_alloc(p->keep, sizeof(*doc));
        if (doc == NULL) p->oom = true;
        else *doc = f->doc;
        d.doc = doc;
    }
    buf_bytes(&p->decls, &d, sizeof(d));
}

/* True when the line was a field declaration, good or bad. */
static bool parse_field(parser *p, block *b)
{
    mark m = here(p);
    uint32_t start = m.at;
    nicol_str name;
    ast_field *f = NODE(p, ast_field);
    if (f == NULL || !lex_ident(&p->l, &name)) return back(p, m);
    f->name = (ast_ident){name, span_from(p, start)};
    lex_blank(&p->l);
    uint32_t colon = p->l.at;
    bool legacy = lex_char(&p->l, ':'), good = true;
    span colon_at = span_from(p, colon);
    lex_blank(&p->l);
    mark before_type = here(p);
    bool typed = parse_type(p, f, &good);
    if (!parse_line_end(p, &f->attrs, &f->doc, &f->comment)) return back(p, m);
    f->at = span_from(p, start);
    add_item(p, &b->items, ITEM_FIELD, start, f);
    if (legacy) {
        forget_diags(p, before_type);
        diag_line(p->diags, colon_at, S("Field declarations don't require a `:`."));
        return true;
    }
    if (!typed) {
        diag_error(
            p->diags, f->at,
            "Error validating %s \"%.*s\": This field declaration is invalid. It is either missing a name or a type.",
            b->top->kind == TOP_TYPE ? "type" : "model", STR_FMT(b->top->name.name));
        return true;
    }
    if (good && room(p, f->at, &b->top->fields_n, NICOL_SCHEMA_FIELDS_MAX)) add_decl(p, f);
    return true;
}

static bool parse_value(parser *p, block *b)
{
    mark m = here(p);
    nicol_str name;
    ast_value *v = NODE(p, ast_value);
    if (v == NULL || !lex_ident(&p->l, &name)) return back(p, m);
    v->name = (ast_ident){name, span_from(p, m.at)};
    if (!parse_line_end(p, &v->attrs, &v->doc, &v->comment)) return back(p, m);
    v->at = span_from(p, m.at);
    add_item(p, &b->items, ITEM_VALUE, m.at, v);
    if (!room(p, v->at, &b->top->values_n, NICOL_SCHEMA_VALUES_MAX)) return true;
    *b->values = v;
    b->values = &v->next;
    return true;
}

static bool parse_prop(parser *p, block *b)
{
    mark m = here(p);
    nicol_str name, none = {0};
    ast_prop *q = NODE(p, ast_prop);
    if (q == NULL || !lex_ident(&p->l, &name)) return back(p, m);
    q->name = (ast_ident){name, span_from(p, m.at)};
    lex_blank(&p->l);
    if (!lex_char(&p->l, '=')) return back(p, m);
    lex_blank(&p->l);
    q->value = parse_expr(p);
    q->at = span_from(p, m.at);
    if (parse_comment(p, &none)) q->comment = p->comment;
    lex_blank(&p->l);
    if (!lex_newline(&p->l)) return back(p, m);
    take_doc(p);
    add_item(p, &b->items, ITEM_PROP, m.at, q);
    if (!room(p, q->at, &b->props_n, NICOL_SCHEMA_ARGS_MAX)) return true;
    *b->props = q;
    b->props = &q->next;
    return true;
}

static bool parse_block_attr(parser *p, block *b)
{
    mark m = here(p);
    ast_attr *a = parse_attr(p, true);
    if (a == NULL) return false;
    lex_blank(&p->l);
    if (!lex_newline(&p->l)) return back(p, m);
    add_item(p, &b->items, ITEM_ATTR, m.at, a);
    if (room(p, a->at, &b->top->attrs_n, NICOL_SCHEMA_FIELDS_MAX)) buf_bytes(&p->attrs, &m.at, sizeof(m.at));
    return true;
}

/* --- blocks ----------------------------------------------------------------------------------------------------------- */

/* One row per kind of block: its keyword and the rule of its lines. */
typedef struct block_rule {
    nicol_str keyword;
    ast_top_kind kind;
    bool (*line)(parser *p, block *b);
    bool attrs; /* may have @@attributes */
    nicol_str bad_line;
} block_rule;

#define BAD_FIELD "Error validating: This line is not a valid field or attribute definition."
static const block_rule BLOCKS[] = {
    {NICOL_STR("model"), TOP_MODEL, parse_field, true, NICOL_STR(BAD_FIELD)},
    {NICOL_STR("type"), TOP_TYPE, parse_field, true, NICOL_STR(BAD_FIELD)},
    {NICOL_STR("view"), TOP_VIEW, parse_field, true, NICOL_STR(BAD_FIELD)},
    {NICOL_STR("enum"), TOP_ENUM, parse_value, true,
     NICOL_STR("Error validating: This line is not an enum value definition.")},
    {NICOL_STR("datasource"), TOP_DATASOURCE, parse_prop, false,
     NICOL_STR("Error validating: This line is not a valid definition within a datasource.")},
    {NICOL_STR("generator"), TOP_GENERATOR, parse_prop, false,
     NICOL_STR("Error validating: This line is not a valid definition within a generator.")},
};

/* "{", and whatever else stands on the line. */
static bool parse_open(parser *p)
{
    if (!lex_char(&p->l, '{')) return false;
    lex_line(&p->l);
    return lex_newline(&p->l);
}

static void report_line(parser *p, uint32_t start, nicol_str text)
{
    if (p->many) {
        diag_error(p->diags, span_from(p, start), "Error validating: More than %d arguments in one list.",
                   NICOL_SCHEMA_ARGS_MAX);
        p->many = p->deep = false;
    } else if (p->deep) {
        diag_error(p->diags, span_from(p, start), "Error validating: Expressions are nested more than %d levels deep.",
                   NICOL_SCHEMA_DEPTH_MAX);
        p->deep = false;
    } else {
        diag_line(p->diags, span_from(p, start), text);
    }
}

static bool parse_block_lines(parser *p, const block_rule *r, block *b)
{
    const arena_mark first = arena_save(p->nodes);
    for (;;) {
        lex_blank(&p->l);
        uint32_t start = p->l.at;
        if (p->oom || p->l.at >= p->l.end) return false;
        if (p->nodes != p->tree) arena_rewind(p->nodes, first);
        p->deep = p->many = false;
        if (r->line(p, b)) continue;
        if (r->attrs && parse_block_attr(p, b)) continue;
        if (parse_comments(p)) {
            add_item(p, &b->items, ITEM_COMMENT, start, NULL);
            continue;
        }
        if (parse_empty_lines(p)) {
            add_item(p, &b->items, ITEM_BLANK, start, NULL);
            continue;
        }
        if (lex_char(&p->l, '}')) return true;
        lex_line(&p->l);
        lex_newline(&p->l);
        report_line(p, start, r->bad_line);
        add_item(p, &b->items, ITEM_BAD, start, NULL);
    }
}

/* The lines between the braces; those of fields are not kept unless somebody wants to print them. */
static bool parse_body(parser *p, const block_rule *r, block *b)
{
    bool drop = p->line != NULL && r->line == parse_field;
    buf_clear(&p->decls);
    buf_clear(&p->attrs);
    if (drop) p->nodes = p->strings = p->line;
    bool closed = parse_block_lines(p, r, b);
    p->nodes = p->tree;
    p->strings = p->keep;
    if (!closed) return false;
    b->top->fields = arena_alloc(p->tree, p->decls.len);
    b->top->attrs = arena_alloc(p->tree, p->attrs.len);
    if (b->top->fields == NULL || b->top->attrs == NULL || buf_failed(&p->decls) || buf_failed(&p->attrs)) {
        p->oom = true;
        return false;
    }
    if (p->decls.len != 0) memcpy(b->top->fields, p->decls.ptr, p->decls.len);
    if (p->attrs.len != 0) memcpy(b->top->attrs, p->attrs.ptr, p->attrs.len);
    return true;
}

static bool parse_block(parser *p, const block_rule *r)
{
    mark m = here(p);
    nicol_str doc = p->doc, name;
    bool fresh = p->doc_fresh;
    if (!lex_text(&p->l, r->keyword)) return false;
    lex_blank(&p->l);
    uint32_t name_at = p->l.at;
    if (!lex_ident(&p->l, &name)) return back(p, m);
    span name_span = span_from(p, name_at);
    lex_blank(&p->l);
    if (!parse_open(p)) return back(p, m);
    if (p->last_close_line == UINT32_MAX || p->last_close_line < p->l.at) return back(p, m);
    ast_top *t = NODE(p, ast_top);
    if (t == NULL) return back(p, m);
    t->kind = r->kind;
    t->name = (ast_ident){name, name_span};
    t->doc = take_doc(p);
    block b = {.top = t, .items = &t->items, .values = &t->values, .props = &t->props};
    if (!parse_body(p, r, &b)) {
        p->doc = doc;
        p->doc_fresh = fresh;
        return back(p, m);
    }
    p->doc_fresh = false;
    if (!r->attrs) { /* as in the reference, it waits for the next block that may have one */
        p->doc = doc;
        p->doc_fresh = fresh;
    }
    t->at = span_from(p, m.at);
    *p->tail = t;
    p->tail = &t->next;
    return true;
}

/* type Name = Type: read so that it can be refused. */
static bool parse_type_alias(parser *p)
{
    mark m = here(p);
    nicol_str name;
    ast_field f = {0};
    if (!lex_text(&p->l, S("type"))) return false;
    lex_blank(&p->l);
    if (!lex_ident(&p->l, &name)) return back(p, m);
    lex_blank(&p->l);
    if (!lex_char(&p->l, '=')) return back(p, m);
    lex_blank(&p->l);
    if (!parse_base_type(p, &f)) return back(p, m);
    for (mark end = here(p);; end = here(p)) {
        lex_blank(&p->l);
        if (parse_attr(p, false) != NULL) continue;
        back(p, end);
        break;
    }
    diag_line(p->diags, span_from(p, m.at),
              S("Error validating: Invalid type definition. Please check the documentation in "
                "https://pris.ly/d/composite-types"));
    return true;
}

/* name { ... }: a block without a known keyword. */
static bool parse_strange_block(parser *p)
{
    mark m = here(p);
    nicol_str name;
    if (!lex_ident(&p->l, &name)) return false;
    lex_blank(&p->l);
    if (!parse_open(p) || p->last_close == UINT32_MAX || p->last_close < p->l.at) return back(p, m);
    const char *close = memchr(p->l.p + p->l.at, '}', p->l.end - p->l.at);
    if (close == NULL) return back(p, m);
    p->l.at = (uint32_t)(close - p->l.p) + 1;
    diag_line(
        p->diags, span_from(p, m.at),
        S("Error validating: This block is invalid. It does not start with any known Prisma schema keyword. Valid "
          "keywords include 'model', 'enum', 'type', 'datasource' and 'generator'."));
    return true;
}

static bool parse_any_block(parser *p)
{
    for (size_t i = 0; i < sizeof(BLOCKS) / sizeof(BLOCKS[0]); i++)
        if (parse_block(p, &BLOCKS[i])) return true;
    return false;
}

static void add_top(parser *p, ast_top_kind kind, uint32_t start)
{
    if (p->line != NULL && kind == TOP_BLANK)
        return; /* there is one between any two blocks, and only printing needs it */
    ast_top *t = NODE(p, ast_top);
    if (t == NULL) return;
    t->kind = kind;
    t->at = span_from(p, start);
    *p->tail = t;
    p->tail = &t->next;
}

/* Whether a line that belongs to nothing reads "model Name {": then the "}" of a block is missing. */
static bool opens_block(const parser *p, uint32_t start)
{
    lex l = p->l;
    nicol_str name;
    for (size_t i = 0; i < sizeof(BLOCKS) / sizeof(BLOCKS[0]); i++) {
        l.at = start;
        if (!lex_text(&l, BLOCKS[i].keyword) || !lex_blank(&l) || !lex_ident(&l, &name)) continue;
        lex_blank(&l);
        if (lex_char(&l, '{')) return true;
    }
    return false;
}

static void parse_file(parser *p)
{
    while (!p->oom) {
        lex_blank(&p->l);
        uint32_t start = p->l.at;
        if (p->l.at >= p->l.end) return;
        p->deep = p->many = false;
        nicol_str doc = p->doc;
        bool fresh = p->doc_fresh;
        if (parse_any_block(p)) continue;
        if (parse_type_alias(p) || parse_strange_block(p)) {
            add_top(p, TOP_BAD, start);
        } else if (parse_comments(p)) {
            add_top(p, TOP_COMMENT, start);
            uint32_t after = p->l.at;
            if (parse_empty_lines(p)) { /* it stands alone */
                p->doc = doc;
                p->doc_fresh = fresh;
            }
            p->l.at = after;
        } else if (parse_empty_lines(p)) {
            add_top(p, TOP_BLANK, start);
        } else {
            lex_line(&p->l);
            lex_newline(&p->l);
            report_line(
                p, start,
                S("Error validating: This line is invalid. It does not start with any known Prisma schema keyword."));
            if (opens_block(p, start))
                diag_help(p->diags, "this block is not closed: write `}` on a line of its own after its last line");
            add_top(p, TOP_BAD, start);
        }
    }
}

/* Finds the last "}" and the last line that begins with one. */
static void find_closes(parser *p)
{
    p->last_close = p->last_close_line = UINT32_MAX;
    for (uint32_t i = p->l.end; i > p->l.at; i--) {
        if (p->l.p[i - 1] != '}') continue;
        if (p->last_close == UINT32_MAX) p->last_close = i - 1;
        lex line = p->l;
        line.at = i - 1;
        while (line.at > p->l.at && line.p[line.at - 1] != '\n' && line.p[line.at - 1] != '\r') line.at--;
        uint32_t first = line.at;
        lex_blank(&line);
        if (line.at < line.end && line.p[line.at] == '}') {
            p->last_close_line = line.at;
            return;
        }
        i = first + 1;
    }
}

bool ast_parse(const schema_file *files, size_t files_n, bool keep_lines, const ast_memory *memory, diag_list *diags,
               ast_top **out, nicol_error *err)
{
    arena *tree = memory->tree, *keep = memory->keep;
    parser p = {.tree = tree, .nodes = tree, .keep = keep, .strings = keep, .diags = diags, .tail = out};
    if (!keep_lines) p.line = memory->line;
    buf_init(&p.decls, memory->m, NICOL_SCHEMA_FIELDS_MAX * sizeof(ast_decl));
    buf_init(&p.attrs, memory->m, NICOL_SCHEMA_FIELDS_MAX * sizeof(uint32_t));
    *out = NULL;
    for (size_t i = 0; i < files_n && !p.oom; i++) {
        p.comment_end = p.comment_end_from = 0;
        p.l = (lex){.p = files[i].text.ptr, .end = (uint32_t)files[i].text.len};
        p.file = (uint32_t)i;
        p.doc_fresh = false;
        lex_text(&p.l, S("\xEF\xBB\xBF"));
        find_closes(&p);
        parse_file(&p);
    }
    buf_free(&p.decls);
    buf_free(&p.attrs);
    return p.oom || arena_failed(tree) || arena_failed(keep) ? nicol_fail_oom(err) : true;
}

/* --- once more ---------------------------------------------------------------------------------------------------------- */

static parser reader(const schema_file *files, uint32_t file, uint32_t at, arena *tree, arena *keep, diag_list *mute)
{
    diag_init(mute, tree);
    nicol_str text = files[file].text;
    return (parser){.l = {.p = text.ptr, .at = at, .end = (uint32_t)text.len},
                    .file = file,
                    .tree = tree,
                    .nodes = tree,
                    .keep = keep,
                    .strings = keep,
                    .diags = mute};
}

void ast_decl_type(lex *l)
{
    nicol_str name;
    (void)lex_ident(l, &name);
    lex_blank(l);
}

bool ast_attrs_again(const schema_file *files, uint32_t file, uint32_t at, arena *tree, arena *keep, ast_attr **out)
{
    diag_list mute;
    parser p = reader(files, file, at, tree, keep, &mute);
    lex l = p.l;
    *out = NULL;
    if (lex_text(&l, S("@@"))) *out = parse_attr(&p, true);
    else parse_attrs(&p, out);
    return !p.oom;
}

bool ast_type_again(const schema_file *files, uint32_t file, const ast_decl *d, arena *tree, arena *keep,
                    ast_field *out)
{
    diag_list mute;
    bool good;
    parser p = reader(files, file, d->start, tree, keep, &mute);
    *out = (ast_field){0};
    ast_decl_type(&p.l);
    return parse_type(&p, out, &good) && !p.oom;
}

/* --- configuration ---------------------------------------------------------------------------------------------------- */

/* "name {" at the cursor, which moves to the end of that line only when it is there. */
static bool conf_open(parser *p, ast_ident *name)
{
    uint32_t from = p->l.at;
    if (lex_ident(&p->l, &name->name)) {
        name->at = span_from(p, from);
        lex_blank(&p->l);
        if (lex_char(&p->l, '{')) return true;
    }
    p->l.at = from;
    return false;
}

/* Nothing but a comment may follow on the line of a brace: what stood there would be lost. */
static void conf_line_rest(parser *p, const char *what)
{
    nicol_str none = {0};
    lex_blank(&p->l);
    uint32_t from = p->l.at;
    if (!parse_comment(p, &none)) lex_line(&p->l);
    if (p->l.at != from && p->l.p[from] != '/') diag_error(p->diags, span_from(p, from), "%s", what);
    lex_newline(&p->l);
}

/* A line of a block that is no setting. Text without its quotes is the mistake that one expects here. */
static void conf_bad_line(parser *p)
{
    uint32_t start = p->l.at;
    nicol_str name;
    bool setting = lex_ident(&p->l, &name);
    lex_blank(&p->l);
    setting = setting && lex_char(&p->l, '=');
    lex_blank(&p->l);
    uint32_t value = p->l.at;
    lex_line(&p->l);
    if (p->many || p->deep || !setting)
        report_line(p, start,
                    S("This line is not a setting. Write one a line, as in `name = \"value\"`; a block ends with `}` "
                      "on a line of its own."));
    else
        diag_error(p->diags, span_from(p, value),
                   "The value of `%.*s` cannot be read. Texts stand in double quotes: `%.*s = \"...\"`.", STR_FMT(name),
                   STR_FMT(name));
    lex_newline(&p->l);
}

/* The settings of a block, up to its "}". The next block, or the end of the file, ends it too, with a message. */
static void conf_lines(parser *p, block *b)
{
    ast_ident next = {0};
    while (!p->oom) {
        lex_blank(&p->l);
        uint32_t start = p->l.at;
        p->deep = p->many = false;
        if (lex_char(&p->l, '}')) {
            conf_line_rest(p, "Nothing may stand after `}` on its line: begin a new one.");
            return;
        }
        if (start >= p->l.end || conf_open(p, &next)) {
            p->l.at = start;
            diag_error(p->diags, b->top->at, "The block `%.*s` is not closed: write `}` after its last setting.",
                       STR_FMT(b->top->name.name));
            return;
        }
        if (parse_prop(p, b) || parse_comments(p) || parse_empty_lines(p)) continue;
        conf_bad_line(p);
    }
}

static bool parse_conf_block(parser *p)
{
    ast_ident name = {0};
    if (!conf_open(p, &name)) return false;
    conf_line_rest(p, "Settings begin on the line after `{`, one a line.");
    ast_top *t = NODE(p, ast_top);
    if (t == NULL) return true;
    t->kind = TOP_GENERATOR;
    t->name = name;
    t->at = name.at;
    *p->tail = t;
    p->tail = &t->next;
    block b = {.top = t, .items = &t->items, .props = &t->props};
    conf_lines(p, &b);
    return true;
}

bool ast_parse_conf(const schema_file *file, arena *tree, arena *keep, diag_list *diags, ast_top **out,
                    nicol_error *err)
{
    parser p = {.tree = tree, .nodes = tree, .keep = keep, .strings = keep, .diags = diags, .tail = out};
    *out = NULL;
    /* A last line without its end is a line all the same; the cursor needs one that it can see. */
    nicol_str text = file->text;
    if (text.len != 0 && text.ptr[text.len - 1] != '\n') {
        char *own = arena_alloc(keep, text.len + 1);
        if (own == NULL) return nicol_fail_oom(err);
        memcpy(own, text.ptr, text.len);
        own[text.len] = '\n';
        text = str_of(own, text.len + 1);
    }
    p.l = (lex){.p = text.ptr, .end = (uint32_t)text.len};
    lex_text(&p.l, S("\xEF\xBB\xBF"));
    while (!p.oom) {
        lex_blank(&p.l);
        uint32_t start = p.l.at;
        if (start >= p.l.end) break;
        if (parse_conf_block(&p) || parse_comments(&p) || parse_empty_lines(&p)) continue;
        lex_line(&p.l);
        diag_line(diags, span_from(&p, start),
                  S("This line belongs to no block. A block begins with its name, as in `server {`."));
        lex_newline(&p.l);
    }
    return p.oom || arena_failed(tree) || arena_failed(keep) ? nicol_fail_oom(err) : true;
}
