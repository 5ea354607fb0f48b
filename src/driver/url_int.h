/* driver/url_int.h - database URLs of servers, taken apart: SCHEME://USER:PASSWORD@HOST:PORT/DATABASE?parameters. */
#ifndef DRIVER_URL_INT_H
#define DRIVER_URL_INT_H

#include "driver/driver.h"

/* The parts as they stand in the URL, percent-encoded. */
typedef struct url_parts {
    nicol_str who; /* USER:PASSWORD */
    bool has_who;
    nicol_str where; /* HOST:PORT */
    nicol_str database;
    nicol_str query; /* name=value&name=value */
} url_parts;

/* form: how such a URL is written, for the error; so in all of these. */
bool url_split(nicol_str url, const char *form, url_parts *out, nicol_error *err) NICOL_MUST_CHECK;
/* Percent-decoded copy with a NUL behind it; NULL: *err. */
const char *url_decoded(arena *a, nicol_str s, const char *form, nicol_error *err);
bool url_wrong(nicol_error *err, const char *form, const char *what); /* false */

#endif
