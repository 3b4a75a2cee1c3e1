/* The SSE decoder: what a stream means, the same for every place at which it may be cut. */
#include "net/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Events written down as text: "type|data|id|retry" each, '!' in front when there was no data
 * field. */
struct record {
    char text[4096];
    size_t length;
    int count, stop_after;
};

static bool on_event(void *context, const struct sse_event *event)
{
    struct record *record = context;
    record->length +=
        (size_t)snprintf(record->text + record->length, sizeof record->text - record->length,
                         "%s%s|%.*s|%s|%ld\n", event->has_data ? "" : "!", event->type,
                         (int)event->length, event->data, event->id, event->retry_ms);
    assert_true(record->length < sizeof record->text);
    return ++record->count != record->stop_after;
}

static const struct {
    const char *stream, *events;
} cases[] = {
    {"data: hello\n\n", "message|hello||-1\n"},
    {"data:hello\r\n\r\n", "message|hello||-1\n"},
    {"data: hello\r\r", "message|hello||-1\n"},
    {"\xef\xbb\xbf"
     "data: a\n\n",
     "message|a||-1\n"},
    {"data: \xef\xbb\xbf\n\n", "message|\xef\xbb\xbf||-1\n"},
    {"event: message\ndata: {\"x\":1}\n\n", "message|{\"x\":1}||-1\n"},
    {"event: endpoint\ndata: /messages?id=1\n\ndata: x\n\n",
     "endpoint|/messages?id=1||-1\nmessage|x||-1\n"},
    {"data: a\ndata:  b\ndata:c\n\n", "message|a\n b\nc||-1\n"},
    {"data\n\n", "message|||-1\n"},
    {"data\ndata\n\n", "message|\n||-1\n"},
    {"data:\r\ndata:\r\n\r\n", "message|\n||-1\n"},
    {"id: 1\ndata:\n\n", "message||1|-1\n"}, /* a priming event */
    {"id: 7\ndata: x\n\ndata: y\n\n", "message|x|7|-1\nmessage|y|7|-1\n"},
    {"id: 7\ndata: x\n\nid\ndata: y\n\n", "message|x|7|-1\nmessage|y||-1\n"},
    {"id: 3\nretry: 1500\n\n", "!message||3|1500\n"},
    {"retry: 25\n\n", "!message|||25\n"},
    {"retry: soon\n\ndata: a\nretry: 5x\n\n", "message|a||-1\n"},
    {": comment\n\n: another\r\ndata: a\n:in between\ndata: b\n\n", "message|a\nb||-1\n"},
    {"event: x\n\ndata: a\n\n", "message|a||-1\n"},
    {"unknown: 1\nDATA: no\ndata : no\n\n", ""},
    {"\n\n\r\n\r\r\n", ""},
    {"data: unfinished\n", ""},
    {"data: unfinished", ""},
    {"data: a\n\ndata: b", "message|a||-1\n"},
    {"data: a\n\r\ndata: b\r\n\n", "message|a||-1\nmessage|b||-1\n"},
    {"data: a:b: c\n\n", "message|a:b: c||-1\n"},
};

/* A copy of exactly the bytes, so that a sanitizer sees a read beyond them. */
static int feed(struct sse_decoder *decoder, const char *bytes, size_t length,
                struct record *record)
{
    char *copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    int result = sse_decoder_feed(decoder, copy, length, on_event, record);
    free(copy);
    return result;
}

static void check(size_t i, const struct record *record)
{
    if (strcmp(record->text, cases[i].events) != 0)
        fail_msg("stream %zu '%s': got '%s', expected '%s'", i, cases[i].stream, record->text,
                 cases[i].events);
}

static void whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sse_decoder decoder;
        struct record record = {.length = 0};
        sse_decoder_init(&decoder, 1000);
        assert_int_equal(feed(&decoder, cases[i].stream, strlen(cases[i].stream), &record), 0);
        check(i, &record);
        sse_decoder_free(&decoder);
    }
}

static void cut_at_every_two_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = strlen(cases[i].stream);
        for (size_t a = 0; a <= length; a++)
            for (size_t b = a; b <= length; b++) {
                struct sse_decoder decoder;
                struct record record = {.length = 0};
                sse_decoder_init(&decoder, 1000);
                assert_int_equal(feed(&decoder, cases[i].stream, a, &record), 0);
                assert_int_equal(feed(&decoder, cases[i].stream + a, b - a, &record), 0);
                assert_int_equal(feed(&decoder, cases[i].stream + b, length - b, &record), 0);
                check(i, &record);
                sse_decoder_free(&decoder);
            }
    }
}

static void byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sse_decoder decoder;
        struct record record = {.length = 0};
        sse_decoder_init(&decoder, 1000);
        for (size_t at = 0; at < strlen(cases[i].stream); at++)
            assert_int_equal(feed(&decoder, cases[i].stream + at, 1, &record), 0);
        check(i, &record);
        sse_decoder_free(&decoder);
    }
}

static void limits(void **state)
{
    struct sse_decoder decoder;
    struct record record = {.length = 0};
    char line[2000];
    (void)state;
    memset(line, 'x', sizeof line);

    /* exactly the limit passes, in one piece and in two lines' sum; one more does not */
    for (int over = 0; over <= 1; over++) {
        for (size_t cut = 1; cut < 40; cut += 7) {
            sse_decoder_init(&decoder, 100);
            char stream[300];
            int length = snprintf(stream, sizeof stream, "data: %.*s\n\n", 100 + over, line);
            int result = feed(&decoder, stream, cut, &record);
            if (result == 0)
                result = feed(&decoder, stream + cut, (size_t)length - cut, &record);
            assert_int_equal(result, over ? -1 : 0);
            sse_decoder_free(&decoder);
            record.length = 0;

            sse_decoder_init(&decoder, 100);
            length = snprintf(stream, sizeof stream, "data: %.*s\ndata: %.*s\n\n", 50, line,
                              49 + over, line);
            result = feed(&decoder, stream, cut, &record);
            if (result == 0)
                result = feed(&decoder, stream + cut, (size_t)length - cut, &record);
            assert_int_equal(result, over ? -1 : 0);
            sse_decoder_free(&decoder);
            record.length = 0;
        }
    }

    /* a line without end stops at the limit; a comment without end is skipped and holds nothing */
    sse_decoder_init(&decoder, 100);
    assert_int_equal(feed(&decoder, line, 100, &record), 0);
    assert_int_equal(feed(&decoder, line, 100, &record), -1);
    sse_decoder_free(&decoder);
    sse_decoder_init(&decoder, 100);
    assert_int_equal(feed(&decoder, ":", 1, &record), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(feed(&decoder, line, sizeof line, &record), 0);
    assert_null(decoder.line.data);
    assert_int_equal(feed(&decoder, "\ndata: on\n\n", 11, &record), 0);
    assert_string_equal(record.text, "message|on||-1\n");
    assert_null(decoder.line.data); /* idle streams hold no memory */
    assert_null(decoder.data.data);
    sse_decoder_free(&decoder);

    /* an id that does not fit */
    char id[700];
    int length = snprintf(id, sizeof id, "id: %.*s\n\n", 512, line);
    sse_decoder_init(&decoder, 5000);
    assert_int_equal(feed(&decoder, id, (size_t)length, &record), -1);
    sse_decoder_free(&decoder);
    assert_int_equal(record.count, 12 + 1);
}

static void stops_when_told(void **state)
{
    struct sse_decoder decoder;
    struct record record = {.stop_after = 1};
    (void)state;
    sse_decoder_init(&decoder, 100);
    assert_int_equal(feed(&decoder, "id: 1\ndata: a\ndata: b\n\ndata: lost\n\n", 35, &record), 0);
    assert_string_equal(record.text, "message|a\nb|1|-1\n");
    assert_int_equal(feed(&decoder, "data: c\n\n", 9, &record), 0); /* may be used on */
    assert_string_equal(record.text, "message|a\nb|1|-1\nmessage|c|1|-1\n");
    sse_decoder_free(&decoder);
}

static bool free_it(void *context, const struct sse_event *event)
{
    struct sse_decoder **decoder = context;
    (void)event;
    sse_decoder_free(*decoder);
    free(*decoder);
    *decoder = NULL;
    return false;
}

static void may_be_freed_by_the_callback(void **state)
{
    struct sse_decoder *decoder = malloc(sizeof *decoder);
    (void)state;
    sse_decoder_init(decoder, 100);
    assert_int_equal(sse_decoder_feed(decoder, "data: a\ndata: b\n", 16, free_it, &decoder), 0);
    assert_int_equal(sse_decoder_feed(decoder, "\ndata: c\n\n", 10, free_it, &decoder), 0);
    assert_null(decoder);
}

static void ignores_an_id_with_a_nul(void **state)
{
    struct sse_decoder decoder;
    struct record record = {.length = 0};
    (void)state;
    sse_decoder_init(&decoder, 100);
    assert_int_equal(feed(&decoder, "id: a\0b\ndata: x\n\n", 17, &record), 0);
    assert_string_equal(record.text, "message|x||-1\n");
    sse_decoder_free(&decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(cut_at_every_two_places),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(limits),
        cmocka_unit_test(stops_when_told),
        cmocka_unit_test(may_be_freed_by_the_callback),
        cmocka_unit_test(ignores_an_id_with_a_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
