/* driver/my_guard.c - a look at a statement's text: what must not run, what leaves traces in the session, what only reads.
 *
 * Prepared statements take one statement per text. Transactions belong to $transaction: a COMMIT from outside would make
 * the statements behind it permanent one by one. (Statements that change tables commit by themselves on this database;
 * nobody can keep them from it.) Settings, variables and locks are allowed, but the session is reset before anybody else
 * gets the connection.
 */
#include "driver/my_int.h"

static bool is_word(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_';
}

/* Behind the mark of a comment that the server runs as code: "!", "!50100", "M!", "M!100100". */
static bool runs(nicol_str s, size_t *i)
{
    size_t at = *i;
    if (at < s.len && s.ptr[at] == 'M') at++;
    if (at >= s.len || s.ptr[at] != '!') return false;
    for (at++; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';) at++;
    *i = at;
    return true;
}

/* Where the text begins behind blanks, comments and parentheses. */
static size_t skip_blank(nicol_str s, size_t i)
{
    while (i < s.len) {
        char ch = s.ptr[i], next = i + 1 < s.len ? s.ptr[i + 1] : '\0';
        if (ch == ' ' || (ch >= '\t' && ch <= '\r') || ch == '(' || ch == ';') {
            i++;
        } else if (ch == '#' || (ch == '-' && next == '-')) {
            while (i < s.len && s.ptr[i] != '\n') i++;
        } else if (ch == '/' && next == '*') {
            i += 2;
            if (runs(s, &i)) continue;
            size_t end = str_find(s, S("*/"), i);
            i = end == SIZE_MAX ? s.len : end + 2;
        } else if (ch == '*' && next == '/') {
            i += 2; /* the end of a comment that runs */
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

/* One of the words stands somewhere in the text, in quotes or not: better one reset too many. */
static bool mentions(nicol_str s, const char *const *words)
{
    for (size_t i = 0; i < s.len;) {
        size_t from = i;
        while (i < s.len && is_word(s.ptr[i])) i++;
        if (i > from && one_of(str_sub(s, from, i), words)) return true;
        if (i == from) i++;
    }
    return false;
}

static bool changes_session(nicol_str sql, nicol_str first, nicol_str second)
{
    static const char *const always[] = {"USE",     "LOCK", "UNLOCK",  "PREPARE", "EXECUTE", "DEALLOCATE",
                                         "HANDLER", "CALL", "DECLARE", "LOAD",    "DO",      NULL};
    static const char *const locks[] = {"GET_LOCK", "TEMPORARY", NULL};
    if (one_of(first, always) || (str_ieq(first, S("SET")) && !str_ieq(second, S("GLOBAL")))) return true;
    /* A user variable: @a := 1, SELECT ... INTO @a. */
    return mentions(sql, locks) || str_find_char(sql, '@', 0) != SIZE_MAX;
}

my_look my_look_at(nicol_str sql)
{
    static const char *const transaction[] = {"BEGIN",     "START",   "COMMIT", "ROLLBACK",
                                              "SAVEPOINT", "RELEASE", "XA",     NULL};
    static const char *const reads[] = {"SELECT", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", NULL};
    static const char *const writes[] = {"INTO",    "UPDATE",         "SHARE",    "NEXTVAL",         "SETVAL", "NEXT",
                                         "ANALYZE", "LAST_INSERT_ID", "GET_LOCK", "MASTER_POS_WAIT", NULL};
    size_t at = 0;
    nicol_str first = word_at(sql, &at), second = word_at(sql, &at);
    my_look look = {0};
    if (one_of(first, transaction))
        look.refused = "transactions are begun and ended with $transaction, not by statements of their own";
    look.session = changes_session(sql, first, second);
    look.read = one_of(first, reads) && !mentions(sql, writes);
    return look;
}
