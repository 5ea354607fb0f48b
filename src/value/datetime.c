/* value/datetime.c - instants as Unix milliseconds, read from the spellings that requests, plans and files use.
 *
 * Our own reader instead of strptime: that one depends on the locale and the time zone of the host program, accepts
 * too much, and knows no fractions. Days are counted with the era method (400 Gregorian years are 146,097 days).
 */
#include "value/value.h"

#define MS_PER_DAY 86400000LL

/* Days from 1970-01-01 to year-month-day, proleptic Gregorian. */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year; /* years start in March, so that the leap day is last */
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_of(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* Takes exactly n digits off *s. */
static bool take_digits(nicol_str *s, size_t n, int *out)
{
    if (s->len < n) return false;
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9') return false;
        v = v * 10 + (s->ptr[i] - '0');
    }
    *s = (nicol_str){s->ptr + n, s->len - n};
    *out = v;
    return true;
}

static bool take_char(nicol_str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c) return false;
    *s = (nicol_str){s->ptr + 1, s->len - 1};
    return true;
}

static bool take_date(nicol_str *s, int64_t *days)
{
    int year, month, day;
    bool minus = s->len > 0 && s->ptr[0] == '-';
    if (minus || (s->len > 0 && s->ptr[0] == '+')) {
        *s = (nicol_str){s->ptr + 1, s->len - 1};
        if (!take_digits(s, 6, &year) || (minus && year == 0)) return false;
        if (minus) year = -year;
    } else if (!take_digits(s, 4, &year)) {
        return false;
    }
    if (!take_char(s, '-') || !take_digits(s, 2, &month) || !take_char(s, '-') || !take_digits(s, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
    *days = days_of(year, month, day);
    return true;
}

/* HH:MM[:SS[.fraction]]; strict wants the seconds. */
static bool take_time(nicol_str *s, bool strict, int64_t *ms)
{
    int h, m, sec = 0, milli = 0;
    if (!take_digits(s, 2, &h) || !take_char(s, ':') || !take_digits(s, 2, &m)) return false;
    if (take_char(s, ':')) {
        if (!take_digits(s, 2, &sec)) return false;
        if (take_char(s, '.')) {
            int digit, n = 0;
            for (; take_digits(s, 1, &digit); n++) {
                if (n < 3) milli = milli * 10 + digit;
            }
            if (n == 0) return false;
            for (; n < 3; n++) milli *= 10;
        }
    } else if (strict) {
        return false;
    }
    if (h > 23 || m > 59 || sec > 59) return false;
    *ms = ((h * 60LL + m) * 60 + sec) * 1000 + milli;
    return true;
}

/* Z, +hh:mm, and unless strict +hhmm, +hh or nothing. */
static bool take_zone(nicol_str *s, bool strict, int64_t *offset_ms)
{
    *offset_ms = 0;
    if (take_char(s, 'Z') || take_char(s, 'z')) return true;
    if (s->len == 0) return !strict;
    bool minus = take_char(s, '-');
    if (!minus && !take_char(s, '+')) return false;
    int h, m = 0;
    if (!take_digits(s, 2, &h)) return false;
    bool colon = take_char(s, ':');
    if (strict && !colon) return false;
    if ((colon || s->len > 0) && !take_digits(s, 2, &m)) return false;
    if (h > 23 || m > 59) return false;
    int64_t ms = (h * 60LL + m) * 60000;
    *offset_ms = minus ? -ms : ms;
    return true;
}

static bool take_separator(nicol_str *s)
{
    return take_char(s, 'T') || take_char(s, 't') || take_char(s, ' ');
}

bool datetime_parse(nicol_str s, int64_t *unix_ms)
{
    int64_t days = 0, ms = 0, offset = 0;
    bool time_alone = s.len > 2 && s.ptr[2] == ':';
    if (!time_alone) {
        if (!take_date(&s, &days)) return false;
        if (s.len == 0) {
            *unix_ms = days * MS_PER_DAY;
            return true;
        }
        if (!take_separator(&s)) return false;
    }
    if (!take_time(&s, false, &ms)) return false;
    take_char(&s, ' '); /* "12:00:00 +02" */
    if (!take_zone(&s, false, &offset) || s.len != 0) return false;
    *unix_ms = days * MS_PER_DAY + ms - offset;
    return true;
}

bool datetime_parse_rfc3339(nicol_str s, int64_t *unix_ms)
{
    int64_t days, ms, offset;
    if (!take_date(&s, &days) || !take_separator(&s) || !take_time(&s, true, &ms) || !take_zone(&s, true, &offset) ||
        s.len != 0)
        return false;
    *unix_ms = days * MS_PER_DAY + ms - offset;
    return true;
}

static char *put_padded(char *out, uint64_t v, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + v % 10);
        v /= 10;
    }
    return out + digits;
}

/* Everything up to the milliseconds. Years that six digits can't hold (our readers never make them) are clamped. */
static char *put_datetime(char *out, int64_t unix_ms)
{
    const int64_t max = 31556889864403199LL * 10; /* far past year 999999, so that the clamp below decides */
    if (unix_ms > max) unix_ms = max;
    if (unix_ms < -max) unix_ms = -max;
    int64_t days = unix_ms / MS_PER_DAY, ms = unix_ms % MS_PER_DAY, year;
    if (ms < 0) {
        ms += MS_PER_DAY;
        days--;
    }
    int month, day;
    civil_of(days, &year, &month, &day);
    if (year > 999999) year = 999999;
    if (year < -999999) year = -999999;
    if (year < 0 || year > 9999) {
        *out++ = year < 0 ? '-' : '+';
        out = put_padded(out, (uint64_t)(year < 0 ? -year : year), 6);
    } else {
        out = put_padded(out, (uint64_t)year, 4);
    }
    *out++ = '-';
    out = put_padded(out, (uint64_t)month, 2);
    *out++ = '-';
    out = put_padded(out, (uint64_t)day, 2);
    *out++ = 'T';
    out = put_padded(out, (uint64_t)(ms / 3600000), 2);
    *out++ = ':';
    out = put_padded(out, (uint64_t)(ms / 60000 % 60), 2);
    *out++ = ':';
    out = put_padded(out, (uint64_t)(ms / 1000 % 60), 2);
    *out++ = '.';
    return put_padded(out, (uint64_t)(ms % 1000), 3);
}

size_t datetime_format(char out[32], int64_t unix_ms)
{
    char *end = put_datetime(out, unix_ms);
    *end++ = 'Z';
    return (size_t)(end - out);
}

size_t datetime_format_offset(char out[40], int64_t unix_ms)
{
    char *end = put_datetime(out, unix_ms);
    memcpy(end, "+00:00", 6);
    return (size_t)(end - out) + 6;
}
