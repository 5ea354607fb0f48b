/* query/types.c - the typed description of the query language: see explain.c. */
#include "query/query_int.h"
