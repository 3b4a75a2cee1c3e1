/* Texts as numbers, for hash tables in memory: FNV-1a of 64 bits (Fowler, Noll, Vo), with its upper
 * half brought into the lower, which tables of a power of two go by. Nothing that is kept. */
#ifndef CICADA_BASE_HASH_H
#define CICADA_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t hash_bytes(const char *bytes, size_t length)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001B3);
    return hash ^ (hash >> 29);
}

#endif
