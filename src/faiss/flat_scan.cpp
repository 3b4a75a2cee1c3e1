/* See flat_scan.h. */
#include "faiss/flat_scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <queue>
#include <utility>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace
{

constexpr size_t BLOCK = 1024;    /* vectors whose bytes stand together */
constexpr size_t GROUP = 64;      /* of these, which are passed over together */
constexpr size_t TERMS = 4;       /* that are added at a time */
constexpr size_t LANES = 16;      /* sums that are kept apart, so that they can be one register */
constexpr int ZERO = 128;         /* the byte that stands for 0 */
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
    float error;  /* length of what they leave out */
    int moved;    /* by this are products too large, since bytes have no sign */
};

struct block { /* of vectors: their bytes stand by dimension */
    const uint8_t *bytes;
    const float *scales, *lengths, *errors;
};

struct bounds { /* of the distances of a block's vectors */
    float lower[BLOCK], upper[BLOCK];
};

/* ---- products of bytes, for each kind of processor ------------------------------------------ */

/* Of a query with each vector of a block. */
using products_function = void(const std::vector<terms> &all, const uint8_t *bytes,
                               int32_t *products);

void products_plain(const std::vector<terms> &all, const uint8_t *bytes, int32_t *products)
{
    std::fill(products, products + BLOCK, 0);
    for (const terms &some : all)
        for (size_t t = 0; t < TERMS; t++) {
            const uint8_t *row = bytes + some.dimensions[t] * BLOCK;
            for (size_t i = 0; i < BLOCK; i++)
                products[i] += int32_t{some.weights[t]} * int32_t{row[i]};
        }
}

#ifdef __x86_64__

/* Two weights beside each other, for bytes that are widened. */
inline int32_t pair_of(const int8_t *weights)
{
    return static_cast<int32_t>(static_cast<uint16_t>(weights[0]) |
                                static_cast<uint32_t>(static_cast<uint16_t>(weights[1])) << 16);
}

/* Bytes of two dimensions are brought beside each other: one instruction multiplies and adds. */
__attribute__((target("avx2"))) void products_avx2(const std::vector<terms> &all,
                                                   const uint8_t *bytes, int32_t *products)
{
    constexpr size_t WIDTH = 16;
    std::fill(products, products + BLOCK, 0);
    for (const terms &some : all)
        for (size_t t = 0; t < TERMS; t += 2) {
            const uint8_t *one = bytes + some.dimensions[t] * BLOCK;
            const uint8_t *other = bytes + some.dimensions[t + 1] * BLOCK;
            const __m256i weights = _mm256_set1_epi32(pair_of(some.weights + t));
            for (size_t from = 0; from < BLOCK; from += WIDTH) {
                __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i *>(one + from));
                __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i *>(other + from));
                __m256i low = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)),
                        high = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
                __m256i *sums = reinterpret_cast<__m256i *>(products + from);
                _mm256_storeu_si256(sums, _mm256_add_epi32(_mm256_loadu_si256(sums),
                                                           _mm256_madd_epi16(low, weights)));
                _mm256_storeu_si256(sums + 1, _mm256_add_epi32(_mm256_loadu_si256(sums + 1),
                                                               _mm256_madd_epi16(high, weights)));
            }
        }
}

/* Sums of 32 vectors as products_vnni leaves them: in each eight the lower four are of the first
 * half of the vectors, the others of the second. */
inline void put_in_order(int32_t *products)
{
    constexpr size_t WIDTH = 32, FOUR = 4;
    int32_t sums[WIDTH];
    std::copy(products, products + WIDTH, sums);
    for (size_t i = 0; i < WIDTH / 2; i += FOUR) {
        std::copy(sums + 2 * i, sums + 2 * i + FOUR, products + i);
        std::copy(sums + 2 * i + FOUR, sums + 2 * i + 2 * FOUR, products + WIDTH / 2 + i);
    }
}

/* The same of four dimensions, in halves of registers. */
__attribute__((target("avx2,avx512f,avx512vl,avx512vnni"))) void products_vnni(
    const std::vector<terms> &all, const uint8_t *bytes, int32_t *products)
{
    constexpr size_t WIDTH = 32;
    std::fill(products, products + BLOCK, 0);
    for (const terms &some : all) {
        int32_t weights;
        std::memcpy(&weights, some.weights, sizeof weights);
        const __m256i four = _mm256_set1_epi32(weights);
        for (size_t from = 0; from < BLOCK; from += WIDTH) {
            __m256i rows[TERMS];
            for (size_t t = 0; t < TERMS; t++)
                rows[t] = _mm256_loadu_si256(
                    reinterpret_cast<const __m256i *>(bytes + some.dimensions[t] * BLOCK + from));
            __m256i low = _mm256_unpacklo_epi8(rows[0], rows[1]),
                    low2 = _mm256_unpacklo_epi8(rows[2], rows[3]),
                    high = _mm256_unpackhi_epi8(rows[0], rows[1]),
                    high2 = _mm256_unpackhi_epi8(rows[2], rows[3]);
            const __m256i beside[] = {
                _mm256_unpacklo_epi16(low, low2), _mm256_unpackhi_epi16(low, low2),
                _mm256_unpacklo_epi16(high, high2), _mm256_unpackhi_epi16(high, high2)};
            __m256i *sums = reinterpret_cast<__m256i *>(products + from);
            for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
                _mm256_storeu_si256(
                    sums + i, _mm256_dpbusd_epi32(_mm256_loadu_si256(sums + i), beside[i], four));
        }
    }
    for (size_t from = 0; from < BLOCK; from += WIDTH)
        put_in_order(products + from);
}

products_function *choose_products()
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl"))
        return products_vnni;
    return __builtin_cpu_supports("avx2") ? products_avx2 : products_plain;
}

#else

products_function *choose_products()
{
    return products_plain;
}

#endif

float length_of(const float *vector, size_t dimension)
{
    double sum = 0;
    for (size_t i = 0; i < dimension; i++)
        sum += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
    return static_cast<float>(std::sqrt(sum));
}

question question_of(const float *query, size_t dimension)
{
    question asked = {};
    size_t count = 0;
    double error = 0;
    asked.length = length_of(query, dimension);
    for (size_t i = 0; i < dimension; i++)
        asked.scale = std::max(asked.scale, std::fabs(query[i]) / 127);
    for (size_t i = 0; i < dimension && asked.scale > 0; i++) {
        float weight = std::nearbyint(query[i] / asked.scale);
        double left = static_cast<double>(query[i]) - static_cast<double>(weight * asked.scale);
        error += left * left;
        if (weight == 0)
            continue;
        if (count % TERMS == 0)
            asked.all.push_back({});
        asked.all.back().dimensions[count % TERMS] = i;
        asked.all.back().weights[count++ % TERMS] = static_cast<int8_t>(weight);
        asked.moved += ZERO * static_cast<int>(weight);
    }
    asked.error = static_cast<float>(std::sqrt(error));
    asked.coded = asked.length + asked.error;
    return asked;
}

/* With q = q' + dq and v = v' + dv, where q' and v' are what the bytes stand for, q.v is q'.v' +
 * q'.dv + dq.v, and the last two are at most |q'||dv| + |dq||v| (Cauchy and Schwarz). */
void bound(const question &asked, const block &vectors, bounds &found)
{
    static products_function *const products_of = choose_products();
    int32_t products[BLOCK];
    products_of(asked.all, vectors.bytes, products);
    for (size_t i = 0; i < BLOCK; i++) {
        float length = vectors.lengths[i], squares = asked.length * asked.length + length * length,
              product =
                  static_cast<float>(products[i] - asked.moved) * vectors.scales[i] * asked.scale,
              error = asked.coded * vectors.errors[i] + asked.error * length;
        error = 2 * error + ROUNDING * squares;
        found.lower[i] = squares - 2 * product - error;
        found.upper[i] = squares - 2 * product + error;
    }
}

/* ---- the nearest ---------------------------------------------------------------------------- */

/* Whether one of a group is not above the limit, in a loop that becomes vector instructions. */
bool any_within(const float *values, float limit)
{
    int any = 0;
    for (size_t i = 0; i < GROUP; i++)
        any |= values[i] <= limit;
    return any != 0;
}

/* The places of those of a block that are not above the limit, without a branch for each: how many.
 */
size_t places_within(const float *values, size_t count, float limit, size_t *places)
{
    size_t found = 0;
    for (size_t from = 0; from < count; from += GROUP) {
        if (!any_within(values + from, limit))
            continue;
        const size_t end = std::min(count, from + GROUP);
        for (size_t i = from; i < end; i++) {
            places[found] = i;
            found += values[i] <= limit;
        }
    }
    return found;
}

} // namespace

/* Sums are kept apart, so that the compiler can keep them in one register. */
float flat_scan_distance(const float *one, const float *other, size_t dimension)
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

flat_scan::flat_scan(int dimension) : IndexFlatL2(dimension)
{
}

void flat_scan::encode(const float *vector, size_t place)
{
    size_t dimension = static_cast<size_t>(d);
    uint8_t *into = &bytes[place / BLOCK * BLOCK * dimension + place % BLOCK];
    float most = 0, length = length_of(vector, dimension);
    double error = 0;
    for (size_t i = 0; i < dimension; i++)
        most = std::max(most, std::fabs(vector[i]));
    float scale = most / 127;
    for (size_t i = 0; i < dimension; i++) {
        float byte = scale > 0 ? std::nearbyint(vector[i] / scale) : 0;
        into[i * BLOCK] = static_cast<uint8_t>(ZERO + static_cast<int>(byte));
        double left = static_cast<double>(vector[i]) - static_cast<double>(byte * scale);
        error += left * left;
    }
    scales[place] = scale;
    lengths[place] = length;
    errors[place] = static_cast<float>(std::sqrt(error));
}

void flat_scan::add(idx_t count, const float *vectors)
{
    size_t before = static_cast<size_t>(ntotal), more = static_cast<size_t>(count);
    size_t room = (before + more + BLOCK - 1) / BLOCK * BLOCK, dimension = static_cast<size_t>(d);
    if (count == 0)
        return;
    bytes.resize(room * dimension);
    scales.resize(room);
    lengths.resize(room);
    errors.resize(room);
    for (size_t i = 0; i < more; i++)
        encode(vectors + i * dimension, before + i);
    IndexFlatL2::add(count, vectors);
}

void flat_scan::reset()
{
    IndexFlatL2::reset();
    bytes.clear();
    scales.clear();
    lengths.clear();
    errors.clear();
}

/* Those that can be among the k nearest, by their lower bounds. The newest blocks come first: what
 * is asked for is often there, and the nearer it is, the fewer others can be. */
std::vector<flat_scan::candidate> flat_scan::shortlist(const float *query, size_t k) const
{
    size_t count = static_cast<size_t>(ntotal), dimension = static_cast<size_t>(d);
    question asked = question_of(query, dimension);
    std::vector<candidate> candidates;
    std::vector<float> upper; /* the k least upper bounds */
    float limit = HUGE_VALF;  /* the largest of them, once there are k */
    bounds found;
    size_t places[BLOCK];
    for (size_t after = (count + BLOCK - 1) / BLOCK; after > 0; after--) {
        size_t from = (after - 1) * BLOCK;
        bound(asked, {&bytes[from * dimension], &scales[from], &lengths[from], &errors[from]},
              found);
        size_t within = places_within(found.lower, std::min(BLOCK, count - from), limit, places);
        for (size_t i = 0; i < within; i++) {
            candidates.emplace_back(found.lower[places[i]], static_cast<idx_t>(from + places[i]));
            if (found.upper[places[i]] < limit)
                upper.push_back(found.upper[places[i]]);
        }
        if (upper.size() < k || (upper.size() == k && limit < HUGE_VALF))
            continue;
        auto last = upper.begin() + static_cast<std::ptrdiff_t>(k) - 1;
        std::nth_element(upper.begin(), last, upper.end());
        limit = *last;
        upper.resize(k);
    }
    auto beyond = [limit](const candidate &one) { return one.first > limit; };
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(), beyond),
                     candidates.end());
    std::sort(candidates.begin(), candidates.end());
    return candidates;
}

void flat_scan::search_one(const float *query, size_t k, float *distances, idx_t *labels) const
{
    size_t dimension = static_cast<size_t>(d);
    std::priority_queue<candidate> nearest; /* the k of them, the farthest on top */
    for (const auto &[lower, place] : shortlist(query, k)) {
        if (nearest.size() == k && lower > nearest.top().first)
            break;
        const float *vector = get_xb() + static_cast<size_t>(place) * dimension;
        nearest.emplace(flat_scan_distance(query, vector, dimension), place);
        if (nearest.size() > k)
            nearest.pop();
    }
    std::fill(labels, labels + k, -1);
    std::fill(distances, distances + k, HUGE_VALF);
    for (size_t at = nearest.size(); at-- > 0; nearest.pop()) {
        distances[at] = nearest.top().first;
        labels[at] = nearest.top().second;
    }
}

void flat_scan::search(idx_t count, const float *queries, idx_t k, float *distances, idx_t *labels,
                       const faiss::SearchParameters *) const
{
    for (idx_t i = 0; i < count && k > 0; i++)
        search_one(queries + i * d, static_cast<size_t>(k), distances + i * k, labels + i * k);
}
