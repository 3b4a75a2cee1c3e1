/* Memory that the server keeps for every call: for ever, or until nobody has called for a while,
 * when it is given back to the system at a known rate. */
#include "fault.h"

#include "base/clock.h"

#include <string.h>
#include <sys/mman.h>

#define QUIET_NS (300 * NS_PER_MS) /* without a call, before anything is given back */
#define STEP_NS  (50 * NS_PER_MS)

struct block { /* at the beginning of its own pages */
    struct block *next;
    size_t bytes;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct block *oldest, **newest = &oldest;
static uint64_t called_ns;

/* Pages of its own for each call: no allocator rounds them or keeps them back. */
void kept_take(void)
{
    size_t bytes = server.options.leak_bytes;
    if (!bytes)
        return;
    size_t least = bytes < sizeof(struct block) ? sizeof(struct block) : bytes;
    struct block *block =
        mmap(NULL, least, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return;
    memset(block, 1, least); /* resident */
    *block = (struct block){NULL, least};
    pthread_mutex_lock(&mutex);
    *newest = block;
    newest = &block->next;
    called_ns = clock_now_ns();
    pthread_mutex_unlock(&mutex);
}

static double give_back(double owed)
{
    pthread_mutex_lock(&mutex);
    while (oldest && owed >= (double)oldest->bytes) {
        struct block *block = oldest;
        oldest = block->next;
        if (!oldest)
            newest = &oldest;
        owed -= (double)block->bytes;
        munmap(block, block->bytes);
    }
    pthread_mutex_unlock(&mutex);
    return owed;
}

static void *give_back_while_quiet(void *unused)
{
    double owed = 0;
    uint64_t before_ns = clock_now_ns();
    while (!atomic_load(&server.stopping)) {
        nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
        uint64_t now_ns = clock_now_ns();
        pthread_mutex_lock(&mutex);
        bool quiet = now_ns > called_ns + QUIET_NS;
        pthread_mutex_unlock(&mutex);
        double passed_s = (double)(now_ns - before_ns) / (double)NS_PER_S;
        owed = quiet ? give_back(owed + passed_s * (double)server.options.give_back_per_s) : 0;
        before_ns = now_ns;
    }
    return unused;
}

static pthread_t giver;

void kept_begin(void)
{
    if (server.options.give_back_per_s &&
        pthread_create(&giver, NULL, give_back_while_quiet, NULL) != 0)
        server.options.give_back_per_s = 0;
}

void kept_end(void)
{
    if (!server.options.give_back_per_s)
        return;
    atomic_store(&server.stopping, true);
    pthread_join(giver, NULL);
    give_back(1e300);
}
