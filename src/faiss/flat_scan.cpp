/* See flat_scan.h. */
#include "faiss/flat_scan.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <utility>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace
{

constexpr size_t BLOCK = 64;      /* bytes that one step of a scan takes */
constexpr size_t LANES = 16;      /* sums that are kept apart, so that they can be one register */
constexpr float ROUNDING = 1e-5F; /* more than float arithmetic loses, relative to what is added */

/* ---- products of bytes, for each kind of processor ------------------------------------------ */

/* Products of the query with each of `count` vectors, which stand one behind the other; `length` is
 * in whole blocks. */
using dots_function = void(const int8_t *query, const int8_t *bytes, size_t length, size_t count,
                           int32_t *products);

void dots_plain(const int8_t *query, const int8_t *bytes, size_t length, size_t count,
                int32_t *products)
{
    for (size_t i = 0; i < count; i++, bytes += length) {
        int32_t sum = 0;
        for (size_t at = 0; at < length; at++)
            sum += int32_t{query[at]} * int32_t{bytes[at]};
        products[i] = sum;
    }
}

#ifdef __x86_64__

__attribute__((target("avx2"))) inline int32_t sum_of(__m256i sums)
{
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1)));
}

__attribute__((target("avx2"))) void dots_avx2(const int8_t *query, const int8_t *bytes,
                                               size_t length, size_t count, int32_t *products)
{
    for (size_t i = 0; i < count; i++, bytes += length) {
        __m256i sums = _mm256_setzero_si256();
        for (size_t at = 0; at < length; at += 16) {
            __m256i one = _mm256_cvtepi8_epi16(
                _mm_loadu_si128(reinterpret_cast<const __m128i *>(query + at)));
            __m256i other = _mm256_cvtepi8_epi16(
                _mm_loadu_si128(reinterpret_cast<const __m128i *>(bytes + at)));
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(one, other));
        }
        products[i] = sum_of(sums);
    }
}

/* The instruction multiplies bytes with a sign by bytes without one: the vector's are moved up by
 * 128, and 128 times the sum of the query is taken off again. */
__attribute__((target("avx2,avx512f,avx512vl,avx512vnni"))) void dots_vnni(
    const int8_t *query, const int8_t *bytes, size_t length, size_t count, int32_t *products)
{
    const __m256i top = _mm256_set1_epi8(static_cast<char>(0x80));
    int32_t moved = 0;
    for (size_t at = 0; at < length; at++)
        moved += 128 * int32_t{query[at]};
    for (size_t i = 0; i < count; i++, bytes += length) {
        __m256i sums = _mm256_setzero_si256();
        for (size_t at = 0; at < length; at += 32) {
            __m256i one = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(bytes + at));
            __m256i other = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(query + at));
            sums = _mm256_dpbusd_epi32(sums, _mm256_xor_si256(one, top), other);
        }
        products[i] = sum_of(sums) - moved;
    }
}

dots_function *choose_dots()
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl"))
        return dots_vnni;
    return __builtin_cpu_supports("avx2") ? dots_avx2 : dots_plain;
}

#else

dots_function *choose_dots()
{
    return dots_plain;
}

#endif

void dots(const int8_t *query, const int8_t *bytes, size_t length, size_t count, int32_t *products)
{
    static dots_function *const best = choose_dots();
    best(query, bytes, length, count, products);
}

float length_of(const float *vector, size_t dimension)
{
    double sum = 0;
    for (size_t i = 0; i < dimension; i++)
        sum += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
    return static_cast<float>(std::sqrt(sum));
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

flat_scan::flat_scan(int dimension)
    : IndexFlatL2(dimension), padded((static_cast<size_t>(dimension) + BLOCK - 1) / BLOCK * BLOCK)
{
}

flat_scan::code flat_scan::encode(const float *vector, int8_t *into) const
{
    float most = 0;
    double error = 0;
    for (int i = 0; i < d; i++)
        most = std::max(most, std::fabs(vector[i]));
    code made = {most / 127, length_of(vector, static_cast<size_t>(d)), 0};
    for (int i = 0; i < d; i++) {
        float byte = made.scale > 0 ? std::nearbyint(vector[i] / made.scale) : 0;
        into[i] = static_cast<int8_t>(byte);
        double left = static_cast<double>(vector[i]) - static_cast<double>(byte * made.scale);
        error += left * left;
    }
    made.error = static_cast<float>(std::sqrt(error));
    return made;
}

void flat_scan::add(idx_t count, const float *vectors)
{
    size_t before = static_cast<size_t>(ntotal), more = static_cast<size_t>(count);
    if (count == 0)
        return;
    bytes.resize((before + more) * padded);
    coded.resize(before + more);
    for (size_t i = 0; i < more; i++)
        coded[before + i] =
            encode(vectors + i * static_cast<size_t>(d), &bytes[(before + i) * padded]);
    IndexFlatL2::add(count, vectors);
}

void flat_scan::reset()
{
    IndexFlatL2::reset();
    bytes.clear();
    coded.clear();
}

/* With q = q' + dq and v = v' + dv, where q' and v' are what the bytes stand for, q.v is q'.v' +
 * q'.dv + dq.v, and the last two are at most |q'||dv| + |dq||v| (Cauchy and Schwarz). */
void flat_scan::search_one(const float *query, size_t k, float *distances, idx_t *labels) const
{
    constexpr size_t PART = 256; /* vectors whose products are computed at a time */
    thread_local std::vector<float> lowest;
    size_t count = static_cast<size_t>(ntotal);
    std::vector<int8_t> asked(padded);
    code of_query = encode(query, asked.data());
    float length = of_query.length * of_query.length,
          coded_length = of_query.length + of_query.error;
    std::priority_queue<float> upper; /* the k smallest upper bounds, the largest of them on top */
    int32_t products[PART];
    lowest.resize(count);
    for (size_t from = 0; from < count; from += PART) {
        size_t part = std::min(PART, count - from);
        dots(asked.data(), &bytes[from * padded], padded, part, products);
        for (size_t i = 0; i < part; i++) {
            const code &one = coded[from + i];
            float product = static_cast<float>(products[i]) * one.scale * of_query.scale;
            float error = coded_length * one.error + of_query.error * one.length;
            float middle = length + one.length * one.length - 2 * product;
            error = 2 * error + ROUNDING * (length + one.length * one.length);
            lowest[from + i] = middle - error;
            if (upper.size() < k)
                upper.push(middle + error);
            else if (middle + error < upper.top()) {
                upper.pop();
                upper.push(middle + error);
            }
        }
    }
    std::priority_queue<std::pair<float, idx_t>> nearest;
    for (size_t i = 0; i < count && k > 0; i++) {
        if (lowest[i] > upper.top())
            continue;
        std::pair<float, idx_t> one(flat_scan_distance(query, get_xb() + i * static_cast<size_t>(d),
                                                       static_cast<size_t>(d)),
                                    static_cast<idx_t>(i));
        if (nearest.size() < k)
            nearest.push(one);
        else if (one < nearest.top()) {
            nearest.pop();
            nearest.push(one);
        }
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
    for (idx_t i = 0; i < count; i++)
        search_one(queries + i * d, static_cast<size_t>(k), distances + i * k, labels + i * k);
}
