/* Counted strings: searching, cutting, numbers, UTF-8. */
#include "base/str.h"

#include "tap.h"

int main(void)
{
    ok(str_cmp(S("a"), S("b")) < 0);
    return done_testing();
}
