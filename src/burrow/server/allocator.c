/* See allocator.h. tcmalloc keeps pages that were freed, for what comes; of itself it gives back so
 * few at a time that tens of megabytes stay. All at once as they come free would cost 2 % of a
 * call.
 */
#include "burrow/server/allocator.h"

#ifdef BURROW_TCMALLOC

#include <gperftools/malloc_extension_c.h>

#include <stddef.h>

#define FREE_BYTES ((size_t)4 << 20) /* may be held */

void allocator_tidy(void)
{
    size_t bytes = 0;
    if (MallocExtension_GetNumericProperty("tcmalloc.pageheap_free_bytes", &bytes) &&
        bytes > FREE_BYTES)
        MallocExtension_ReleaseFreeMemory();
}

#else

void allocator_tidy(void)
{
}

#endif
