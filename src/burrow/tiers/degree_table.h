/* How many relations each node has, in memory: how many nodes have so many, and which has most,
 * without a look at the others. Not for several threads at once. */
#ifndef BURROW_TIERS_DEGREE_TABLE_H
#define BURROW_TIERS_DEGREE_TABLE_H

#include <stddef.h>

struct degree_table;

struct degree_table *degree_table_open(void);        /* NULL: memory is out */
void degree_table_close(struct degree_table *table); /* harmless on NULL */

/* A node has a relation more (`by` 1) or less (-1). -1: memory is out, and it was not counted. */
int degree_table_move(struct degree_table *table, const char *key, int by);

size_t degree_table_most(const struct degree_table *table); /* 0: there is none */
/* How many nodes have so many relations, which is at least 1. */
size_t degree_table_nodes(const struct degree_table *table, size_t degree);
/* Of those that have most, the first by its key; NULL: there is none. Until the next move. */
const char *degree_table_busiest(const struct degree_table *table);

#endif
