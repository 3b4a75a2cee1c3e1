/* See flat_scan.h. */
#include "faiss/flat_scan.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <utility>

namespace
{

constexpr size_t BLOCK = 64;      /* bytes that one step of a scan takes */
constexpr size_t LANES = 16;      /* sums that are kept apart, so that they can be one register */
constexpr float ROUNDING = 1e-5F; /* more than float arithmetic loses, relative to what is added */

/* ---- the two loops, once for each kind of processor ----------------------------------------- */

#define INLINE static inline __attribute__((always_inline))

INLINE int32_t dot_body(const int8_t *one, const int8_t *other, size_t length)
{
    int32_t sum = 0;
    for (size_t at = 0; at < length; at += BLOCK)
        for (size_t i = 0; i < BLOCK; i++)
            sum += static_cast<int16_t>(one[at + i]) * static_cast<int16_t>(other[at + i]);
    return sum;
}

/* Products with each of `count` vectors, which stand one behind the other. */
INLINE void dots_body(const int8_t *query, const int8_t *bytes, size_t length, size_t count,
                      int32_t *products)
{
    for (size_t i = 0; i < count; i++)
        products[i] = dot_body(query, bytes + i * length, length);
}

INLINE float distance_body(const float *one, const float *other, size_t dimension)
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

#define KERNEL(name, attributes)                                                                   \
    attributes void dots_##name(const int8_t *query, const int8_t *bytes, size_t length,           \
                                size_t count, int32_t *products)                                   \
    {                                                                                              \
        dots_body(query, bytes, length, count, products);                                          \
    }                                                                                              \
    attributes float distance_##name(const float *one, const float *other, size_t dimension)       \
    {                                                                                              \
        return distance_body(one, other, dimension);                                               \
    }

KERNEL(plain, )
#ifdef __x86_64__
KERNEL(avx2, __attribute__((target("avx2,fma"))))
KERNEL(avx512, __attribute__((target("avx512f,avx512bw,avx512vl,avx2,fma"))))
#endif

struct kernel {
    void (*dots)(const int8_t *, const int8_t *, size_t, size_t, int32_t *);
    float (*distance)(const float *, const float *, size_t);
};

kernel choose()
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return {dots_avx512, distance_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return {dots_avx2, distance_avx2};
#endif
    return {dots_plain, distance_plain};
}

const kernel &best()
{
    static const kernel chosen = choose();
    return chosen;
}

float length_of(const float *vector, size_t dimension)
{
    double sum = 0;
    for (size_t i = 0; i < dimension; i++)
        sum += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
    return static_cast<float>(std::sqrt(sum));
}

} // namespace

float flat_scan_distance(const float *one, const float *other, size_t dimension)
{
    return best().distance(one, other, dimension);
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
        best().dots(asked.data(), &bytes[from * padded], padded, part, products);
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
        std::pair<float, idx_t> one(
            best().distance(query, get_xb() + i * static_cast<size_t>(d), static_cast<size_t>(d)),
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
