/* Layout and drawing by Graphviz, whose library keeps its state in globals: one draws at a time. */
#include "burrow/diagram/diagram.h"

#include "base/clock.h"

#include <graphviz/gvc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fonts that were read, and a buffer of Graphviz, are their libraries' until the process
 * ends; a build that looks for leaks is told so. The name is LeakSanitizer's. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\nleak:libpango\nleak:libcairo\nleak:libglib\nleak:libgvc\n";
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GVC_t *context; /* made once: it loads the plugins */

static void free_context(void)
{
    gvFreeContext(context);
    context = NULL;
}

static bool open_context(void)
{
    if (context)
        return true;
    agseterr(AGMAX); /* what goes wrong is told by our own error, not on stderr */
    context = gvContext();
    if (context)
        atexit(free_context);
    return context != NULL;
}

#define TIMINGS_KEPT 256
static struct diagram_timing timings[TIMINGS_KEPT]; /* under the lock, as all here */
static size_t timing_count;

size_t diagram_timings_take(struct diagram_timing *into, size_t most)
{
    pthread_mutex_lock(&lock);
    size_t count = timing_count < most ? timing_count : most;
    memcpy(into, timings, count * sizeof *timings);
    timing_count = 0;
    pthread_mutex_unlock(&lock);
    return count;
}

static int draw(const char *dot, const char *engine, const char *format, struct buffer *out,
                struct diagram_timing *timing)
{
    uint64_t began = clock_now_ns(), laid_out;
    Agraph_t *graph = agmemread(dot);
    char *bytes = NULL;
    unsigned length = 0;
    int failed = -1;
    if (!graph)
        return -1;
    if (gvLayout(context, graph, engine) == 0) {
        laid_out = clock_now_ns();
        timing->layout_ns = laid_out - began;
        if (gvRenderData(context, graph, format, &bytes, &length) == 0 && bytes)
            failed = buffer_append(out, bytes, length);
        if (bytes)
            gvFreeRenderData(bytes);
        timing->render_ns = clock_now_ns() - laid_out;
        gvFreeLayout(context, graph);
    }
    agclose(graph);
    return failed;
}

int diagram_draw(const struct diagram *diagram, const char *format, struct buffer *out,
                 struct diagram_timing *timing, char *problem, size_t size)
{
    struct diagram_timing taken = {diagram->type, diagram->node_count, diagram->edge_count, 0, 0};
    struct buffer dot;
    buffer_init(&dot, DIAGRAM_LIMIT * 16);
    int failed = diagram_dot(diagram, &dot);
    char *text = buffer_take_string(&dot);
    if (failed < 0 || !text) {
        free(text);
        snprintf(problem, size, "the diagram is too large to be drawn");
        return -1;
    }
    pthread_mutex_lock(&lock);
    bool pinned = diagram->type == DIAGRAM_SEQUENCE || diagram->type == DIAGRAM_PIE;
    failed = open_context() ? draw(text, pinned ? "neato" : "dot", format, out, &taken) : -1;
    if (failed == 0 && timing_count < TIMINGS_KEPT)
        timings[timing_count++] = taken;
    pthread_mutex_unlock(&lock);
    free(text);
    if (timing)
        *timing = taken;
    if (failed < 0)
        snprintf(problem, size, "Graphviz could not draw it as %s", format);
    return failed;
}
