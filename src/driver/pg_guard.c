/* driver/pg_guard.c - a look at a statement's text: what must not run, what leaves traces in the session, what only reads.
 *
 * The server itself takes one statement per text. Transactions belong to $transaction: a COMMIT from outside would make
 * the statements behind it permanent one by one. Settings, temporary tables, session locks and the like are allowed, but the
 * connection is cleaned (DISCARD ALL) before anybody else gets it. A function that changes settings inside is not seen.
 */
#include "driver/pg_int.h"

static bool is_word(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_';
}

/* Where the text begins behind blanks, comments and parentheses. */
static size_t skip_blank(nicol_str s, size_t i)
{
    unsigned depth = 0;
    while (i < s.len) {
        char ch = s.ptr[i], next = i + 1 < s.len ? s.ptr[i + 1] : '\0';
        if (depth) {
            bool open = ch == '/' && next == '*', end = ch == '*' && next == '/';
            depth += open;
            depth -= end;
            i += open || end ? 2 : 1;
        } else if (ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\f' || ch == '(' || ch == ';') {
            i++;
        } else if (ch == '-' && next == '-') {
            while (i < s.len && s.ptr[i] != '\n' && s.ptr[i] != '\r') i++;
        } else if (ch == '/' && next == '*') {
            depth = 1;
            i += 2;
        } else {
            break;
        }
    }
    return i;
}

static nicol_str word_at(nicol_str s, size_t *i)
{
    size_t from = *i = skip_blank(s, *i);
    while (*i < s.len && is_word(s.ptr[*i])) ++*i;
    return str_sub(s, from, *i);
}

static bool one_of(nicol_str w, const char *const *words)
{
    for (; *words; words++) {
        if (str_ieq(w, str_c(*words))) return true;
    }
    return false;
}

/* The first word from `from` on that is one of these, or begins with it; in quotes or not: better one cleaning too many.
 * *end: where it ends. */
static bool mentions_from(nicol_str s, const char *const *words, bool beginnings, size_t from, size_t *end)
{
    for (size_t i = from; i < s.len; i++) {
        if (!is_word(s.ptr[i]) || (i > 0 && is_word(s.ptr[i - 1]))) continue;
        for (*end = i; *end < s.len && is_word(s.ptr[*end]);) ++*end;
        nicol_str w = str_sub(s, i, *end);
        for (size_t k = 0; words[k]; k++) {
            nicol_str wanted = str_c(words[k]);
            if (str_ieq(beginnings ? str_sub(w, 0, wanted.len) : w, wanted)) return true;
        }
        i = *end;
    }
    return false;
}

static bool mentions(nicol_str s, const char *const *words, bool beginnings)
{
    size_t end;
    return mentions_from(s, words, beginnings, 0, &end);
}

/* set_config(..., true) is over with its transaction, and is what row level security is driven with. */
static bool sets_session(nicol_str s)
{
    static const char *const name[] = {"set_config", NULL};
    for (size_t i = 0; mentions_from(s, name, false, i, &i);) {
        unsigned depth = 0;
        size_t close = i;
        for (; close < s.len; close++) {
            depth += s.ptr[close] == '(';
            if (s.ptr[close] == ')' && --depth == 0) break;
        }
        nicol_str inside = str_trim(str_sub(s, i, close));
        if (inside.len < 5 || !str_ieq(str_sub(inside, inside.len - 4, inside.len), S("true"))) return true;
        if (is_word(inside.ptr[inside.len - 5])) return true;
    }
    return false;
}

static bool changes_session(nicol_str sql, nicol_str first, nicol_str second)
{
    static const char *const always[] = {"RESET", "LISTEN",  "UNLISTEN", "PREPARE", "DEALLOCATE", "DECLARE", "DISCARD",
                                         "LOAD",  "EXECUTE", "DO",       "CALL",    "CLOSE",      NULL};
    static const char *const local[] = {"LOCAL", "TRANSACTION", "CONSTRAINTS", NULL};
    static const char *const locks[] = {"pg_advisory_lock", "pg_try_advisory_lock", "dblink_connect", NULL};
    static const char *const temporary[] = {"TEMP", "TEMPORARY", NULL};
    static const char *const into[] = {"INTO", NULL};
    if (one_of(first, always) || (str_ieq(first, S("SET")) && !one_of(second, local))) return true;
    if (mentions(sql, locks, true) || sets_session(sql)) return true;
    return (str_ieq(first, S("CREATE")) || mentions(sql, into, false)) && mentions(sql, temporary, false);
}

pg_look pg_look_at(nicol_str sql)
{
    static const char *const transaction[] = {"BEGIN", "START",     "COMMIT",  "END", "ROLLBACK",
                                              "ABORT", "SAVEPOINT", "RELEASE", NULL};
    static const char *const reads[] = {"SELECT", "VALUES", "TABLE", "SHOW", NULL};
    static const char *const writes[] = {"INTO", "FOR", "nextval", "setval", NULL};
    size_t at = 0;
    nicol_str first = word_at(sql, &at), second = word_at(sql, &at);
    pg_look look = {0};
    if (one_of(first, transaction) || (str_ieq(first, S("PREPARE")) && str_ieq(second, S("TRANSACTION")))) {
        look.refused = "transactions are begun and ended with $transaction, not by statements of their own";
    } else if (str_ieq(first, S("COPY"))) {
        look.refused = "COPY moves rows outside of queries: use SELECT or INSERT";
    }
    look.session = changes_session(sql, first, second);
    look.read = one_of(first, reads) && !mentions(sql, writes, false);
    return look;
}
