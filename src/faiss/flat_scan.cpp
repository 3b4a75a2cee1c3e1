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

constexpr size_t BLOCK = 256;     /* vectors whose bytes stand together */
constexpr size_t LANES = 16;      /* sums that are kept apart, so that they can be one register */
constexpr float ROUNDING = 1e-7F; /* more than a float loses in a step, relative to what is added */
constexpr float STEPS = 100; /* more than there are for each vector beside those of the terms */

struct term { /* a dimension in which the query is not 0 */
    size_t dimension;
    float weight;
};

struct question {
    std::vector<term> terms;
    float length, square, rounding;
};

struct block { /* of vectors: their bytes stand by dimension */
    const int8_t *bytes;
    const float *scales, *squares, *errors;
};

struct bounds { /* of the distances of a block's vectors */
    float lower[BLOCK], upper[BLOCK];
};

/* ---- bounds, for each kind of processor ----------------------------------------------------- */

using bound_function = void(const question &asked, const block &vectors, bounds &found);

/* From products with what the bytes stand for, which are in `lower`. With v = v' + dv, where v' is
 * that, q.v is q.v' + q.dv, and the last is at most |q||dv| (Cauchy and Schwarz). */
__attribute__((always_inline)) inline void bound_products(const question &asked,
                                                          const block &vectors, bounds &found)
{
    for (size_t i = 0; i < BLOCK; i++) {
        float squares = asked.square + vectors.squares[i];
        float middle = squares - 2 * vectors.scales[i] * found.lower[i];
        float error = 2 * asked.length * vectors.errors[i] + asked.rounding * squares;
        found.lower[i] = middle - error;
        found.upper[i] = middle + error;
    }
}

void bound_plain(const question &asked, const block &vectors, bounds &found)
{
    std::fill(found.lower, found.lower + BLOCK, 0.0F);
    for (const term &one : asked.terms) {
        const int8_t *bytes = vectors.bytes + one.dimension * BLOCK;
        for (size_t i = 0; i < BLOCK; i++)
            found.lower[i] += one.weight * static_cast<float>(bytes[i]);
    }
    bound_products(asked, vectors, found);
}

#ifdef __x86_64__

__attribute__((target("avx2,fma"))) void bound_avx2(const question &asked, const block &vectors,
                                                    bounds &found)
{
    constexpr size_t WIDTH = 8, REGISTERS = 8;
    for (size_t from = 0; from < BLOCK; from += WIDTH * REGISTERS) {
        __m256 sums[REGISTERS] = {};
        for (const term &one : asked.terms) {
            const int8_t *bytes = vectors.bytes + one.dimension * BLOCK + from;
            __m256 weight = _mm256_set1_ps(one.weight);
            for (size_t i = 0; i < REGISTERS; i++) {
                __m256i wide = _mm256_cvtepi8_epi32(
                    _mm_loadl_epi64(reinterpret_cast<const __m128i *>(bytes + i * WIDTH)));
                sums[i] = _mm256_fmadd_ps(weight, _mm256_cvtepi32_ps(wide), sums[i]);
            }
        }
        for (size_t i = 0; i < REGISTERS; i++)
            _mm256_storeu_ps(found.lower + from + i * WIDTH, sums[i]);
    }
    bound_products(asked, vectors, found);
}

bound_function *choose_bound()
{
    __builtin_cpu_init();
    bool both = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return both ? bound_avx2 : bound_plain;
}

#else

bound_function *choose_bound()
{
    return bound_plain;
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
    float length = length_of(query, dimension);
    question asked = {{}, length, length * length, 0};
    for (size_t i = 0; i < dimension; i++)
        if (query[i] != 0)
            asked.terms.push_back({i, query[i]});
    asked.rounding = ROUNDING * (static_cast<float>(asked.terms.size()) + STEPS);
    return asked;
}

/* ---- the nearest ---------------------------------------------------------------------------- */

/* The places of those that are not above the limit, without a branch for each: how many. */
size_t places_within(const float *values, size_t count, float limit, size_t *places)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        places[found] = i;
        found += values[i] <= limit;
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
    int8_t *into = &bytes[place / BLOCK * BLOCK * dimension + place % BLOCK];
    float most = 0, length = length_of(vector, dimension);
    double error = 0;
    for (size_t i = 0; i < dimension; i++)
        most = std::max(most, std::fabs(vector[i]));
    float scale = most / 127;
    for (size_t i = 0; i < dimension; i++) {
        float byte = scale > 0 ? std::nearbyint(vector[i] / scale) : 0;
        into[i * BLOCK] = static_cast<int8_t>(byte);
        double left = static_cast<double>(vector[i]) - static_cast<double>(byte * scale);
        error += left * left;
    }
    scales[place] = scale;
    squares[place] = length * length;
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
    squares.resize(room);
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
    squares.clear();
    errors.clear();
}

/* Those that can be among the k nearest, by their lower bounds. */
std::vector<flat_scan::candidate> flat_scan::shortlist(const float *query, size_t k) const
{
    static bound_function *const bound = choose_bound();
    size_t count = static_cast<size_t>(ntotal), dimension = static_cast<size_t>(d);
    question asked = question_of(query, dimension);
    std::vector<candidate> candidates;
    std::vector<float> upper; /* the k least upper bounds */
    float limit = HUGE_VALF;  /* the largest of them, once there are k */
    bounds found;
    size_t places[BLOCK];
    for (size_t from = 0; from < count; from += BLOCK) {
        bound(asked, {&bytes[from * dimension], &scales[from], &squares[from], &errors[from]},
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
