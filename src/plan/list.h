/* Lists that grow: NULL-ended ones of strings, and counted arrays. */
#ifndef CICADA_PLAN_LIST_H
#define CICADA_PLAN_LIST_H

#include "base/error.h"

#include <stddef.h>

/* A NULL-ended list of strings. Append a copy; -1 when memory is out. */
int string_list_add(char ***list, const char *text);
void string_list_free(char **list);
size_t string_list_length(char *const *list); /* 0 for NULL */

/* Append one zeroed element of `size` bytes to an array of *count; returns it, NULL when memory is
 * out. */
void *array_add(void *array_pointer, size_t *count, size_t size);

int error_out_of_memory(struct error *error); /* returns -1 */

#endif
