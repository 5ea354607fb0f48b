/* schema/ast_int.h - the syntax tree of the schema language, and the parser's interface.
 *
 * Every node has its span. Names and texts are slices of the source; only strings with escapes are decoded into the arena.
 *
 * A large schema is almost only fields, so of their lines no tree is kept, only where they stand (ast_decl): the type and
 * the attributes are read again from there when they are needed. For a formatter, blocks keep their lines in order (fields,
 * attributes, comments, blank lines, lines that could not be read), so that it can print the file back from this tree.
 */
#ifndef SCHEMA_AST_INT_H
#define SCHEMA_AST_INT_H

#include <stdarg.h>

#include "schema/schema.h"

typedef struct span {
    uint32_t file, start, end; /* byte offsets, end exclusive */
} span;

typedef struct ast_ident {
    nicol_str name;
    span at;
} ast_ident;

typedef enum NICOL_PACKED ast_expr_kind {
    EXPR_NUMBER,
    EXPR_STRING,
    EXPR_PATH,
    EXPR_CALL,
    EXPR_ARRAY,
    EXPR_OBJECT
} ast_expr_kind;

typedef struct ast_expr ast_expr;
typedef struct ast_arg ast_arg;

typedef struct ast_args {
    ast_arg *first; /* with a value, in order */
    ast_arg *empty; /* "name:" without one */
    span comma;     /* a trailing comma; end 0 when there is none */
    uint32_t n;
} ast_args;

struct ast_expr {
    nicol_str text;  /* number, decoded string, path, function's name */
    ast_args args;   /* EXPR_CALL; EXPR_OBJECT: its members */
    ast_expr *items; /* EXPR_ARRAY: the first of them */
    ast_expr *next;
    span at;
    ast_expr_kind kind;
};

struct ast_arg {
    ast_ident name; /* empty when unnamed */
    ast_expr *value;
    ast_arg *next;
    span at;
    bool used;
};

typedef struct ast_attr {
    ast_ident name; /* without @; "db.VarChar" in one piece */
    ast_args args;
    span at;
    uint32_t comment; /* @@attributes: where the comment on the line begins; 0: there is none */
    bool used;
    struct ast_attr *next;
} ast_attr;

/* A field's line while it is read, and as a formatter keeps it. */
typedef struct ast_field {
    ast_ident name;
    ast_ident type; /* of Unsupported("..."): the text in the quotes */
    ast_attr *attrs;
    nicol_str doc;
    span at;
    span type_at;
    uint32_t comment; /* where the comment on the line begins; 0: there is none */
    schema_arity arity;
    bool unsupported;
    bool list_optional; /* Type[]?, which is an error */
} ast_field;

/* What is kept of a field that was read. Its line is "name type attributes": what is not here is found by reading on from
 * `start`. Offsets in the block's file. */
typedef struct ast_decl {
    const nicol_str *doc; /* mostly NULL */
    uint32_t start;
    uint32_t attrs : 24; /* where they begin; 0: there are none */
    uint32_t arity : 2;  /* schema_arity */
    uint32_t unsupported : 1;
} ast_decl;

typedef struct ast_value {
    ast_ident name;
    ast_attr *attrs;
    nicol_str doc;
    span at;
    uint32_t comment;
    struct ast_value *next;
} ast_value;

typedef struct ast_prop {
    ast_ident name;
    ast_expr *value; /* NULL when it is missing */
    span at;
    uint32_t comment;
    struct ast_prop *next;
} ast_prop;

typedef enum ast_item_kind {
    ITEM_FIELD,
    ITEM_VALUE,
    ITEM_PROP,
    ITEM_ATTR,
    ITEM_COMMENT,
    ITEM_BLANK,
    ITEM_BAD
} ast_item_kind;

/* A line, or several of comments or blanks. Declarations that were refused are here too, unlike in the lists below. */
typedef struct ast_item {
    ast_item_kind kind;
    span at;
    void *node; /* ast_field, ast_value, ast_prop or ast_attr */
    struct ast_item *next;
} ast_item;

typedef enum ast_top_kind {
    TOP_MODEL,
    TOP_VIEW,
    TOP_TYPE,
    TOP_ENUM,
    TOP_DATASOURCE,
    TOP_GENERATOR,
    TOP_COMMENT,
    TOP_BLANK,
    TOP_BAD
} ast_top_kind;

typedef struct ast_top {
    ast_top_kind kind;
    ast_ident name;
    span at;
    nicol_str doc;
    ast_item *items;  /* all lines, in order, when they are kept */
    ast_decl *fields; /* models, views, types */
    size_t fields_n;
    ast_value *values; /* enums */
    size_t values_n;
    ast_prop *props; /* datasources, generators */
    uint32_t *attrs; /* where the block attributes begin */
    size_t attrs_n;
    struct ast_top *next;
} ast_top;

/* Diagnostics are gathered in a list and copied into one array at the end. */
typedef struct diag_node {
    schema_diag d;
    struct diag_node *next;
} diag_node;

typedef struct diag_list {
    arena *a;
    diag_node *first, **tail;
    size_t n, errors;
    bool full; /* SCHEMA_DIAGS_MAX was reached: the rest is not kept */
} diag_list;

#define SCHEMA_DIAGS_MAX 10000

void diag_init(diag_list *l, arena *a);
/* A printf'd error at `at`. */
void diag_error(diag_list *l, span at, const char *fmt, ...) NICOL_PRINTF(3, 4);
void diag_warn(diag_list *l, span at, const char *fmt, ...) NICOL_PRINTF(3, 4);
/* The error without a format: for the many that only say that a line is wrong. The text must outlive the list. */
void diag_line(diag_list *l, span at, nicol_str text);
void diag_error_va(diag_list *l, span at, const char *fmt, va_list args) NICOL_PRINTF(3, 0);
/* What to do about the diagnostic that was added last. */
void diag_help(diag_list *l, const char *fmt, ...) NICOL_PRINTF(2, 3);
bool diag_array(const diag_list *l, schema_diags *out);

/* --- characters (lex.c) ---------------------------------------------------------------------------------------------- */

/* A cursor over one file. Every function leaves `at` where it was when it does not match. */
typedef struct lex {
    const char *p;
    uint32_t at, end;
} lex;

bool lex_newline(lex *l);
static inline bool lex_char(lex *l, char c) /* this very character */
{
    if (l->at >= l->end || l->p[l->at] != c) return false;
    l->at++;
    return true;
}
static inline bool lex_text(lex *l, nicol_str text) /* not empty */
{
    if (l->end - l->at < text.len || l->p[l->at] != text.ptr[0] || memcmp(l->p + l->at, text.ptr, text.len) != 0)
        return false;
    l->at += (uint32_t)text.len;
    return true;
}
bool lex_blank_slow(lex *l);
static inline bool lex_blank(lex *l) /* skips blanks, tabs and other spaces; true when there were any */
{
    if (l->at >= l->end) return false;
    unsigned char c = (unsigned char)l->p[l->at];
    return c > ' ' && c < 0x80 ? false : lex_blank_slow(l);
}
bool lex_ident(lex *l, nicol_str *out);  /* a letter or digit, then these, _ and - */
bool is_letter(uint32_t c);              /* outside of ASCII (letters.c) */
bool lex_path(lex *l, nicol_str *out);   /* identifiers joined by dots */
bool lex_number(lex *l, nicol_str *out); /* -?digits[.digits] */
bool lex_string(lex *l, nicol_str *raw); /* with its quotes; raw is what is between them */
void lex_line(lex *l);                   /* up to the end of the line, without it */

/* Where the parser puts things. */
typedef struct ast_memory {
    arena *tree; /* the syntax tree */
    arena *keep; /* texts that outlive it: decoded strings, joined comments */
    arena *line; /* what is read of one line at a time */
    const mem *m;
} ast_memory;

/* Reads all files; keep_lines: with ast_top.items. False when memory ran out. */
bool ast_parse(const schema_file *files, size_t files_n, bool keep_lines, const ast_memory *memory, diag_list *diags,
               ast_top **out, nicol_error *err) NICOL_MUST_CHECK;

/* A part of a line, read again from its place: the attributes of a field from there on, or one of a block; a type. Nothing is reported a second time. Nodes go to `tree`, decoded strings to
 * `keep`. False when memory ran out. */
bool ast_attrs_again(const schema_file *files, uint32_t file, uint32_t at, arena *tree, arena *keep,
                     ast_attr **out) NICOL_MUST_CHECK;
/* Moves the cursor from a field's beginning to its type. */
void ast_decl_type(lex *l);
bool ast_type_again(const schema_file *files, uint32_t file, const ast_decl *d, arena *tree, arena *keep,
                    ast_field *out) NICOL_MUST_CHECK;

/* Reads the blocks of a configuration: each is an ast_top (TOP_GENERATOR, the kind that has properties) with its
 * properties; its `at` is that of its name. */
bool ast_parse_conf(const schema_file *file, arena *tree, arena *keep, diag_list *diags, ast_top **out,
                    nicol_error *err) NICOL_MUST_CHECK;

#endif
