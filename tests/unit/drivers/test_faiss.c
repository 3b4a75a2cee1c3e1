/* The FAISS driver on generated indexes; what it says of files that are none. Searches are checked
 * against a search of the test's own. */
#include "local_drive.h"

#include "drivers/faiss_internal.h"

#include <math.h>
#include <unistd.h>

/* FAISS 1.7.3 forgets what it began to read when the file ends too early. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:faiss::read_index\n";
}

static char folder[] = "/tmp/cicada-test-XXXXXX";

static void expect_refused(const char *url, const char *options, enum error_code code,
                           const char *part)
{
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, options), -1);
    assert_int_equal(drive.error.code, code);
    assert_contains(drive.error.text, part);
}

static json_t *report_of(struct drive *drive)
{
    return drive->target.driver->report(&drive->target);
}

static double recall_of(struct drive *drive, size_t *sample)
{
    json_t *report = report_of(drive), *recall = json_object_get(report, "recall");
    double value = json_number_value(json_object_get(recall, "value"));
    assert_true(json_is_number(json_object_get(recall, "value")));
    *sample = (size_t)json_integer_value(json_object_get(recall, "sample"));
    json_decref(report);
    return value;
}

static json_int_t first_id(const json_t *answer)
{
    return json_integer_value(json_array_get(json_object_get(answer, "ids"), 0));
}

static double first_distance(const json_t *answer)
{
    return json_number_value(json_array_get(json_object_get(answer, "distances"), 0));
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static void what_cannot_be_opened_is_told_apart(void **state)
{
    char path[64], url[128];
    (void)state;
    snprintf(path, sizeof path, "%s/x.index", folder);
    snprintf(url, sizeof url, "faiss:%s", path);
    expect_refused(url, NULL, ERROR_TARGET, "No such file");
    FILE *file = fopen(path, "w");
    fputs("no index at all", file);
    fclose(file);
    expect_refused(url, NULL, ERROR_TARGET, "no index that FAISS can read");
    file = fopen(path, "w");
    fputs("IxF2\x40", file); /* the beginning of a flat index */
    fclose(file);
    expect_refused(url, NULL, ERROR_TARGET, "or not all of one");
    expect_refused(url, "{\"vectors\": 10}", ERROR_USAGE, "of a generated index");
    expect_refused("faiss:", NULL, ERROR_USAGE, "names no file");
    expect_refused("faiss:generated", "{\"type\": \"tree\"}", ERROR_USAGE, "flat ivf hnsw");
    expect_refused("faiss:generated?dimension=0", NULL, ERROR_USAGE,
                   "dimension: 0 is out of bounds");
    expect_refused("faiss:generated?nlist=many", NULL, ERROR_USAGE, "nlist: \"many\"");
    expect_refused("faiss:generated?speed=9", NULL, ERROR_USAGE, "no setting \"speed\"");
    unlink(path);
}

static void each_type_opens_and_offers_what_it_can(void **state)
{
    static const struct {
        const char *url, *type;
        bool range;
    } cases[] = {
        {"faiss:generated?type=flat&vectors=200&dimension=8", "IndexFlatL2", true},
        {"faiss://generated?type=ivf&vectors=200&dimension=8", "IndexIVFFlat", true},
        {"faiss:generated?type=hnsw&vectors=200&dimension=8", "IndexHNSWFlat", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct drive drive;
        assert_int_equal(drive_open(&drive, cases[i].url, NULL), 0);
        assert_contains(drive.target.description, cases[i].type);
        assert_contains(drive.target.description, "200 vectors of dimension 8");
        assert_true(!drive_offer(&drive, "range") == !cases[i].range);
        assert_int_equal(drive.target.excluded_count, cases[i].range ? 0 : 1);
        assert_true(drive_offer(&drive, "search")->weight > drive_offer(&drive, "add")->weight);
        drive_close(&drive);
    }
}

/* ---- answers -----------------------------------------------------------------------------------
 */

static void a_flat_search_finds_the_nearest(void **state)
{
    enum { COUNT = 300, DIMENSION = 16, K = 5 };
    (void)state;
    struct drive drive;
    struct faiss_vectors vectors;
    float all[COUNT][DIMENSION], query[DIMENSION];
    assert_int_equal(
        drive_open(&drive, "faiss:generated?type=flat&vectors=300&dimension=16&k=5&seed=11", NULL),
        0);
    assert_int_equal(faiss_vectors_make(&vectors, 11, DIMENSION, COUNT, NULL), 0);
    for (int i = 0; i < COUNT; i++)
        faiss_vector(&vectors, (uint64_t)i, all[i]);
    faiss_vector_of_key(&vectors, "a note of 3", 11, query);
    double nearest = INFINITY;
    int best = -1;
    for (int i = 0; i < COUNT; i++) {
        double distance = 0;
        for (int d = 0; d < DIMENSION; d++)
            distance += ((double)all[i][d] - query[d]) * ((double)all[i][d] - query[d]);
        if (distance < nearest) {
            nearest = distance;
            best = i;
        }
    }
    drive_start(&drive);
    json_t *answer = drive_answer(&drive, "search", "{\"key\": \"a note of ${user}\"}");
    assert_int_equal(json_array_size(json_object_get(answer, "ids")), K);
    assert_int_equal(first_id(answer), best);
    assert_true(fabs(first_distance(answer) - nearest) < 1e-3 * nearest);
    json_decref(answer);
    answer = drive_answer(&drive, "reconstruct", "{\"id\": 17}");
    for (size_t d = 0; d < DIMENSION; d++)
        assert_true(fabs(json_number_value(json_array_get(json_object_get(answer, "vector"), d)) -
                         (double)all[17][d]) < 1e-6);
    json_decref(answer);
    drive_expect_error(&drive, "reconstruct", "{\"id\": 300}", "no_vector");
    drive_expect_error(&drive, "reconstruct", "{\"id\": -1}", "no_vector");
    drive_expect_error(&drive, "reconstruct", "{\"id\": \"${capture.id}\"}", "template");
    drive_expect_error(&drive, "reconstruct", "{\"id\": \"x${user}\"}", "no_id");
    answer = drive_answer(&drive, "search_batch", NULL);
    assert_int_equal(json_array_size(json_object_get(answer, "ids")), 32);
    assert_int_equal(json_array_size(json_array_get(json_object_get(answer, "ids"), 31)), K);
    json_decref(answer);
    drive_stop(&drive);
    faiss_vectors_free(&vectors);
    drive_close(&drive);
}

static void what_was_added_is_found(void **state)
{
    static const char *const types[] = {"flat", "ivf", "hnsw"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct drive drive;
        char url[128];
        snprintf(url, sizeof url, "faiss:generated?type=%s&vectors=500&dimension=8", types[i]);
        assert_int_equal(drive_open(&drive, url, NULL), 0);
        drive_start(&drive);
        json_t *answer = drive_answer(&drive, "add", "{\"key\": \"note ${user}\"}");
        assert_int_equal(json_integer_value(json_object_get(answer, "id")), 500);
        json_decref(answer);
        json_decref(drive_answer(&drive, "add", NULL));
        answer = drive_answer(&drive, "search", "{\"key\": \"note 3\", \"k\": 2}");
        assert_int_equal(first_id(answer), 500);
        assert_true(first_distance(answer) < 1e-6);
        assert_int_equal(json_array_size(json_object_get(answer, "ids")), 2);
        json_decref(answer);
        answer = drive_answer(&drive, "reconstruct", "{\"id\": \"501\"}");
        assert_int_equal(json_array_size(json_object_get(answer, "vector")), 8);
        json_decref(answer);
        drive_stop(&drive);
        json_t *report = report_of(&drive);
        assert_int_equal(json_integer_value(json_object_get(report, "vectors_added")), 2);
        json_decref(report);
        drive_close(&drive);
    }
}

static void a_range_holds_what_is_within_it(void **state)
{
    (void)state;
    struct drive drive;
    size_t found = 0;
    assert_int_equal(drive_open(&drive, "faiss:generated?type=flat&vectors=2000&dimension=8", NULL),
                     0);
    drive_start(&drive);
    const struct faiss_target *target = drive.target.driver_data;
    for (int i = 0; i < 20; i++) {
        json_t *answer = drive_answer(&drive, "range", NULL), *distance;
        size_t index;
        json_array_foreach(json_object_get(answer, "distances"), index, distance)
        {
            assert_true(json_number_value(distance) <= (double)target->radius);
            found++;
        }
        json_decref(answer);
    }
    assert_true(found > 0);
    drive_stop(&drive);
    drive_close(&drive);
}

/* ---- arguments ---------------------------------------------------------------------------------
 */

static void a_wrong_dimension_is_told_when_it_is_known(void **state)
{
    static char *columns[] = {(char *)(uintptr_t) "good", (char *)(uintptr_t) "short",
                              (char *)(uintptr_t) "word"};
    static char *fields[] = {(char *)(uintptr_t) "[1, 2,3 ,-4e-1]", (char *)(uintptr_t) "[1,2,3]",
                             (char *)(uintptr_t) "none"};
    static char **rows[] = {fields};
    static const struct template_data data = {columns, 3, rows, 1};
    static const struct {
        const char *arguments, *part;
    } wrong[] = {
        {"{\"vector\": [1, 2, 3]}", "has 3 numbers, but the index has vectors of 4"},
        {"{\"vector\": 1}", "a list of numbers"},
        {"{\"vector\": [1, 2, 3, 1e99]}", "too large"},
        {"{\"vector\": [1, 2, 3, 4], \"key\": \"x\"}", "give one"},
        {"{\"k\": 0}", "from 1 to 1000"},
        {"{\"id\": 3}", "no argument of it"},
        {"{\"key\": \"${nobody}\"}", "nobody"},
        {"[1]", "a mapping"},
    };
    (void)state;
    struct drive drive;
    struct operation operation = {0};
    assert_int_equal(drive_open(&drive, "faiss:generated?type=flat&vectors=50&dimension=4", NULL),
                     0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(drive_prepare(&drive, "search", wrong[i].arguments, &operation), -1);
        assert_int_equal(drive.error.code, ERROR_USAGE);
        assert_contains(drive.error.text, wrong[i].part);
        assert_contains(drive.error.text, "plan.yaml:5");
    }
    drive_start(&drive);
    drive.context.data = &data;
    json_t *answer = drive_answer(&drive, "add", "{\"vector\": \"${data.good}\"}");
    assert_int_equal(json_integer_value(json_object_get(answer, "id")), 50);
    json_decref(answer);
    answer = drive_answer(&drive, "search", "{\"vector\": [1, 2, 3, -0.4]}");
    assert_int_equal(first_id(answer), 50);
    json_decref(answer);
    answer = drive_answer(&drive, "search", "{\"vector\": [\"${user:json}\", 2, \"${user}\", 0]}");
    assert_int_equal(json_array_size(json_object_get(answer, "ids")), 10);
    json_decref(answer);
    drive_expect_error(&drive, "search", "{\"vector\": \"${data.short}\"}", "dimension_mismatch");
    drive_expect_error(&drive, "add", "{\"vector\": \"${data.word}\"}", "no_vector");
    drive_stop(&drive);
    drive_close(&drive);
}

static void vectors_are_parsed_strictly(void **state)
{
    static const struct {
        const char *text;
        int result;
        size_t found;
    } cases[] = {
        {"[1,2]", 0, 2},     {"[ 1 , -2.5e3 ]", 0, 2},
        {"\"[1,2]\"", 0, 2}, {"[\"1\",\"2\"]", 0, 2},
        {"[1,2,3]", -1, 3},  {"[1]", -1, 1},
        {"[]", -1, 0},       {"", -1, 0},
        {"[", -1, 0},        {"]", -1, 0},
        {"\"", -1, 0},       {"1,2", -1, 0},
        {"[1,]", -1, 1},     {"[,1]", -1, 0},
        {"[1,x]", -1, 1},    {"[1,nan]", -1, 1},
        {"[1,1e99]", -1, 1}, {"[1 2]", -1, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float vector[2];
        size_t found;
        int result = faiss_parse_vector(cases[i].text, strlen(cases[i].text), vector, 2, &found);
        if (result != cases[i].result || (result == 0 && found != cases[i].found))
            fail_msg("\"%s\": %d, %zu found", cases[i].text, result, found);
    }
}

/* ---- recall ------------------------------------------------------------------------------------
 */

static void recall_is_one_of_a_flat_index_also_while_it_grows(void **state)
{
    (void)state;
    struct drive drive;
    size_t sample;
    assert_int_equal(
        drive_open(&drive, "faiss:generated?type=flat&vectors=1000&dimension=32&batch=40", NULL),
        0);
    drive_start(&drive);
    for (int i = 0; i < 400; i++) {
        json_decref(drive_answer(&drive, i % 3 ? "search" : "search_batch", NULL));
        json_decref(drive_answer(&drive, "add", NULL));
    }
    drive_stop(&drive);
    assert_true(recall_of(&drive, &sample) == 1.0);
    assert_int_equal(sample, FAISS_SAMPLES);
    json_t *again = report_of(&drive); /* told once */
    assert_true(json_is_null(json_object_get(json_object_get(again, "recall"), "value")));
    json_decref(again);
    drive_close(&drive);
}

static void recall_falls_where_less_is_looked_at(void **state)
{
    static const struct {
        const char *query;
        double least, most;
    } cases[] = {
        {"type=ivf&nlist=40&nprobe=40", 1, 1}, /* every list: exact */
        {"type=ivf&nlist=40&nprobe=1", 0.2, 0.99},
        {"type=hnsw&ef=400", 0.99, 1},
        {"type=hnsw&M=4&ef=10&ef_construction=10", 0.05, 0.97},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct drive drive;
        char url[160];
        size_t sample;
        snprintf(url, sizeof url, "faiss:generated?vectors=3000&dimension=32&%s", cases[i].query);
        assert_int_equal(drive_open(&drive, url, NULL), 0);
        drive_start(&drive);
        for (int k = 0; k < 200; k++)
            json_decref(drive_answer(&drive, "search", NULL));
        drive_stop(&drive);
        double recall = recall_of(&drive, &sample);
        assert_int_equal(sample, 200);
        if (recall < cases[i].least || recall > cases[i].most)
            fail_msg("%s: recall %g, not %g to %g", cases[i].query, recall, cases[i].least,
                     cases[i].most);
        drive_close(&drive);
    }
}

static void wrong_answers_are_no_recall(void **state)
{
    enum { K = 3 };
    (void)state;
    struct faiss_problem problem;
    const struct faiss_shape shape = {.type = FAISS_FLAT, .dimension = 1};
    const float vectors[] = {0, 1, 2, 3, 3, 9};
    struct faiss_index *index = faiss_index_make(&shape, 6, vectors, &problem);
    const float query = 2.1F;
    static const struct {
        int64_t ids[K], before;
        unsigned wanted, correct;
    } cases[] = {
        {{2, 3, 4}, 6, 3, 3},    {{2, 4, 3}, 6, 3, 3}, /* order is no matter */
        {{2, 3, 5}, 6, 3, 2},    {{2, 2, 2}, 6, 3, 1}, /* one, told three times */
        {{-1, -1, -1}, 6, 3, 0}, {{0, 5, -1}, 6, 3, 0},
        {{2, 1, 0}, 3, 3, 3},    {{2, 1, -1}, 2, 2, 1}, /* 2 was not there yet */
        {{77, 2, 3}, 6, 3, 2},
    };
    assert_non_null(index);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct faiss_sample sample = {
            .query = &query, .ids = cases[i].ids, .k = K, .before = cases[i].before};
        assert_int_equal(faiss_index_check(index, &sample, 1, &problem), 0);
        if (sample.wanted != cases[i].wanted || sample.correct != cases[i].correct)
            fail_msg("case %zu: %u of %u", i, sample.correct, sample.wanted);
    }
    faiss_index_close(index);
}

/* ---- the scan of our own -------------------------------------------------------------------- */

enum { SCANNED = 2100 }; /* vectors at most: blocks, strips, and a rest */

/* So small beside the first that a byte cannot tell the others from 0. */
static void make_small(float *vector, unsigned dimension)
{
    for (unsigned i = 0; i < dimension; i++)
        vector[i] *= 3;
    vector[0] = 1000;
}

/* Small beside the first too, but of just what a byte can tell from 0. */
static void make_even(float *vector, unsigned dimension)
{
    for (unsigned i = 0; i < dimension; i++)
        vector[i] = vector[i] < 0 ? -1000.0F / 127 : 1000.0F / 127;
    vector[0] = -1000;
}

static void fill_randomly(struct random *random, float *vectors, size_t count, unsigned dimension)
{
    for (size_t i = 0; i < count * dimension; i++)
        vectors[i] = (float)(random_unit(random) * 2 - 1);
    for (size_t i = 0; i < count; i++) {
        if (i % 7 == 3) /* nothing, very much, and the same again */
            memset(vectors + i * dimension, 0, dimension * sizeof *vectors);
        if (i % 7 == 4)
            vectors[i * dimension] *= 1000;
        if (i % 7 == 5)
            memcpy(vectors + i * dimension, vectors + (i - 5) * dimension,
                   dimension * sizeof *vectors);
        if (i % 7 == 6)
            (i % 2 ? make_small : make_even)(vectors + i * dimension, dimension);
    }
}

/* As near as what the library's own exact search finds: equal distances may be told in any order.
 */
static void expect_as_exact(const struct faiss_index *ours, const struct faiss_index *exact,
                            size_t count, const float *query, unsigned wanted)
{
    float found[SCANNED], expected[SCANNED];
    int64_t ids[SCANNED], others[SCANNED];
    struct faiss_problem problem;
    assert_int_equal(faiss_index_search(exact, 1, query, wanted, expected, others, &problem), 0);
    assert_int_equal(faiss_index_search(ours, 1, query, wanted, found, ids, &problem), 0);
    for (unsigned at = 0; at < wanted && at < count; at++) {
        assert_true(ids[at] >= 0 && ids[at] < (int64_t)count);
        assert_float_equal(found[at], expected[at], 1e-5F * (1 + expected[at]));
        assert_true(at == 0 || found[at - 1] <= found[at]);
    }
    for (size_t at = count; at < wanted; at++)
        assert_int_equal(ids[at], -1);
}

/* Of many words or of few, and of vectors of one kind among those of the other. */
static void make_query(struct random *random, float *query, unsigned dimension, unsigned turn)
{
    fill_randomly(random, query, 1, dimension);
    for (unsigned at = 0; turn % 2 && at < dimension; at++)
        query[at] *= at % 8 == turn % 8;
    if (turn % 5 > 2) {
        (turn % 5 == 3 ? make_small : make_even)(query, dimension);
        query[0] = -query[0];
    }
}

static void a_scan_finds_what_an_exact_search_finds(void **state)
{
    enum { WIDEST = 300, QUERIES = 15 };
    static const unsigned dimensions[] = {1, 3, 64, 100, 256, WIDEST}, wanted[] = {1, 10, 700};
    static const size_t counts[] = {0,   1,   7,    127,  128,  129,    255,
                                    257, 700, 1023, 1024, 1025, SCANNED};
    float *vectors = malloc(sizeof(float) * SCANNED * WIDEST), query[WIDEST];
    struct faiss_problem problem;
    struct random random;
    (void)state;
    random_seed(&random, 11, 0);
    for (size_t i = 0; i < sizeof dimensions / sizeof *dimensions; i++)
        for (size_t j = 0; j < sizeof counts / sizeof *counts; j++) {
            struct faiss_shape flat = {.type = FAISS_FLAT, .dimension = dimensions[i]};
            struct faiss_shape scan = {.type = FAISS_SCAN, .dimension = dimensions[i]};
            fill_randomly(&random, vectors, counts[j], dimensions[i]);
            struct faiss_index *exact = faiss_index_make(&flat, counts[j], vectors, &problem);
            struct faiss_index *ours = faiss_index_make(&scan, counts[j], vectors, &problem);
            assert_true(exact && ours);
            for (unsigned turn = 0; turn < QUERIES; turn++) {
                make_query(&random, query, dimensions[i], turn);
                for (unsigned kind = 0; faiss_scan_choose(kind); kind++)
                    expect_as_exact(ours, exact, counts[j], query, wanted[turn % 3]);
            }
            assert_true(faiss_scan_choose(0));
            faiss_index_close(exact);
            faiss_index_close(ours);
        }
    free(vectors);
}

/* By its bytes the first seems farther by far: where the query is not 0 they leave out almost half
 * of what 1 stands for, of the one downwards, of the other upwards. It is nearer, but by little. */
static void a_scan_allows_for_what_bytes_leave_out(void **state)
{
    enum { DIMENSION = 256 };
    static const struct {
        size_t words;
        float first, others;
    } cases[] = {{4, 1.22F, 0.3F}, /* bytes leave out much that is no matter to the query */
                 {1, 0, 0}};
    struct faiss_shape scan = {.type = FAISS_SCAN, .dimension = DIMENSION};
    struct faiss_problem problem;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float vectors[2][DIMENSION], query[DIMENSION] = {0}, distance;
        int64_t id;
        for (size_t at = 0; at < DIMENSION; at++)
            vectors[0][at] = vectors[1][at] = cases[i].others;
        for (size_t at = 0; at < cases[i].words; at++) {
            query[at] = 1;
            vectors[0][at] = 10.49F;
            vectors[1][at] = 10.51F;
        }
        vectors[0][cases[i].words] = cases[i].first;
        vectors[0][DIMENSION - 1] = vectors[1][DIMENSION - 1] = 127; /* 1 stands for 1 */
        struct faiss_index *index = faiss_index_make(&scan, 2, vectors[0], &problem);
        assert_non_null(index);
        for (unsigned kind = 0; faiss_scan_choose(kind); kind++) {
            assert_int_equal(faiss_index_search(index, 1, query, 1, &distance, &id, &problem), 0);
            assert_int_equal(id, 0);
        }
        assert_true(faiss_scan_choose(0));
        faiss_index_close(index);
    }
}

/* The same places at the same distances, whatever is made of the processor's instructions. */
static void a_scan_finds_the_same_on_every_processor(void **state)
{
    enum { DIMENSION = 250, WANTED = 80 };
    float *vectors = malloc(sizeof(float) * SCANNED * DIMENSION), query[DIMENSION];
    float distances[2][WANTED];
    int64_t ids[2][WANTED];
    struct faiss_shape scan = {.type = FAISS_SCAN, .dimension = DIMENSION};
    struct faiss_problem problem;
    struct random random;
    (void)state;
    random_seed(&random, 12, 0);
    fill_randomly(&random, vectors, SCANNED, DIMENSION);
    struct faiss_index *index = faiss_index_make(&scan, SCANNED, vectors, &problem);
    assert_non_null(index);
    for (unsigned turn = 0; turn < 10; turn++) {
        make_query(&random, query, DIMENSION, turn);
        for (unsigned kind = 0; faiss_scan_choose(kind); kind++) {
            const unsigned at = kind > 0;
            faiss_index_search(index, 1, query, WANTED, distances[at], ids[at], &problem);
            if (at) {
                assert_memory_equal(distances[0], distances[1], sizeof *distances);
                assert_memory_equal(ids[0], ids[1], sizeof *ids);
            }
        }
        assert_true(faiss_scan_choose(0));
    }
    faiss_index_close(index);
    free(vectors);
}

/* ---- limits ------------------------------------------------------------------------------------
 */

static void an_index_grows_to_its_limit_only(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(
        drive_open(&drive, "faiss:generated?type=flat&vectors=10&dimension=4&max_added=2", NULL),
        0);
    drive_start(&drive);
    json_decref(drive_answer(&drive, "add", NULL));
    json_decref(drive_answer(&drive, "add", NULL));
    drive_expect_error(&drive, "add", NULL, "index_full");
    json_decref(drive_answer(&drive, "search", NULL));
    drive_stop(&drive);
    drive_close(&drive);
}

static void a_search_given_up_is_ignored(void **state)
{
    static const struct outcome timed_out = {.kind = OUTCOME_TIMEOUT};
    (void)state;
    struct drive drive;
    struct operation batch = {0};
    struct driven driven[20];
    assert_int_equal(drive_open(&drive,
                                "faiss:generated?type=flat&vectors=20000&dimension=64&batch=512&"
                                "threads=1",
                                NULL),
                     0);
    drive_start(&drive);
    assert_int_equal(drive_prepare(&drive, "search_batch", NULL, &batch), 0);
    for (int i = 0; i < 20; i++)
        drive_submit(&drive, &batch, &driven[i]);
    for (int i = 0; i < 20; i++) /* the first runs, the others wait */
        drive.target.driver->cancel(driven[i].call, &timed_out);
    drive.target.driver->release(&drive.target, &batch);
    for (int i = 0; i < 20; i++) {
        drive_await(&drive, &driven[i]);
        assert_int_equal(driven[i].outcome.kind, OUTCOME_TIMEOUT);
        driven_free(&driven[i]);
    }
    json_decref(drive_answer(&drive, "search", NULL));
    drive_stop(&drive);
    drive_close(&drive);
}

static void keys_make_vectors(void **state)
{
    (void)state;
    struct faiss_vectors vectors;
    float one[8], same[8], other[8];
    assert_int_equal(faiss_vectors_make(&vectors, 5, 8, 100, NULL), 0);
    faiss_vector_of_key(&vectors, "a", 1, one);
    faiss_vector_of_key(&vectors, "a", 1, same);
    faiss_vector_of_key(&vectors, "b", 1, other);
    assert_memory_equal(one, same, sizeof one);
    assert_memory_not_equal(one, other, sizeof one);
    faiss_vectors_free(&vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_opened_is_told_apart),
        cmocka_unit_test(each_type_opens_and_offers_what_it_can),
        cmocka_unit_test(a_flat_search_finds_the_nearest),
        cmocka_unit_test(what_was_added_is_found),
        cmocka_unit_test(a_range_holds_what_is_within_it),
        cmocka_unit_test(a_wrong_dimension_is_told_when_it_is_known),
        cmocka_unit_test(vectors_are_parsed_strictly),
        cmocka_unit_test(recall_is_one_of_a_flat_index_also_while_it_grows),
        cmocka_unit_test(recall_falls_where_less_is_looked_at),
        cmocka_unit_test(wrong_answers_are_no_recall),
        cmocka_unit_test(a_scan_finds_what_an_exact_search_finds),
        cmocka_unit_test(a_scan_allows_for_what_bytes_leave_out),
        cmocka_unit_test(a_scan_finds_the_same_on_every_processor),
        cmocka_unit_test(an_index_grows_to_its_limit_only),
        cmocka_unit_test(a_search_given_up_is_ignored),
        cmocka_unit_test(keys_make_vectors),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
