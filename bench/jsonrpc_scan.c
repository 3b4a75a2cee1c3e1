/* What the envelope scan costs, in GB/s, beside jansson building a tree of the same text in the
 * same run. The texts are what servers answer: a short result, prose, prose that is not ASCII, a
 * list of tools, numbers, and deep small objects.
 *
 *   jsonrpc_scan [SECONDS per row, 0.2] */
#include "base/buffer.h"
#include "base/clock.h"
#include "mcp/jsonrpc.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START                                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":12345,\"result\":{\"resultType\":\"complete\",\"content\":["      \
    "{\"type\":\"text\",\"text\":\""
#define END "\"}],\"isError\":false}}"

struct sample {
    const char *name;
    char *text;
    size_t length;
};

static struct sample take(const char *name, struct buffer *buffer)
{
    size_t length = buffer_length(buffer);
    return (struct sample){name, buffer_take_string(buffer), length};
}

static struct sample repeated(const char *name, const char *before, const char *unit,
                              const char *between, const char *after, int count)
{
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX / 2);
    buffer_append_text(&buffer, before);
    for (int i = 0; i < count; i++) {
        buffer_append_text(&buffer, i ? between : "");
        buffer_append_text(&buffer, unit);
    }
    buffer_append_text(&buffer, after);
    return take(name, &buffer);
}

/* Seconds per call of the faster half of the runs: what else goes on on the machine only adds. */
static double measure(const struct sample *sample, bool scan, double seconds)
{
    double best = 1e9;
    uint64_t end = clock_now_ns() + (uint64_t)(seconds * 1e9);
    unsigned repeat = (unsigned)(200000 / (sample->length + 1)) + 1;
    do {
        uint64_t start = clock_now_ns();
        for (unsigned i = 0; i < repeat; i++) {
            if (scan) {
                struct jsonrpc_message message;
                if (jsonrpc_scan(&message, sample->text, sample->length) != JSONRPC_RESULT)
                    abort();
            } else {
                json_t *value = json_loadb(sample->text, sample->length, 0, NULL);
                if (!value)
                    abort();
                json_decref(value);
            }
        }
        double each = (double)(clock_now_ns() - start) / repeat / 1e9;
        if (each < best)
            best = each;
    } while (clock_now_ns() < end);
    return best;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 0.2;
    struct sample samples[] = {
        repeated("short result", START, "Echo: hello", "", END, 1),
        repeated("4 KB of prose", START, "The quick brown fox jumps over the lazy dog. ", "", END,
                 90),
        repeated("64 KB of prose", START, "The quick brown fox jumps over the lazy dog.\\n", "",
                 END, 1400),
        repeated("64 KB of Chinese", START,
                 "\xe6\x95\x8f\xe6\x8d\xb7\xe7\x9a\x84\xe7\x8b\x90\xe7\x8b\xb8", "", END, 4300),
        repeated(
            "40 tools listed", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[",
            "{\"name\":\"search_nodes\",\"description\":\"Search for nodes in the knowledge "
            "graph by a query\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"query\":"
            "{\"type\":\"string\",\"description\":\"The query to match\"},\"limit\":{\"type\":"
            "\"integer\",\"minimum\":1,\"maximum\":100}},\"required\":[\"query\"]}}",
            ",", "]}}", 40),
        repeated("5000 numbers",
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"structuredContent\":[", "-12.5e3,17",
                 ",", "],\"content\":[]}}", 2500),
        repeated("1000 small objects", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[",
                 "{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":true}", ",", "]}}", 1000),
    };
    printf("%-20s %10s %12s %12s %12s %8s\n", "text", "bytes", "scan ns", "scan GB/s",
           "jansson GB/s", "ratio");
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        double scan = measure(&samples[i], true, seconds);
        double tree = measure(&samples[i], false, seconds);
        double bytes = (double)samples[i].length;
        printf("%-20s %10zu %12.0f %12.2f %12.3f %8.1f\n", samples[i].name, samples[i].length,
               scan * 1e9, bytes / scan / 1e9, bytes / tree / 1e9, tree / scan);
        free(samples[i].text);
    }
    return 0;
}
