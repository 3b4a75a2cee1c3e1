/* A person's wish that the program end, for code that blocks: while a target is opened or an index
 * made, no loop runs that a signal could stop. It is one for the process, as signals are. Whoever
 * blocks looks every now and then, gives up, and takes back what it made; its caller says why.
 *
 * Only what has yet to begin heeds it: a run has a flag of its own, and cleaning up goes on. */
#ifndef CICADA_BASE_INTERRUPT_H
#define CICADA_BASE_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* For signal handlers. Returns whether it had been requested before. */
bool interrupt_request(void);
bool interrupt_requested(void); /* from any thread */

/* The deadline of one wait among several with looks in between: `deadline_ns`, or a twentieth of a
 * second from now if that is sooner. A signal may wake another thread than the one that waits. */
uint64_t interrupt_look_ns(uint64_t deadline_ns);
/* `deadline_ns`, or once the end was requested `patience_ns` from now if that is sooner. */
uint64_t interrupt_hurry_ns(uint64_t deadline_ns, uint64_t patience_ns);

#endif
