/* Text on a terminal: escaped, bounded, padded. */
#include "report/text.h"

#include "analysis/quantity.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_COLUMNS 100
#define ELLIPSIS        "\xe2\x80\xa6"

void terminal_style_init(struct terminal_style *style, FILE *stream)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool colours =
        isatty(fileno(stream)) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
    *style = (struct terminal_style){.colours = colours,
                                     .bold = colours ? "\033[1m" : "",
                                     .dim = colours ? "\033[2m" : "",
                                     .good = colours ? "\033[32m" : "",
                                     .bad = colours ? "\033[31m" : "",
                                     .warn = colours ? "\033[33m" : "",
                                     .accent = colours ? "\033[36m" : "",
                                     .reset = colours ? "\033[0m" : ""};
}

int terminal_columns(FILE *stream)
{
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    int number = columns ? atoi(columns) : 0;
    return number >= 20 && number <= 1000 ? number : DEFAULT_COLUMNS;
}

/* One code point or bad byte of `text` as shown: into `shown`, its columns. Returns the bytes read.
 */
static size_t show_one(const unsigned char *text, char shown[16], size_t *columns)
{
    uint32_t code;
    size_t length = utf8_decode(text, &code);
    if (length == 0) {
        *columns = (size_t)snprintf(shown, 16, "\\x%02x", text[0]);
        return 1;
    }
    if (code == '\n' || code == '\t' || code == '\r')
        *columns = (size_t)snprintf(shown, 16, "\\%c",
                                    code == '\n'   ? 'n'
                                    : code == '\t' ? 't'
                                                   : 'r');
    else if (utf8_is_unsafe(code))
        *columns = (size_t)snprintf(shown, 16, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
    else {
        snprintf(shown, 16, "%.*s", (int)length, (const char *)text);
        *columns = 1;
    }
    return length;
}

static size_t safe_columns(const char *text, size_t enough)
{
    size_t total = 0, columns;
    char shown[16];
    for (const unsigned char *at = (const unsigned char *)text; *at && total <= enough;) {
        at += show_one(at, shown, &columns);
        total += columns;
    }
    return total;
}

size_t text_append_safe(struct buffer *output, const char *text, size_t width)
{
    bool cut = safe_columns(text, width) > width;
    size_t room = cut && width ? width - 1 : width, used = 0, columns;
    char shown[16];
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        at += show_one(at, shown, &columns);
        if (used + columns > room)
            break;
        if (buffer_append_text(output, shown) < 0)
            return used;
        used += columns;
    }
    if (cut && width && buffer_append_text(output, ELLIPSIS) == 0)
        used++;
    return used;
}

size_t text_print_safe(FILE *stream, const char *text, size_t width)
{
    struct buffer output;
    buffer_init(&output, 16 * width + 16);
    size_t columns = text_append_safe(&output, text, width);
    fwrite(buffer_length(&output) ? buffer_bytes(&output) : "", 1, buffer_length(&output), stream);
    buffer_free(&output);
    return columns;
}

void text_print_json(FILE *stream, const char *json)
{
    while (*json) {
        uint32_t code;
        size_t length = utf8_decode((const unsigned char *)json, &code);
        if (length == 0)
            fputs("\\ufffd", stream);
        else if (code == '\n' || code == '\t' || !utf8_is_unsafe(code))
            fwrite(json, 1, length, stream);
        else if (code < 0x10000)
            fprintf(stream, "\\u%04x", code);
        else
            fprintf(stream, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
        json += length ? length : 1;
    }
}

void text_print_padded(FILE *stream, const char *text, size_t width)
{
    size_t columns = text_print_safe(stream, text, width);
    fprintf(stream, "%*s", (int)(width - columns), "");
}

void text_print_styled(FILE *stream, const char *text, size_t width)
{
    size_t columns = 0;
    while (*text) {
        size_t length = *text == '\033' ? strcspn(text, "m") + 1 : 1;
        if (*text != '\033' && ((unsigned char)*text & 0xc0) != 0x80 && ++columns > width)
            return;
        fwrite(text, 1, strnlen(text, length), stream);
        text += strnlen(text, length);
    }
}

size_t text_columns(const char *text)
{
    size_t columns = 0;
    while (*text) {
        if (*text == '\033') {
            text += strcspn(text, "m");
            text += *text != 0;
            continue;
        }
        columns += ((unsigned char)*text & 0xc0) != 0x80;
        text++;
    }
    return columns;
}

const char *text_duration(char *text, size_t size, uint64_t ns)
{
    return quantity_duration(text, size, ns);
}
