/* schema/lex.c - the characters of the schema language.
 *
 * The language is read line by line: blanks never include line ends, and a line that does not fit its rule is reported
 * whole. So there is no token stream; the parser tries a rule at a cursor and steps back within the line when it fails.
 */
#include "schema/ast_int.h"

/* Length of a Unicode space separator (category Zs) or tab at p, 0 when there is none. */
static uint32_t space_len(const lex *l)
{
    const unsigned char *p = (const unsigned char *)l->p + l->at;
    uint32_t left = l->end - l->at;
    if (left == 0) return 0;
    if (p[0] == ' ' || p[0] == '\t') return 1;
    if (p[0] < 0x80) return 0;
    if (left >= 2 && p[0] == 0xC2 && p[1] == 0xA0) return 2;
    if (left < 3) return 0;
    if (p[0] == 0xE1) return p[1] == 0x9A && p[2] == 0x80 ? 3 : 0;
    if (p[0] == 0xE2 && p[1] == 0x80) return (p[2] >= 0x80 && p[2] <= 0x8A) || p[2] == 0xAF ? 3 : 0;
    if (p[0] == 0xE2 && p[1] == 0x81) return p[2] == 0x9F ? 3 : 0;
    return p[0] == 0xE3 && p[1] == 0x80 && p[2] == 0x80 ? 3 : 0;
}

bool lex_blank_slow(lex *l)
{
    uint32_t from = l->at;
    for (uint32_t n; (n = space_len(l)) != 0;) l->at += n;
    return l->at != from;
}

bool lex_newline(lex *l)
{
    if (l->at >= l->end) return false;
    if (l->p[l->at] == '\n') {
        l->at++;
        return true;
    }
    if (l->p[l->at] != '\r') return false;
    l->at++;
    if (l->at < l->end && l->p[l->at] == '\n') l->at++;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What a character may be in an identifier: more than half of a schema's text is made of them. */
enum { FIRST = 1, LATER = 2 };
static const uint8_t IDENT[256] = {['0' ... '9'] = FIRST | LATER,
                                   ['A' ... 'Z'] = FIRST | LATER,
                                   ['a' ... 'z'] = FIRST | LATER,
                                   ['_'] = LATER,
                                   ['-'] = LATER};

/* Length of the letter at byte i, 0 when there is none. Outside of ASCII the text is known to be valid UTF-8, or the name
 * ends: what is no whole character is no letter. */
static uint32_t letter_len(const lex *l, uint32_t i)
{
    const unsigned char *p = (const unsigned char *)l->p + i;
    uint32_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : p[0] >= 0xC2 ? 2 : 0, c = p[0] & (0xFFu >> (n + 1));
    if (n == 0 || l->end - i < n) return 0;
    for (uint32_t k = 1; k < n; k++) c = c << 6 | (p[k] & 0x3Fu);
    return is_letter(c) ? n : 0;
}

bool lex_ident(lex *l, nicol_str *out)
{
    const unsigned char *p = (const unsigned char *)l->p;
    uint32_t i = l->at, end = l->end, n;
    if (i >= end) return false;
    n = (IDENT[p[i]] & FIRST) != 0 ? 1 : p[i] >= 0x80 ? letter_len(l, i) : 0;
    if (n == 0) return false;
    do {
        i += n;
        while (i < end && IDENT[p[i]] != 0) i++;
        n = i < end && p[i] >= 0x80 ? letter_len(l, i) : 0;
    } while (n != 0);
    *out = str_of(l->p + l->at, i - l->at);
    l->at = i;
    return true;
}

bool lex_path(lex *l, nicol_str *out)
{
    uint32_t from = l->at;
    nicol_str part;
    if (!lex_ident(l, &part)) return false;
    while (lex_char(l, '.')) {
        if (!lex_ident(l, &part)) continue; /* "a..b" and "a." are paths too; nothing is called so */
    }
    *out = str_of(l->p + from, l->at - from);
    return true;
}

bool lex_number(lex *l, nicol_str *out)
{
    uint32_t i = l->at;
    if (i < l->end && l->p[i] == '-') i++;
    uint32_t digits = i;
    while (i < l->end && is_digit(l->p[i])) i++;
    if (i == digits) return false;
    if (i + 1 < l->end && l->p[i] == '.' && is_digit(l->p[i + 1])) {
        i++;
        while (i < l->end && is_digit(l->p[i])) i++;
    }
    *out = str_of(l->p + l->at, i - l->at);
    l->at = i;
    return true;
}

bool lex_string(lex *l, nicol_str *raw)
{
    uint32_t i = l->at;
    if (i >= l->end || l->p[i] != '"') return false;
    for (i++; i < l->end; i++) {
        unsigned char c = (unsigned char)l->p[i];
        if (c == '"') {
            *raw = str_of(l->p + l->at + 1, i - l->at - 1);
            l->at = i + 1;
            return true;
        }
        /* An escaped line end would let a string swallow the block's end, so it ends the string instead. */
        if (c == '\\' && i + 1 < l->end && l->p[i + 1] != '\n' && l->p[i + 1] != '\r') {
            i++;
            continue;
        }
        if (c < 0x20) return false;
    }
    return false;
}

void lex_line(lex *l)
{
    while (l->at < l->end && l->p[l->at] != '\n' && l->p[l->at] != '\r') l->at++;
}
