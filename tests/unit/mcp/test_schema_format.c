/* Formats: what each accepts and refuses, and that what is made for one is of it. */
#include "mcp/schema_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct sample {
    const char *format, *text;
};

static bool holds(const struct sample *sample)
{
    const struct schema_format *format = schema_format_find(sample->format);
    assert_non_null(format);
    assert_non_null(format->check);
    return format->check(sample->text, strlen(sample->text));
}

static void accepted(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"date", "2024-02-29"},
        {"date", "0001-01-01"},
        {"date", "2000-02-29"},
        {"time", "00:00:00Z"},
        {"time", "23:59:59.123456z"},
        {"time", "12:00:00+05:30"},
        {"time", "12:00:00-0800"},
        {"time", "23:59:60Z"},
        {"time", "15:59:60-08:00"},
        {"date-time", "2024-01-15T09:30:00Z"},
        {"date-time", "2024-01-15t09:30:00.5+01:00"},
        {"date-time", "2024-01-15 09:30:00Z"},
        {"duration", "P1Y2M3DT4H5M6S"},
        {"duration", "PT1S"},
        {"duration", "P7W"},
        {"duration", "P1D"},
        {"email", "joe.bloggs@example.com"},
        {"email", "te~st@example.com"},
        {"email", "\"a b\"@example.com"},
        {"email", "a@[127.0.0.1]"},
        {"email", "a+b@x-y.example"},
        {"hostname", "localhost"},
        {"hostname", "a.b.example.com"},
        {"hostname", "xn--4gbwdl.xn--wgbh1c"},
        {"hostname", "1host"},
        {"hostname", "example.com."},
        {"ipv4", "192.0.2.1"},
        {"ipv4", "0.0.0.0"},
        {"ipv6", "::1"},
        {"ipv6", "2001:db8::"},
        {"ipv6", "::ffff:192.168.0.1"},
        {"ipv6", "1:2:3:4:5:6:7:8"},
        {"uri", "http://example.com/?q=a#b"},
        {"uri", "urn:isbn:0451450523"},
        {"uri", "mailto:a@b.c"},
        {"uri", "http://[2001:db8::1]:80/x"},
        {"uri", "file:///etc/hosts"},
        {"uri", "http://a/%20"},
        {"url", "https://example.com"},
        {"uri-reference", "/a/b?c"},
        {"uri-reference", ""},
        {"uri-reference", "#frag"},
        {"uri-reference", "../x"},
        {"iri", "http://ƒøø.example/"},
        {"iri-reference", "/ƒ"},
        {"uri-template", "http://example.com/{a}/{+b*}"},
        {"uri-template", "plain"},
        {"uuid", "2EB8AA08-aa98-11ea-b4aa-73b441d16380"},
        {"uuid", "urn:uuid:2eb8aa08-aa98-11ea-b4aa-73b441d16380"},
        {"json-pointer", ""},
        {"json-pointer", "/a~0b/~1/0"},
        {"json-pointer-uri-fragment", "#/a%25b"},
        {"relative-json-pointer", "0#"},
        {"relative-json-pointer", "12/a"},
        {"relative-json-pointer", "1"},
        {"regex", "^[a-z]+(?=x)$"},
        {"regex", ""},
        {"byte", ""},
        {"byte", "YQ=="},
        {"byte", "YWI="},
        {"byte", "YW+/"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        if (!holds(&samples[i]))
            fail_msg("%s refuses %s", samples[i].format, samples[i].text);
}

static void refused(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"date", "2023-02-29"},
        {"date", "1900-02-29"},
        {"date", "2024-13-01"},
        {"date", "2024-1-01"},
        {"date", "2024-01-01 "},
        {"date", ""},
        {"date", "2024-00-10"},
        {"date", "2024-04-31"},
        {"time", "24:00:00Z"},
        {"time", "12:60:00Z"},
        {"time", "12:00:61Z"},
        {"time", "12:00:00"},
        {"time", "12:00:60Z"},
        {"time", "12:00Z"},
        {"time", "12:00:00.Z"},
        {"time", "12:00:00+24:00"},
        {"date-time", "2024-01-15"},
        {"date-time", "2024-01-15T09:30:00"},
        {"date-time", "2024-02-30T00:00:00Z"},
        {"duration", "P"},
        {"duration", "PT"},
        {"duration", "P1"},
        {"duration", "1D"},
        {"duration", "P1DT"},
        {"duration", "P1M1Y"},
        {"duration", "P1W1D"},
        {"duration", "P1H"},
        {"duration", "P1WT1H"},
        {"email", "joe"},
        {"email", "@example.com"},
        {"email", "a@"},
        {"email", ".a@example.com"},
        {"email", "a..b@example.com"},
        {"email", "a b@example.com"},
        {"email", "a@-b.com"},
        {"hostname", ""},
        {"hostname", "."},
        {"hostname", "-a"},
        {"hostname", "a-"},
        {"hostname", "a..b"},
        {"hostname", "a_b"},
        {"hostname", "a b"},
        {"hostname", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com"},
        {"ipv4", "256.0.0.1"},
        {"ipv4", "1.2.3"},
        {"ipv4", "1.2.3.4.5"},
        {"ipv4", "0x7f.0.0.1"},
        {"ipv4", ""},
        {"ipv4", "01.2.3.4"},
        {"ipv6", "12345::"},
        {"ipv6", "1::2::3"},
        {"ipv6", "::1%eth0"},
        {"ipv6", ":"},
        {"uri", "/relative"},
        {"uri", "no scheme"},
        {"uri", "http://a b"},
        {"uri", ""},
        {"uri", "http://[1::2"},
        {"uri", "http://a/%2"},
        {"uri", "http://a:port/"},
        {"uri", "http://a/ƒ"},
        {"uri", "a:b#c#d"},
        {"uri-reference", "\\\\server"},
        {"uri-reference", "1:b"},
        {"iri", "ƒ"},
        {"uri-template", "{a"},
        {"uri-template", "a}"},
        {"uri-template", "{}"},
        {"uri-template", "a b"},
        {"uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d1638"},
        {"uuid", "2eb8aa08aa9811eab4aa73b441d16380"},
        {"uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g"},
        {"json-pointer", "a"},
        {"json-pointer", "/~2"},
        {"json-pointer", "/~"},
        {"json-pointer-uri-fragment", "/a"},
        {"json-pointer-uri-fragment", "#a"},
        {"relative-json-pointer", "/a"},
        {"relative-json-pointer", "01"},
        {"relative-json-pointer", "1a"},
        {"regex", "("},
        {"regex", "[a"},
        {"regex", "a**"},
        {"byte", "YQ="},
        {"byte", "Y*=="},
        {"byte", "Y==="},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        if (holds(&samples[i]))
            fail_msg("%s accepts %s", samples[i].format, samples[i].text);
}

static void what_is_made_is_of_the_format(void **state)
{
    (void)state;
    size_t count;
    const struct schema_format *formats = schema_formats(&count);
    for (size_t i = 0; i < count; i++) {
        struct random random;
        random_seed(&random, 11, i);
        for (size_t turn = 0; turn < 300 && formats[i].make && formats[i].check; turn++) {
            struct buffer output;
            buffer_init(&output, 4096);
            assert_int_equal(formats[i].make(&random, turn % 100, &output), 0);
            if (!formats[i].check(buffer_bytes(&output), buffer_length(&output)))
                fail_msg("%s: made %.*s", formats[i].name, (int)buffer_length(&output),
                         buffer_bytes(&output));
            buffer_free(&output);
        }
    }
    assert_null(schema_format_find("unheard-of"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(what_is_made_is_of_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
