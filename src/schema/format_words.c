/* schema/format_words.c - names of fields that the formatter makes: camel case and English plurals.
 *
 * The reference names a back relation after its model in the plural, and tools that were fed with its files expect the
 * same. The rules are ordinary English: endings, a few irregular words, and words without a plural.
 */
#include "schema/format_int.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* A capital starts a word after a small letter, and any letter does after a separator or a digit; `last` is the letter
 * that went before, outside of word beginnings, so that "HTTPServer" is "httpserver" here as it is there. */
void words_camel(nicol_str name, buf *out)
{
    bool begin = false, any = false;
    char last = ' ';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (is_digit(c)) {
            buf_char(out, c);
            begin = any = true;
        } else if (!is_lower(c) && !is_upper(c)) {
            begin = any;
        } else if (begin || (is_lower(last) && is_upper(c))) {
            buf_char(out, is_lower(c) ? (char)(c - 32) : c);
            begin = false;
            any = true;
        } else {
            buf_char(out, is_upper(c) ? (char)(c + 32) : c);
            last = c;
            any = true;
        }
    }
}

/* Words without a plural, each between blanks. */
static const char UNCOUNTABLE[] =
    " accommodation advertising advice aggression aid air aircraft alcohol anger applause arithmetic assistance "
    "athletics bacon baggage beef biology blood botany bread butter carbon cardboard cash chalk chaos chess crossroads "
    "countryside dancing deer dignity dirt dust economics education electricity engineering enjoyment envy equipment "
    "ethics evidence evolution fame fiction flour flu food fuel fun furniture gallows garbage garlic genetics gold "
    "golf gossip grammar gratitude grief guilt gymnastics happiness hardware harm hate hatred health heat help "
    "homework honesty honey hospitality housework humour hunger hydrogen ice importance inflation information "
    "innocence iron irony jam jewelry judo karate knowledge lack laughter lava leather leisure lightning linguine "
    "linguini linguistics literature litter livestock logic loneliness luck luggage macaroni machinery magic "
    "management mankind marble mathematics mayonnaise measles methane milk money mud music mumps nature news "
    "nitrogen nonsense nurture nutrition obedience obesity oxygen pasta patience physics poetry pollution poverty "
    "pride psychology publicity punctuation quartz racism relaxation reliability research respect revenge rice "
    "rubbish rum safety scenery seafood seaside series shame sheep shopping sleep smoke smoking snow soap software "
    "soil spaghetti species steam stuff stupidity sunshine symmetry tennis thirst thunder timber traffic "
    "transportation trust underwear unemployment unity validity veal vegetation vegetarianism vengeance violence "
    "vitality warmth wealth weather wheat wildlife wisdom yoga zinc zoology ";

static bool is_uncountable(nicol_str w)
{
    nicol_str list = str_of(UNCOUNTABLE, sizeof(UNCOUNTABLE) - 1);
    for (size_t at = 0; w.len > 0 && w.len < 32 && (at = str_find(list, w, at)) != SIZE_MAX; at++)
        if (list.ptr[at - 1] == ' ' && list.ptr[at + w.len] == ' ') return true;
    return false;
}

static const struct {
    nicol_str one, many;
} IRREGULAR[] = {
    {NICOL_STR("ox"), NICOL_STR("oxen")},     {NICOL_STR("man"), NICOL_STR("men")},
    {NICOL_STR("woman"), NICOL_STR("women")}, {NICOL_STR("die"), NICOL_STR("dice")},
    {NICOL_STR("yes"), NICOL_STR("yeses")},   {NICOL_STR("foot"), NICOL_STR("feet")},
    {NICOL_STR("eave"), NICOL_STR("eaves")},  {NICOL_STR("goose"), NICOL_STR("geese")},
    {NICOL_STR("tooth"), NICOL_STR("teeth")}, {NICOL_STR("quiz"), NICOL_STR("quizzes")},
};

/* A word whose end is one of `ends` after one of `stems` (alternatives are separated by "|"; [ab] is one of these letters,
 * [^ab] any other): that end becomes `many`. The first row that fits is taken, so the special come before the general. */
static const struct {
    const char *stems, *ends, *many;
} RULES[] = {
    {"eaux", "", ""},
    {"child", "ren|", "ren"},
    {"pe", "rson|ople", "ople"},
    {"m|l", "ice|ouse", "ice"},
    {"matr|cod|mur|sil|vert|ind|append", "ix|ex", "ices"},
    {"x|ch|ss|sh|zz", "", "es"},
    {"[^ch][ieo][ln]", "ey", "ies"},
    {"[^aeiouy]|qu", "y", "ies"},
    {"kni|wi|li", "fe", "ves"},
    {"ar|l|ea|eo|oa|hoo", "f", "ves"},
    {"", "sis", "ses"},
    {"apheli|hyperbat|periheli|asyndet|noumen|phenomen|criteri|organ|prolegomen|hedr|automat", "a|on", "a"},
    {"agend|addend|millenni|dat|extrem|bacteri|desiderat|strat|candelabr|errat|ov|symposi|curricul|automat|quor",
     "a|um", "a"},
    {"her|at|gr", "o", "oes"},
    {"seraph|cherub", "im|", "im"},
    {"alumn|alg|vertebr", "ae|a", "ae"},
    {"alumn|syllab|octop|vir|radi|nucle|fung|cact|stimul|termin|bacill|foc|uter|loc|strat", "us|i", "i"},
    {"[^l]ias|[aeiou]las|[emjzr]as|[iu]am", "", ""},
    {"e[mn]u", "s|", "s"},
    {"alias|[^aou]us|tlas|gas|ris", "", "es"},
    {"ax|test", "is", "es"},
    {"[^aeiou]ese", "", ""},
    {"s", "", ""},
    {"", "", "s"},
};

/* One letter of a pattern, which is moved past it, against c. */
static bool letter_fits(nicol_str *pattern, char c)
{
    char first = pattern->ptr[0];
    if (first != '[') {
        *pattern = str_sub(*pattern, 1, pattern->len);
        return first == c;
    }
    size_t close = str_find_char(*pattern, ']', 0);
    nicol_str set = str_sub(*pattern, 1, close);
    bool other = str_starts(set, S("^"));
    *pattern = str_sub(*pattern, close + 1, pattern->len);
    return (str_find_char(str_sub(set, other, set.len), c, 0) != SIZE_MAX) != other;
}

static size_t letters_of(nicol_str pattern)
{
    size_t n = 0;
    bool in_set = false;
    for (size_t i = 0; i < pattern.len; i++) {
        n += !in_set;
        if (pattern.ptr[i] == '[') in_set = true;
        if (pattern.ptr[i] == ']') in_set = false;
    }
    return n;
}

static bool ends_like(nicol_str w, nicol_str pattern)
{
    size_t n = letters_of(pattern);
    if (n > w.len) return false;
    for (size_t i = w.len - n; i < w.len; i++)
        if (!letter_fits(&pattern, w.ptr[i])) return false;
    return true;
}

static bool ends_like_any(nicol_str w, nicol_str patterns)
{
    for (;;) {
        if (ends_like(w, str_cut(&patterns, '|'))) return true;
        if (patterns.len == 0) return false;
    }
}

/* The word without its end, when one of the row's ends is there after one of its stems. */
static bool rule_fits(size_t row, nicol_str w, nicol_str *stem)
{
    for (nicol_str ends = str_c(RULES[row].ends);;) {
        bool more = str_find_char(ends, '|', 0) != SIZE_MAX;
        nicol_str end = str_cut(&ends, '|');
        *stem = str_sub(w, 0, w.len - (str_ends(w, end) ? end.len : 0));
        if (str_ends(w, end) && ends_like_any(*stem, str_c(RULES[row].stems))) return true;
        if (!more) return false;
    }
}

void words_plural(nicol_str w, buf *out)
{
    if (is_uncountable(w)) {
        buf_str(out, w);
        return;
    }
    for (size_t i = 0; i < sizeof(IRREGULAR) / sizeof(IRREGULAR[0]); i++) {
        if (!str_eq(w, IRREGULAR[i].one)) continue;
        buf_str(out, IRREGULAR[i].many);
        return;
    }
    for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
        nicol_str stem;
        if (!rule_fits(i, w, &stem)) continue;
        buf_str(out, stem);
        buf_str(out, str_c(RULES[i].many));
        return;
    }
}
