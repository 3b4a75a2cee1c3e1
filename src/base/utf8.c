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

bool utf8_is_valid(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint64_t eight;
        if (length - at >= sizeof eight) { /* most text is ASCII for long */
            memcpy(&eight, text + at, sizeof eight);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                at += sizeof eight;
                continue;
            }
        }
        size_t character = utf8_character(text + at, length - at);
        if (character == 0)
            return false;
        at += character;
    }
    return true;
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

size_t utf8_decode(const unsigned char *text, uint32_t *code)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t lowest;
    } forms[] = {{0x80, 0x00, 1}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t form = 0; form < 4; form++) {
        if ((text[0] & forms[form].mask) != forms[form].lead)
            continue;
        *code = text[0] & (unsigned char)~forms[form].mask;
        for (size_t i = 1; i <= form; i++) {
            if ((text[i] & 0xc0) != 0x80)
                return 0;
            *code = (*code << 6) | (text[i] & 0x3f);
        }
        bool valid = *code >= forms[form].lowest && *code <= 0x10ffff &&
                     !(*code >= 0xd800 && *code <= 0xdfff);
        return valid ? form + 1 : 0;
    }
    return 0;
}

/* Code points a terminal obeys instead of showing, or that change how their neighbours look: C0 and
 * C1 controls, zero-width and direction marks, line separators, the byte order mark, tags. */
bool utf8_is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0xad || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
           (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe0fff);
}
