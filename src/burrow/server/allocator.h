/* The allocator that the program is linked with, where it wants to be told something. */
#ifndef BURROW_SERVER_ALLOCATOR_H
#define BURROW_SERVER_ALLOCATOR_H

/* Give back to the system what is held and not in use, when it is much: arrays that grew have left
 * it behind. Now and then, from any thread. */
void allocator_tidy(void);

#endif
