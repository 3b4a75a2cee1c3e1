/* The shortest text of a real number: in C++ for std::to_chars, which C has no like of. */
#include <charconv>
#include <cstring>

extern "C" {
#include "base/json_write.h"
}

size_t json_real_text(double value, char text[JSON_REAL_BYTES])
{
    char *end = std::to_chars(text, text + JSON_REAL_BYTES - 2, value).ptr;
    auto length = static_cast<size_t>(end - text);
    if (!std::memchr(text, '.', length) && !std::memchr(text, 'e', length)) {
        std::memcpy(end, ".0", 2);
        length += 2;
    }
    return length;
}
