/* query/explain.c - what is wrong with a request: see query_int.h. */
#include "query/query_int.h"

void query_explain(const schema *s, query_action action, const schema_model *m, json_val args, json_val sel, arena *a,
                   nicol_error *err)
{
    (void)s, (void)m, (void)sel, (void)a, (void)args, (void)action;
    (void)nicol_fail(err, NICOL_E_QUERY_INVALID, NULL);
}
