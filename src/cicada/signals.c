/* See signals.h. */
#include "cicada/signals.h"

#include "base/error.h"
#include "base/interrupt.h"
#include "cicada/embedded.h"
#include "report/tui.h"

#include <signal.h>
#include <unistd.h>

static struct engine *_Atomic running;

static void on_signal(int number)
{
    struct engine *engine = atomic_load(&running);
    (void)number;
    if (interrupt_request()) {
        embedded_abandon();
        tui_abandon();
        _exit(ERROR_INTERRUPTED);
    }
    if (engine)
        atomic_store(&engine->interrupted, true);
}

void signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void signals_end(struct engine *engine)
{
    atomic_store(&running, engine);
    if (engine && interrupt_requested())
        atomic_store(&engine->interrupted, true);
}
