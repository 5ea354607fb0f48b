/* Log lines: both forms, nothing forges a line, cutting, levels. */
#include "base/log.h"

#include <math.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "tap.h"

static int fds[2];
static char got[8192];

static int64_t fixed(void *ctx)
{
    (void)ctx;
    return 1763768700123;
}

static nicol_str line(void)
{
    ssize_t n = read(fds[0], got, sizeof got);
    return (nicol_str){got, n > 0 ? (size_t)n : 0};
}

static void test_json(void)
{
    log_setup(fds[1], LOG_FORMAT_JSON, LOG_INFO);
    LOG(LOG_INFO, "ready", S(""));
    is_strz(line(), "{\"ts\":\"2025-11-21T23:45:00.123Z\",\"level\":\"info\",\"event\":\"ready\"}\n");
    LOG(LOG_WARN, "request", S("r-1"), LOG_S("path", S("/a b")), LOG_I("status", -5), LOG_B("ok", true),
        LOG_F("ms", 1.5), LOG_F("nan", (double)NAN));
    is_strz(line(),
            "{\"ts\":\"2025-11-21T23:45:00.123Z\",\"level\":\"warn\",\"event\":\"request\",\"request_id\":\"r-1\","
            "\"path\":\"/a b\",\"status\":-5,\"ok\":true,\"ms\":1.5,\"nan\":null}\n");
    LOG(LOG_ERROR, "x", S(""), LOG_S("v", ((nicol_str){"\"\\\n\t\0\x1b[31m\xff\xc3\xa4\xc2\x9b\x7f\xe2\x82", 18})));
    is_strz(line(),
            "{\"ts\":\"2025-11-21T23:45:00.123Z\",\"level\":\"error\",\"event\":\"x\",\"v\":\"\\\"\\\\\\n\\u0009\\u0000"
            "\\u001b[31m\\ufffd\xc3\xa4\\u009b\\u007f\\ufffd\\ufffd\"}\n");
}

static void test_text(void)
{
    log_setup(fds[1], LOG_FORMAT_TEXT, LOG_DEBUG);
    LOG(LOG_DEBUG, "request", S("r-1"), LOG_S("path", S("/a")), LOG_S("q", S("a b")), LOG_S("e", S("")),
        LOG_S("n", S("x\n2025 ERROR forged")), LOG_I("status", 200));
    is_strz(line(), "2025-11-21 23:45:00.123 DEBUG request request_id=r-1 path=/a q=\"a b\" e=\"\" "
                    "n=\"x\\n2025 ERROR forged\" status=200\n");
}

static void test_cut(void)
{
    static char big[10000];
    for (size_t i = 0; i + 1 < sizeof big; i += 2) memcpy(big + i, "\xc3\xa4", 2);
    for (int json = 0; json < 2; json++) {
        log_setup(fds[1], json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT, LOG_INFO);
        bool good = true;
        for (size_t n = 3900; n < 4200; n++) {
            LOG(LOG_INFO, "e", S(""), LOG_S("v", ((nicol_str){big, n & ~(size_t)1})), LOG_I("last", 7));
            nicol_str l = line();
            bool cut = str_find(l, S("cut"), 0) != SIZE_MAX, last = str_find(l, S("last"), 0) != SIZE_MAX;
            good = good && l.len <= 4096 && l.ptr[l.len - 1] == '\n' && cut != last && str_utf8_bad(l) == SIZE_MAX &&
                   (!json || str_ends(l, cut ? S(",\"cut\":true}\n") : S(",\"last\":7}\n")));
        }
        ok(good, "%s lines of every length around the limit", json ? "json" : "text");
    }
    nicol_str huge = {big, sizeof big};
    log_setup(fds[1], LOG_FORMAT_JSON, LOG_INFO);
    LOG(LOG_INFO, "e", huge, LOG_S("v", huge));
    nicol_str l = line();
    ok(str_ends(l, S("...\",\"cut\":true}\n")) && l.len <= 4096, "a request id that fills the line");
}

static void test_levels(void)
{
    log_setup(fds[1], LOG_FORMAT_TEXT, LOG_WARN);
    ok(!log_wants(LOG_INFO) && log_wants(LOG_WARN) && log_wants(LOG_ERROR));
    LOG(LOG_INFO, "hidden", S(""));
    LOG(LOG_WARN, "seen", S(""));
    ok(str_find(line(), S("seen"), 0) != SIZE_MAX);
    log_setup(-1, LOG_FORMAT_TEXT, LOG_DEBUG);
    ok(!log_wants(LOG_ERROR), "off");
    log_event(LOG_ERROR, "off", S(""), NULL);
    log_setup(9999, LOG_FORMAT_TEXT, LOG_DEBUG);
    LOG(LOG_ERROR, "nowhere", S(""));
    pass("a log that can't be written stops nothing");
}

int main(void)
{
    if (pipe(fds) != 0) return 1;
    clock_set(&(clock_src){fixed, fixed, NULL});
    test_json();
    test_text();
    test_cut();
    test_levels();
    return done_testing();
}
