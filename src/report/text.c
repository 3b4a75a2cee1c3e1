/* Text on a terminal: escaped, bounded, padded. */
#include "report/text.h"

#include "analysis/quantity.h"

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

size_t text_decode(const unsigned char *text, uint32_t *code)
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
bool text_is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0xad || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
           (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe0fff);
}

/* One code point or bad byte of `text` as shown: into `shown`, its columns. Returns the bytes read.
 */
static size_t show_one(const unsigned char *text, char shown[16], size_t *columns)
{
    uint32_t code;
    size_t length = text_decode(text, &code);
    if (length == 0) {
        *columns = (size_t)snprintf(shown, 16, "\\x%02x", text[0]);
        return 1;
    }
    if (code == '\n' || code == '\t' || code == '\r')
        *columns = (size_t)snprintf(shown, 16, "\\%c",
                                    code == '\n'   ? 'n'
                                    : code == '\t' ? 't'
                                                   : 'r');
    else if (text_is_unsafe(code))
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
