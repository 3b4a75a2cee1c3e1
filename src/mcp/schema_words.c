/* What properties are usually called, and what usually stands in them: so that a tool that is
 * called with generated arguments does something that resembles its work. */
#include "mcp/schema_generate.h"

#include <ctype.h>
#include <string.h>

#define MAX_WORDS 8
#define MAX_WORD  24

/* A property's name in words: "maxTokenCount" and "max-token_count" are max, token, count. */
struct words {
    char items[MAX_WORDS][MAX_WORD];
    size_t count;
};

static const struct {
    const char *word;
    const char *samples[4];
} texts[] = {
    {"address", {"1 Example Street", "22 Sample Road", "5 Test Avenue", "8 Demo Lane"}},
    {"author", {"Ada Lovelace", "Alan Turing", "Grace Hopper", "Edsger Dijkstra"}},
    {"body", {"A short note.", "Some text to store.", "The quick brown fox.", "Nothing new."}},
    {"branch", {"main", "develop", "feature", "release"}},
    {"category", {"general", "science", "travel", "music"}},
    {"city", {"London", "Paris", "Tokyo", "New York"}},
    {"code", {"A1", "B2", "C3", "D4"}},
    {"color", {"red", "green", "blue", "black"}},
    {"command", {"status", "list", "help", "version"}},
    {"comment", {"Looks good.", "Please check.", "Done.", "A remark."}},
    {"company", {"Example Ltd", "Sample Inc", "Test GmbH", "Demo SA"}},
    {"content", {"A short note.", "Some text to store.", "The quick brown fox.", "Nothing new."}},
    {"country", {"France", "Japan", "Brazil", "Kenya"}},
    {"currency", {"EUR", "USD", "JPY", "GBP"}},
    {"cursor", {"0", "10", "20", "30"}},
    {"date", {"2024-01-15", "2024-06-30", "2025-03-08", "2025-11-21"}},
    {"datetime",
     {"2024-01-15T09:30:00Z", "2024-06-30T12:00:00Z", "2025-03-08T18:45:00Z",
      "2025-11-21T07:15:00Z"}},
    {"description", {"A short description.", "An example.", "What it is for.", "Made for a test."}},
    {"directory", {"/tmp", "/tmp/data", "/tmp/work", "/tmp/files"}},
    {"domain", {"example.com", "example.org", "example.net", "test.example"}},
    {"email", {"ada@example.com", "alan@example.com", "grace@example.org", "user@example.net"}},
    {"extension", {"txt", "md", "json", "csv"}},
    {"file", {"example.txt", "notes.md", "data.json", "report.csv"}},
    {"filename", {"example.txt", "notes.md", "data.json", "report.csv"}},
    {"filter", {"all", "active", "recent", "open"}},
    {"first", {"Ada", "Alan", "Grace", "Edsger"}},
    {"folder", {"/tmp", "/tmp/data", "/tmp/work", "/tmp/files"}},
    {"format", {"json", "text", "csv", "markdown"}},
    {"from", {"start", "alpha", "here", "first"}},
    {"host", {"localhost", "example.com", "example.org", "example.net"}},
    {"hostname", {"localhost", "example.com", "example.org", "example.net"}},
    {"id", {"item-1", "item-2", "item-3", "item-42"}},
    {"input", {"hello", "some input", "a test", "1 2 3"}},
    {"ip", {"192.0.2.1", "192.0.2.7", "198.51.100.4", "203.0.113.9"}},
    {"key", {"alpha", "beta", "gamma", "delta"}},
    {"keyword", {"memory", "graph", "search", "test"}},
    {"kind", {"note", "task", "event", "person"}},
    {"label", {"alpha", "beta", "gamma", "delta"}},
    {"lang", {"en", "fr", "de", "ja"}},
    {"language", {"en", "fr", "de", "ja"}},
    {"last", {"Lovelace", "Turing", "Hopper", "Dijkstra"}},
    {"level", {"info", "debug", "warning", "error"}},
    {"locale", {"en-US", "fr-FR", "de-DE", "ja-JP"}},
    {"location", {"London", "Paris", "Tokyo", "New York"}},
    {"message", {"Hello", "Good morning", "This is a test", "Hello, world"}},
    {"method", {"GET", "POST", "PUT", "HEAD"}},
    {"mode", {"default", "fast", "safe", "full"}},
    {"model", {"small", "medium", "large", "base"}},
    {"name", {"alpha", "beta", "gamma", "delta"}},
    {"note", {"A short note.", "Remember this.", "Nothing new.", "To do."}},
    {"observation", {"likes tea", "speaks French", "works at night", "plays chess"}},
    {"order", {"asc", "desc", "asc", "desc"}},
    {"path", {"/tmp/example.txt", "/tmp/notes.md", "/tmp/data.json", "/tmp/report.csv"}},
    {"pattern", {"*", "*.txt", "test*", "a"}},
    {"phone", {"+15551234567", "+15557654321", "+15550001111", "+15552223333"}},
    {"prefix", {"a", "test", "item", "pre"}},
    {"project", {"demo", "sample", "website", "engine"}},
    {"prompt", {"Tell a short story.", "Say hello.", "Count to three.", "Name a colour."}},
    {"query", {"hello world", "memory", "what is new", "test"}},
    {"question", {"What time is it?", "Who is there?", "How are you?", "Why not?"}},
    {"reason", {"a test", "routine", "requested", "scheduled"}},
    {"region", {"eu-west-1", "us-east-1", "ap-south-1", "eu-north-1"}},
    {"relation", {"knows", "uses", "owns", "likes"}},
    {"repo", {"example/repo", "demo/site", "test/engine", "sample/app"}},
    {"role", {"user", "admin", "guest", "editor"}},
    {"search", {"hello", "memory", "graph", "test"}},
    {"sort", {"name", "date", "size", "name"}},
    {"source", {"alpha", "web", "file", "user"}},
    {"sql", {"SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4"}},
    {"state", {"active", "open", "closed", "new"}},
    {"status", {"active", "open", "closed", "new"}},
    {"street", {"Example Street", "Sample Road", "Test Avenue", "Demo Lane"}},
    {"subject", {"Hello", "News", "A question", "Report"}},
    {"summary", {"A short summary.", "In brief.", "All went well.", "Nothing new."}},
    {"symbol", {"ABC", "XYZ", "FOO", "BAR"}},
    {"tag", {"red", "urgent", "draft", "test"}},
    {"target", {"beta", "local", "copy", "end"}},
    {"text", {"The quick brown fox", "Hello, world", "Some text", "A line of text"}},
    {"time", {"09:30:00Z", "12:00:00Z", "18:45:00Z", "07:15:00Z"}},
    {"timestamp",
     {"2024-01-15T09:30:00Z", "2024-06-30T12:00:00Z", "2025-03-08T18:45:00Z",
      "2025-11-21T07:15:00Z"}},
    {"timezone", {"UTC", "Europe/Paris", "America/New_York", "Asia/Tokyo"}},
    {"title", {"An example", "First steps", "A report", "Notes"}},
    {"to", {"end", "beta", "there", "last"}},
    {"token", {"abc123", "def456", "ghi789", "jkl012"}},
    {"topic", {"science", "music", "travel", "history"}},
    {"type", {"person", "place", "note", "event"}},
    {"unit", {"metric", "imperial", "metric", "imperial"}},
    {"uri",
     {"https://example.com/a", "https://example.com/b", "https://example.org/c",
      "https://example.net/d"}},
    {"url",
     {"https://example.com/a", "https://example.com/b", "https://example.org/c",
      "https://example.net/d"}},
    {"user", {"ada", "alan", "grace", "edsger"}},
    {"username", {"ada", "alan", "grace", "edsger"}},
    {"value", {"one", "two", "three", "four"}},
    {"version", {"1.0.0", "1.2.3", "2.0.0", "0.9.1"}},
    {"zip", {"10115", "75001", "94103", "20001"}},
};

/* Durations, steps and delays are small: a load test calls a tool often, and it should answer. */
static const struct {
    const char *word;
    double low, high;
} ranges[] = {
    {"age", 18, 80},
    {"amount", 1, 500},
    {"confidence", 0, 1},
    {"count", 1, 10},
    {"day", 1, 28},
    {"delay", 0, 2},
    {"depth", 1, 3},
    {"duration", 1, 2},
    {"height", 100, 800},
    {"hour", 0, 23},
    {"id", 1, 1000},
    {"importance", 0, 1},
    {"index", 0, 5},
    {"interval", 1, 5},
    {"lat", -60, 60},
    {"latitude", -60, 60},
    {"length", 1, 50},
    {"limit", 1, 20},
    {"lng", -150, 150},
    {"lon", -150, 150},
    {"longitude", -150, 150},
    {"minute", 0, 59},
    {"month", 1, 12},
    {"offset", 0, 10},
    {"page", 1, 5},
    {"percent", 0, 100},
    {"percentage", 0, 100},
    {"port", 1024, 65535},
    {"price", 1, 500},
    {"priority", 1, 5},
    {"probability", 0, 1},
    {"quantity", 1, 10},
    {"ratio", 0, 1},
    {"retries", 0, 3},
    {"score", 0, 1},
    {"second", 0, 59},
    {"seconds", 1, 2},
    {"size", 1, 50},
    {"steps", 1, 3},
    {"temperature", 0, 1},
    {"threshold", 0, 1},
    {"timeout", 1, 30},
    {"timestamp", 1700000000, 1760000000},
    {"tokens", 10, 200},
    {"weight", 0, 1},
    {"width", 100, 800},
    {"year", 2000, 2026},
};

static void split(const char *name, struct words *words);
static bool same_word(const char *word, const char *known);

const char *words_text(const char *name, struct random *random)
{
    struct words words;
    split(name ? name : "", &words);
    for (size_t w = words.count; w-- > 0;) /* the last word is the noun */
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            if (same_word(words.items[w], texts[i].word))
                return texts[i].samples[random_below(random, 4)];
    static const char *const others[] = {"alpha", "bravo", "delta", "echo",
                                         "golf",  "hotel", "india", "lima"};
    return others[random_below(random, sizeof others / sizeof *others)];
}

bool words_range(const char *name, double *low, double *high)
{
    struct words words;
    split(name ? name : "", &words);
    for (size_t w = words.count; w-- > 0;)
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
            if (same_word(words.items[w], ranges[i].word)) {
                *low = ranges[i].low;
                *high = ranges[i].high;
                return true;
            }
    return false;
}

const char *words_property_name(size_t index)
{
    static const char *const names[] = {"alpha", "beta",  "gamma", "delta",
                                        "omega", "kappa", "sigma", "theta"};
    return names[index % (sizeof names / sizeof *names)];
}

static void split(const char *name, struct words *words)
{
    size_t length = 0;
    words->count = 0;
    for (const char *c = name; words->count < MAX_WORDS; c++) {
        bool letter = isalnum((unsigned char)*c);
        bool hump =
            letter && isupper((unsigned char)*c) && length > 0 && islower((unsigned char)c[-1]);
        if (length > 0 && (!letter || hump)) {
            words->items[words->count++][length] = '\0';
            length = 0;
        }
        if (!*c || words->count == MAX_WORDS)
            return;
        if (letter && length < MAX_WORD - 1)
            words->items[words->count][length++] = (char)tolower((unsigned char)*c);
    }
}

/* "tags" is "tag", "queries" is not looked for. */
static bool same_word(const char *word, const char *known)
{
    size_t length = strlen(known);
    if (strncmp(word, known, length) != 0)
        return false;
    return word[length] == '\0' || (word[length] == 's' && word[length + 1] == '\0');
}
