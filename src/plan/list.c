#include "plan/list.h"

#include <stdlib.h>
#include <string.h>

int string_list_add(char ***list, const char *text)
{
    size_t length = string_list_length(*list);
    char **grown = realloc(*list, (length + 2) * sizeof *grown);
    if (!grown)
        return -1;
    *list = grown;
    grown[length] = strdup(text);
    grown[length + 1] = NULL;
    return grown[length] ? 0 : -1;
}

void string_list_free(char **list)
{
    for (char **item = list; item && *item; item++)
        free(*item);
    free(list);
}

size_t string_list_length(char *const *list)
{
    size_t length = 0;
    while (list && list[length])
        length++;
    return length;
}

void *array_add(void *array_pointer, size_t *count, size_t size)
{
    char **array = array_pointer;
    char *grown = *array;
    if ((*count & (*count - 1)) == 0) { /* full at each power of two */
        grown = reallocarray(*array, *count ? *count * 2 : 1, size);
        if (!grown)
            return NULL;
        *array = grown;
    }
    memset(grown + *count * size, 0, size);
    return grown + (*count)++ * size;
}

int error_out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}
