/* base/log.h - one line per event, as JSON ({"ts","level","event","request_id",...}) or as text for people.
 *
 * A line is built on the stack (bounded, cut with a mark when longer) and written with one write() to the sink.
 * Thread-safe. Values are escaped; nothing from outside can forge a line.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "nicol/types.h"

typedef enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR } log_level;
typedef enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT } log_format;

typedef enum log_kind { LOG_END, LOG_STR, LOG_I64, LOG_BOOL, LOG_F64 } log_kind;
typedef struct log_field {
    const char *name; /* a literal */
    log_kind kind;
    nicol_str s;
    int64_t i;
    double f;
} log_field;
#define LOG_S(name_, str_) ((log_field){.name = (name_), .kind = LOG_STR, .s = (str_)})
#define LOG_I(name_, int_) ((log_field){.name = (name_), .kind = LOG_I64, .i = (int_)})
#define LOG_B(name_, bool_) ((log_field){.name = (name_), .kind = LOG_BOOL, .i = (bool_)})
#define LOG_F(name_, dbl_) ((log_field){.name = (name_), .kind = LOG_F64, .f = (dbl_)})

/* Where lines go and from which level on. fd -1 switches logging off. Default: text, warnings and errors, fd 2. */
void log_setup(int fd, log_format format, log_level least);
bool log_wants(log_level level);
/* event: a literal such as "request". request_id may be empty. fields: ends with an entry whose kind is LOG_END. */
void log_event(log_level level, const char *event, nicol_str request_id, const log_field *fields);
#define LOG(level, event, request_id, ...)    \
    log_event((level), (event), (request_id), \
              (const log_field[]){__VA_ARGS__ __VA_OPT__(, )(log_field){.kind = LOG_END}})

#endif
