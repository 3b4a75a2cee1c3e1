/* See utf8.h. */
#include "base/utf8.h"

#include <string.h>

size_t utf8_character(const char *text, size_t left)
{
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char least = 0x80, most = 0xBF; /* of the second byte */
    size_t length;
    if (left == 0)
        return 0;
    if (bytes[0] < 0x80)
        return 1;
    if (bytes[0] >= 0xC2 && bytes[0] <= 0xDF)
        length = 2;
    else if (bytes[0] >= 0xE0 && bytes[0] <= 0xEF) {
        length = 3;
        if (bytes[0] == 0xE0)
            least = 0xA0; /* shorter forms exist */
        if (bytes[0] == 0xED)
            most = 0x9F; /* surrogates */
    } else if (bytes[0] >= 0xF0 && bytes[0] <= 0xF4) {
        length = 4;
        if (bytes[0] == 0xF0)
            least = 0x90;
        if (bytes[0] == 0xF4)
            most = 0x8F; /* beyond U+10FFFF */
    } else
        return 0;
    if (left < length || bytes[1] < least || bytes[1] > most)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

char *utf8_repair(char *text)
{
    size_t left = strlen(text);
    for (char *at = text; left > 0;) {
        size_t length = utf8_character(at, left);
        if (length == 0) {
            *at = '?';
            length = 1;
        }
        at += length;
        left -= length;
    }
    return text;
}
