/* schema/format_int.h - what the parts of the formatter share. */
#ifndef SCHEMA_FORMAT_INT_H
#define SCHEMA_FORMAT_INT_H

#include "schema/schema_int.h"

/* Writes the texts of all files, one after the other, laid out; ends[i] is where the i-th ends in `out`. */
void layout_files(const schema_file *files, size_t files_n, const ast_top *tops, buf *out, size_t *ends);

/* What the relations of a schema lack - back relations, foreign keys, arguments of @relation - as texts to be inserted. */
typedef struct missing_bit {
    uint32_t file, at;
    uint32_t order; /* bits of one place come in the order in which they were found */
    nicol_str text;
} missing_bit;

typedef struct missing_list {
    missing_bit *v;
    size_t n, cap;
} missing_list;

/* Relations must have been inferred. Sorted by place. The texts are in c->t. */
bool missing_find(sc_ctx *c, missing_list *out, nicol_error *err) NICOL_MUST_CHECK;

/* "BlogPost" to "blogPost", as the reference spells names of fields; and its plural. */
void words_camel(nicol_str name, buf *out);
void words_plural(nicol_str word, buf *out);

#endif
