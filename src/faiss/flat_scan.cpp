/* See flat_scan.h. What is done for every vector is compiled for several kinds of processor. */
#include "faiss/flat_scan.h"

#include "faiss/kth_smallest.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <utility>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace
{

constexpr size_t STRIP = flat_scan::STRIP;
constexpr size_t STRIPS = 8; /* whose bytes of a dimension stand together, in a block */
constexpr size_t STRIDE = STRIPS * STRIP; /* from the bytes of a dimension to those of the next */
constexpr size_t GROUP = 8;               /* vectors of a strip that are passed over together */
constexpr size_t TERMS = 4;               /* that are added at a time */
constexpr size_t QUARTERS = 4;            /* of a register */
constexpr size_t LANES = 16;    /* sums that are kept apart, so that they can be one register */
constexpr size_t LINE = 64;     /* bytes that the cache takes at once */
constexpr size_t ROOM = 1024;   /* for candidates: there are seldom more */
constexpr size_t AHEAD = 2;     /* candidates whose vectors are asked for before their turn */
constexpr int ZERO = 128;       /* the byte that stands for 0 */
constexpr float HALF = 0.5001F; /* of what 1 stands for, a byte leaves out of a dimension at most */
constexpr float ROUNDING = 1e-5F; /* more than float arithmetic loses, relative to what is added */

struct terms { /* dimensions in which the query is not 0, and what it has there */
    size_t dimensions[TERMS];
    int8_t weights[TERMS];
};

struct question {
    std::vector<terms> all;
    float scale;  /* of a weight */
    float length; /* of the query */
    float coded;  /* length of what the weights stand for, at most */
    float sum;    /* of what they stand for, without signs */
    float error;  /* length of what they leave out */
    int moved;    /* by this are products too large, since bytes have no sign */
};

struct strip { /* of vectors: their bytes stand by dimension */
    const uint8_t *bytes;
    const uint8_t *next; /* of the strip that is looked at after this one */
    const float *scales, *lengths;
    const flat_scan::range range;
};

struct within { /* vectors of a strip that can be within a limit */
    size_t count, places[STRIP];
    float lower[STRIP], upper[STRIP]; /* bounds of their distances */
};

/* ---- what is done for every vector ---------------------------------------------------------- */

/* Code in these becomes part of the functions that are compiled for a kind of processor. */
#define FOR_EACH_PROCESSOR __attribute__((always_inline)) inline

using products_function = void(const std::vector<terms> &all, const strip &vectors,
                               int32_t *products);
using find_function = void(const question &asked, const strip &vectors, float limit, within &found);
using distance_function = float(const float *one, const float *other, size_t dimension);

FOR_EACH_PROCESSOR void fetch(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += LINE)
        __builtin_prefetch(bytes + i);
}

/* With q = q' + dq and v = v' + dv, where q' and v' are what the bytes stand for, q.v is q'.v' +
 * q'.dv + dq.v. The last is at most |dq||v| (Cauchy and Schwarz); the one before it at most
 * |q'||dv| as well, and at most what q' has in all dimensions times half of what 1 in a byte of v
 * stands for. */
FOR_EACH_PROCESSOR float error_of(const question &asked, const strip &vectors, size_t i)
{
    float by_length = asked.coded * vectors.range.error, by_sum = asked.sum * vectors.scales[i];
    return (by_length < by_sum ? by_length : by_sum) + asked.error * vectors.range.longest;
}

/* Of the query and a vector of this length, what their distance is without their product. */
FOR_EACH_PROCESSOR float squares_of(const question &asked, float length)
{
    return (1 - ROUNDING) * (asked.length * asked.length + length * length);
}

/* The vectors whose lower bound is not above the limit. Loops become vector instructions. What is
 * read of every vector comes from afar: where all of a strip have one length, theirs are not. */
template <products_function products_of>
FOR_EACH_PROCESSOR void find_within(const question &asked, const strip &vectors, float limit,
                                    within &found)
{
    const bool one_length = vectors.range.least >= (1 - ROUNDING) * vectors.range.longest;
    int32_t products[STRIP];
    float lower[STRIP];
    uint8_t is_within[STRIP];
    products_of(asked.all, vectors, products);
    for (size_t i = 0; i < STRIP; i++) {
        float length = one_length ? vectors.range.least : vectors.lengths[i],
              product =
                  static_cast<float>(products[i] - asked.moved) * (vectors.scales[i] * asked.scale);
        lower[i] = squares_of(asked, length) - 2 * (product + error_of(asked, vectors, i));
        is_within[i] = lower[i] <= limit;
    }
    found.count = 0;
    for (size_t from = 0; from < STRIP; from += GROUP) {
        uint64_t any;
        std::memcpy(&any, is_within + from, sizeof any);
        for (size_t i = from; any && i < from + GROUP; i++) {
            found.places[found.count] = i;
            found.count += is_within[i];
        }
    }
    for (size_t i = 0; i < found.count; i++) {
        size_t place = found.places[i];
        float longest = vectors.range.longest,
              squares = asked.length * asked.length + longest * longest;
        found.lower[i] = lower[place];
        found.upper[i] =
            lower[place] + 4 * error_of(asked, vectors, place) + 4 * ROUNDING * squares;
    }
}

/* Sums are kept apart, so that the compiler can keep them in one register. */
FOR_EACH_PROCESSOR float distance_of(const float *one, const float *other, size_t dimension)
{
    float sums[LANES] = {};
    size_t at = 0;
    for (; at + LANES <= dimension; at += LANES)
        for (size_t i = 0; i < LANES; i++) {
            float difference = one[at + i] - other[at + i];
            sums[i] += difference * difference;
        }
    for (size_t i = 0; at < dimension; at++, i++) {
        float difference = one[at] - other[at];
        sums[i] += difference * difference;
    }
    for (size_t width = LANES / 2; width > 0; width /= 2)
        for (size_t i = 0; i < width; i++)
            sums[i] += sums[i + width];
    return sums[0];
}

/* A product is less than 16 bits, of which plain processors multiply eight at a time. */
__attribute__((noinline)) void add_products(const uint8_t *row, int16_t weight, int32_t *products)
{
    for (size_t i = 0; i < STRIP; i++)
        products[i] += static_cast<int16_t>(weight * row[i]);
}

void products_plain(const std::vector<terms> &all, const strip &vectors, int32_t *products)
{
    std::fill(products, products + STRIP, 0);
    for (const terms &some : all)
        for (size_t t = 0; t < TERMS; t++) {
            const size_t row = some.dimensions[t] * STRIDE;
            fetch(vectors.next + row, STRIP);
            add_products(vectors.bytes + row, some.weights[t], products);
        }
}

void find_plain(const question &asked, const strip &vectors, float limit, within &found)
{
    find_within<products_plain>(asked, vectors, limit, found);
}

float distance_plain(const float *one, const float *other, size_t dimension)
{
    return distance_of(one, other, dimension);
}

#ifdef __x86_64__

#define AVX2 __attribute__((target("avx2")))
#define VNNI __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))

/* Two weights beside each other, for bytes that are widened. */
inline int32_t pair_of(const int8_t *weights)
{
    return static_cast<int32_t>(static_cast<uint16_t>(weights[0]) |
                                static_cast<uint32_t>(static_cast<uint16_t>(weights[1])) << 16);
}

/* Bytes of two dimensions are brought beside each other: one instruction multiplies and adds. The
 * sums of half a strip are what the registers can hold. */
AVX2 inline void products_avx2(const std::vector<terms> &all, const strip &vectors,
                               int32_t *products)
{
    constexpr size_t WIDTH = 16, HALF_STRIP = STRIP / 2, COUNT = HALF_STRIP / WIDTH;
    for (size_t from = 0; from < STRIP; from += HALF_STRIP) {
        __m256i sums[COUNT][2];
        for (auto &some : sums)
            some[0] = some[1] = _mm256_setzero_si256();
        for (const terms &some : all)
            for (size_t t = 0; t < TERMS; t += 2) {
                const size_t one = some.dimensions[t] * STRIDE + from,
                             other = some.dimensions[t + 1] * STRIDE + from;
                const __m256i weights = _mm256_set1_epi32(pair_of(some.weights + t));
                fetch(vectors.next + one, HALF_STRIP);
                fetch(vectors.next + other, HALF_STRIP);
                for (size_t i = 0; i < COUNT; i++) {
                    __m128i a = _mm_load_si128(
                        reinterpret_cast<const __m128i *>(vectors.bytes + one + i * WIDTH));
                    __m128i b = _mm_load_si128(
                        reinterpret_cast<const __m128i *>(vectors.bytes + other + i * WIDTH));
                    __m256i low = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)),
                            high = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
                    sums[i][0] = _mm256_add_epi32(sums[i][0], _mm256_madd_epi16(low, weights));
                    sums[i][1] = _mm256_add_epi32(sums[i][1], _mm256_madd_epi16(high, weights));
                }
            }
        std::memcpy(products + from, sums, sizeof sums);
    }
}

AVX2 void find_avx2(const question &asked, const strip &vectors, float limit, within &found)
{
    find_within<products_avx2>(asked, vectors, limit, found);
}

/* Without fused multiplication and addition: the same distances on every processor. */
AVX2 float distance_avx2(const float *one, const float *other, size_t dimension)
{
    return distance_of(one, other, dimension);
}

/* The same of four dimensions, of half a strip: an instruction multiplies and adds what has been
 * brought beside each other, in each quarter of a register by itself. */
VNNI FOR_EACH_PROCESSOR void add_four(__m512i (&sums)[QUARTERS],
                                      const uint8_t *const (&rows)[TERMS], size_t from,
                                      __m512i weights)
{
    const __m512i a = _mm512_load_si512(rows[0] + from), b = _mm512_load_si512(rows[1] + from),
                  c = _mm512_load_si512(rows[2] + from), d = _mm512_load_si512(rows[3] + from),
                  low = _mm512_unpacklo_epi8(a, b), low2 = _mm512_unpacklo_epi8(c, d),
                  high = _mm512_unpackhi_epi8(a, b), high2 = _mm512_unpackhi_epi8(c, d);
    sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_unpacklo_epi16(low, low2), weights);
    sums[1] = _mm512_dpbusd_epi32(sums[1], _mm512_unpackhi_epi16(low, low2), weights);
    sums[2] = _mm512_dpbusd_epi32(sums[2], _mm512_unpacklo_epi16(high, high2), weights);
    sums[3] = _mm512_dpbusd_epi32(sums[3], _mm512_unpackhi_epi16(high, high2), weights);
}

/* Sums of four vectors each, quarter after quarter: those of the first quarters, of the second...
 */
VNNI FOR_EACH_PROCESSOR void put_in_order(const __m512i (&sums)[QUARTERS], int32_t *products)
{
    constexpr __mmask16 ALL = 0xFFFF; /* said, since the compiler warns of the plain instruction */
    const __m512i first = _mm512_maskz_shuffle_i32x4(ALL, sums[0], sums[1], 0x44),
                  second = _mm512_maskz_shuffle_i32x4(ALL, sums[2], sums[3], 0x44),
                  third = _mm512_maskz_shuffle_i32x4(ALL, sums[0], sums[1], 0xEE),
                  fourth = _mm512_maskz_shuffle_i32x4(ALL, sums[2], sums[3], 0xEE);
    _mm512_storeu_si512(products, _mm512_maskz_shuffle_i32x4(ALL, first, second, 0x88));
    _mm512_storeu_si512(products + 16, _mm512_maskz_shuffle_i32x4(ALL, first, second, 0xDD));
    _mm512_storeu_si512(products + 32, _mm512_maskz_shuffle_i32x4(ALL, third, fourth, 0x88));
    _mm512_storeu_si512(products + 48, _mm512_maskz_shuffle_i32x4(ALL, third, fourth, 0xDD));
}

VNNI inline void products_vnni(const std::vector<terms> &all, const strip &vectors,
                               int32_t *products)
{
    __m512i one[QUARTERS], other[QUARTERS];
    for (size_t i = 0; i < QUARTERS; i++)
        one[i] = other[i] = _mm512_setzero_si512();
    for (const terms &some : all) {
        const uint8_t *rows[TERMS];
        int32_t weights;
        std::memcpy(&weights, some.weights, sizeof weights);
        for (size_t t = 0; t < TERMS; t++) {
            rows[t] = vectors.bytes + some.dimensions[t] * STRIDE;
            fetch(vectors.next + some.dimensions[t] * STRIDE, STRIP);
        }
        add_four(one, rows, 0, _mm512_set1_epi32(weights));
        add_four(other, rows, STRIP / 2, _mm512_set1_epi32(weights));
    }
    put_in_order(one, products);
    put_in_order(other, products + STRIP / 2);
}

VNNI void find_vnni(const question &asked, const strip &vectors, float limit, within &found)
{
    find_within<products_vnni>(asked, vectors, limit, found);
}

#endif

/* ---- kinds of processor --------------------------------------------------------------------- */

struct kind {
    find_function *find;
    distance_function *distance;
};

/* Those that this processor is of, the most able first. */
std::vector<kind> kinds_here()
{
    std::vector<kind> here;
#ifdef __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw"))
        here.push_back({find_vnni, distance_avx2});
    if (__builtin_cpu_supports("avx2"))
        here.push_back({find_avx2, distance_avx2});
#endif
    here.push_back({find_plain, distance_plain});
    return here;
}

const std::vector<kind> &kinds()
{
    static const std::vector<kind> here = kinds_here();
    return here;
}

std::atomic<size_t> chosen; /* of the kinds */

const kind &processor()
{
    return kinds()[chosen.load(std::memory_order_relaxed)];
}

/* ---- the query ------------------------------------------------------------------------------ */

float length_of(const float *vector, size_t dimension)
{
    double sum = 0;
    for (size_t i = 0; i < dimension; i++)
        sum += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
    return static_cast<float>(std::sqrt(sum));
}

/* The nearest whole number, of one up to 2^22, without a call: added to 3 * 2^22, the fraction has
 * no room. */
float rounded(float number)
{
    constexpr float LARGE = 12582912.0F;
    return number + LARGE - LARGE;
}

/* What 1 in a byte stands for. */
float scale_of(const float *vector, size_t dimension)
{
    float most = 0;
    for (size_t i = 0; i < dimension; i++)
        most = std::max(most, std::fabs(vector[i]));
    return most / 127;
}

question question_of(const float *query, size_t dimension)
{
    question asked = {};
    size_t count = 0;
    double sum = 0, error = 0;
    asked.length = length_of(query, dimension);
    asked.scale = scale_of(query, dimension);
    for (size_t i = 0; i < dimension && asked.scale > 0; i++) {
        if (query[i] == 0)
            continue;
        float weight = rounded(query[i] / asked.scale), coded = weight * asked.scale;
        double left = static_cast<double>(query[i]) - static_cast<double>(coded);
        error += left * left;
        if (weight == 0)
            continue;
        if (count % TERMS == 0)
            asked.all.push_back({});
        asked.all.back().dimensions[count % TERMS] = i;
        asked.all.back().weights[count++ % TERMS] = static_cast<int8_t>(weight);
        asked.moved += ZERO * static_cast<int>(weight);
        sum += std::fabs(static_cast<double>(coded));
    }
    asked.error = static_cast<float>(std::sqrt(error));
    asked.coded = asked.length + asked.error;
    asked.sum = HALF * static_cast<float>(sum);
    return asked;
}

} // namespace

float flat_scan_distance(const float *one, const float *other, size_t dimension)
{
    return processor().distance(one, other, dimension);
}

bool flat_scan_choose(size_t kind)
{
    if (kind >= kinds().size())
        return false;
    chosen = kind;
    return true;
}

flat_scan::flat_scan(int dimension) : IndexFlatL2(dimension)
{
}

void flat_scan::range::add(float length, float coding_error, bool first)
{
    least = first ? length : std::min(least, length);
    longest = std::max(longest, length);
    error = std::max(error, coding_error);
}

/* Of a strip, the one of the first dimension; those of the others are STRIPS apart. */
size_t flat_scan::row_of(size_t strip) const
{
    return strip / STRIPS * STRIPS * static_cast<size_t>(d) + strip % STRIPS;
}

void flat_scan::encode(const float *vector, size_t place)
{
    size_t dimension = static_cast<size_t>(d);
    row *into = &rows[row_of(place / STRIP)];
    float scale = scale_of(vector, dimension);
    double error = 0;
    for (size_t i = 0; i < dimension; i++) {
        float byte = scale > 0 ? rounded(vector[i] / scale) : 0;
        into[i * STRIPS].bytes[place % STRIP] = static_cast<uint8_t>(ZERO + static_cast<int>(byte));
        double left = static_cast<double>(vector[i]) - static_cast<double>(byte * scale);
        error += left * left;
    }
    scales[place] = scale;
    lengths[place] = length_of(vector, dimension);
    ranges[place / STRIP].add(lengths[place], static_cast<float>(std::sqrt(error)),
                              place % STRIP == 0);
    longest = std::max(longest, lengths[place]);
}

void flat_scan::add(idx_t count, const float *vectors)
{
    size_t before = static_cast<size_t>(ntotal), more = static_cast<size_t>(count);
    size_t blocks = (before + more + STRIDE - 1) / STRIDE, dimension = static_cast<size_t>(d);
    if (count == 0)
        return;
    rows.resize(blocks * dimension * STRIPS);
    scales.resize(blocks * STRIDE);
    lengths.resize(blocks * STRIDE);
    ranges.resize(blocks * STRIPS);
    for (size_t i = 0; i < more; i++)
        encode(vectors + i * dimension, before + i);
    IndexFlatL2::add(count, vectors);
}

void flat_scan::reset()
{
    IndexFlatL2::reset();
    rows.clear();
    scales.clear();
    lengths.clear();
    ranges.clear();
    longest = 0;
}

/* Those that can be among the k nearest, with their lower bounds. The newest strips come first:
 * what is asked for is often there, and the nearer it is, the fewer others can be. */
std::vector<flat_scan::candidate> flat_scan::shortlist(const float *query, size_t k) const
{
    const size_t count = static_cast<size_t>(ntotal), dimension = static_cast<size_t>(d);
    const question asked = question_of(query, dimension);
    find_function *const find = processor().find;
    std::vector<candidate> candidates;
    kth_smallest upper(k, (asked.length + longest) * (asked.length + longest));
    within found;
    candidates.reserve(count < ROOM ? count : ROOM);
    for (size_t after = (count + STRIP - 1) / STRIP; after > 0; after--) {
        const size_t from = (after - 1) * STRIP;
        const uint8_t *bytes = rows[row_of(after - 1)].bytes,
                      *next = after > 1 ? rows[row_of(after - 2)].bytes : bytes;
        find(asked, {bytes, next, &scales[from], &lengths[from], ranges[after - 1]}, upper.limit(),
             found);
        for (size_t i = 0; i < found.count && from + found.places[i] < count; i++) {
            candidates.emplace_back(found.lower[i], static_cast<idx_t>(from + found.places[i]));
            upper.add(found.upper[i]);
        }
    }
    auto beyond = [limit = upper.limit()](const candidate &one) { return one.first > limit; };
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(), beyond),
                     candidates.end());
    return candidates;
}

void flat_scan::search_one(const float *query, size_t k, float *distances, idx_t *labels) const
{
    const size_t dimension = static_cast<size_t>(d);
    std::vector<candidate> all = shortlist(query, k), nearest;
    auto vector_of = [&](size_t i) {
        return get_xb() + static_cast<size_t>(all[i].second) * dimension;
    };
    float limit = HUGE_VALF; /* the k-th distance of the first k */
    std::nth_element(all.begin(),
                     all.begin() + static_cast<std::ptrdiff_t>(std::min(k, all.size())), all.end());
    for (size_t i = 0; i < all.size(); i++) {
        if (i + AHEAD < all.size() && all[i + AHEAD].first <= limit)
            fetch(reinterpret_cast<const uint8_t *>(vector_of(i + AHEAD)),
                  dimension * sizeof *query);
        if (all[i].first > limit)
            continue;
        nearest.emplace_back(flat_scan_distance(query, vector_of(i), dimension), all[i].second);
        if (nearest.size() == k && i < k)
            limit = std::max_element(nearest.begin(), nearest.end())->first;
    }
    std::sort(nearest.begin(), nearest.end());
    std::fill(labels, labels + k, -1);
    std::fill(distances, distances + k, HUGE_VALF);
    for (size_t i = 0; i < std::min(k, nearest.size()); i++) {
        distances[i] = nearest[i].first;
        labels[i] = nearest[i].second;
    }
}

void flat_scan::search(idx_t count, const float *queries, idx_t k, float *distances, idx_t *labels,
                       const faiss::SearchParameters *) const
{
    for (idx_t i = 0; i < count && k > 0; i++)
        search_one(queries + i * d, static_cast<size_t>(k), distances + i * k, labels + i * k);
}
