#include "report/form_escape.h"

#include "base/utf8.h"
#include "report/text.h"

#include <string.h>

/* Writes one byte of harmless UTF-8 the way its form wants it. */
typedef void put_byte(FILE *file, char byte);

/* One code point or bad byte: whole, or in a form that shows it. Returns the bytes read. */
static size_t write_one(FILE *file, const char *text, put_byte *put)
{
    uint32_t code;
    char shown[16];
    size_t length = utf8_decode((const unsigned char *)text, &code);
    if (length == 0 || code == 0xfffe || code == 0xffff) {
        fputs("\xef\xbf\xbd", file);
        return length ? length : 1;
    }
    bool plain = code == '\n' || code == '\t' || !utf8_is_unsafe(code);
    if (plain)
        snprintf(shown, sizeof shown, "%.*s", (int)length, text);
    else if (code == '\r')
        snprintf(shown, sizeof shown, "\\r");
    else
        snprintf(shown, sizeof shown, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
    for (const char *at = shown; *at; at++)
        put(file, *at);
    return length;
}

static void write_all(FILE *file, const char *text, put_byte *put)
{
    while (text && *text)
        text += write_one(file, text, put);
}

static const char *markup_entity(char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void put_html(FILE *file, char byte)
{
    const char *entity = markup_entity(byte);
    if (entity)
        fputs(entity, file);
    else
        putc(byte, file);
}

/* A parser turns a line's end in an attribute into a space unless it stands as a reference. */
static void put_xml(FILE *file, char byte)
{
    if (byte == '\n' || byte == '\t')
        fprintf(file, "&#%d;", byte);
    else
        put_html(file, byte);
}

static void put_json(FILE *file, char byte)
{
    if (byte == '"' || byte == '\\')
        fprintf(file, "\\%c", byte);
    else if (byte == '<' || byte == '>' || byte == '&' || byte == '\n' || byte == '\t')
        fprintf(file, "\\u%04x", (unsigned)byte);
    else
        putc(byte, file);
}

static void put_csv(FILE *file, char byte)
{
    if (byte == '"')
        fputs("\"\"", file);
    else if (byte == '\n' || byte == '\t')
        fputs(byte == '\n' ? "\\n" : "\\t", file);
    else
        putc(byte, file);
}

static void put_prometheus(FILE *file, char byte)
{
    if (byte == '"' || byte == '\\')
        fprintf(file, "\\%c", byte);
    else if (byte == '\n')
        fputs("\\n", file);
    else
        putc(byte, file);
}

/* GitHub turns "@name" and "#1" into mentions wherever they are text, however escaped; a comment
 * between parts them. A backslash keeps the rest from being markup. */
static void put_markdown(FILE *file, char byte)
{
    const char *entity = byte == '"' || byte == '\'' ? NULL : markup_entity(byte);
    if (entity)
        fputs(entity, file);
    else if (byte == '\n' || byte == '\t')
        putc(' ', file);
    else if (byte == '@' || byte == '#')
        fprintf(file, "%s%c<!-- -->", byte == '#' ? "\\" : "", byte);
    else if (strchr("\\`*_{}[]|~$", byte))
        fprintf(file, "\\%c", byte);
    else
        putc(byte, file);
}

void escape_html(FILE *file, const char *text)
{
    write_all(file, text, put_html);
}

void escape_xml(FILE *file, const char *text)
{
    write_all(file, text, put_xml);
}

void escape_json(FILE *file, const char *text)
{
    write_all(file, text, put_json);
}

void escape_csv(FILE *file, const char *text)
{
    putc('"', file);
    const char *first = text ? text + strspn(text, " ") : ""; /* some spreadsheets skip blanks */
    if (*first && strchr("=+-@\t\r", *first))
        putc('\'', file);
    write_all(file, text, put_csv);
    putc('"', file);
}

void escape_prometheus(FILE *file, const char *text)
{
    write_all(file, text, put_prometheus);
}

/* The two marks that make a link of plain text: the colon of "http://" and the dot of "www.". */
static bool begins_link(const char *text, char before)
{
    return strncmp(text, "://", 3) == 0 || (*text == '.' && (before == 'w' || before == 'W'));
}

void escape_markdown(FILE *file, const char *text)
{
    char before = 0;
    if (text && (*text == '-' || *text == '+')) /* would begin a list */
        putc('\\', file);
    while (text && *text) {
        if (begins_link(text, before))
            putc('\\', file);
        before = *text;
        text += write_one(file, text, put_markdown);
    }
}

/* ---- code spans ----------------------------------------------------------------------------- */

static size_t longest_run(const char *text, size_t length, char byte)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < length; i++) {
        run = text[i] == byte ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

void escape_markdown_code(FILE *file, const char *text, size_t width)
{
    struct buffer shown;
    buffer_init(&shown, 16 * width + 16);
    text_append_safe(&shown, text ? text : "", width);
    const char *bytes = buffer_bytes(&shown);
    size_t length = buffer_length(&shown);
    if (length == 0) {
        buffer_free(&shown);
        return;
    }
    int fence = (int)longest_run(bytes, length, '`') + 1;
    bool pad = bytes[0] == '`' || bytes[length - 1] == '`';
    for (int i = 0; i < fence; i++)
        putc('`', file);
    fputs(pad ? " " : "", file);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '|') /* ends a cell of a table even within a code span */
            putc('\\', file);
        putc(bytes[i], file);
    }
    fputs(pad ? " " : "", file);
    for (int i = 0; i < fence; i++)
        putc('`', file);
    buffer_free(&shown);
}
