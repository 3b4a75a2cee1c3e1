/* What the k-th smallest of many distances is at most, while they come: not less than it, and
 * little more. Each is counted in one of many ranges, 64 to a power of two, of which the farthest
 * is dropped once those before it hold k: no distance is kept, and none compared with another. */
#ifndef CICADA_FAISS_KTH_SMALLEST_H
#define CICADA_FAISS_KTH_SMALLEST_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

class kth_smallest
{
  public:
    /* `most`: of what distances are expected. */
    kth_smallest(size_t wanted, float most) : k(wanted), first(step_of(most) - RANGES + 1)
    {
    }

    void add(float distance)
    {
        int32_t range = step_of(distance) - first;
        range = range < 0 ? 0 : range > RANGES ? RANGES : range;
        if (range > last)
            return;
        counts[range]++;
        count++;
        while (count - counts[last] >= k)
            count -= counts[last--];
    }

    float limit() const
    {
        if (last == RANGES)
            return HUGE_VALF;
        const int32_t beyond = (first + last + 1) * (1 << IGNORED);
        float distance;
        std::memcpy(&distance, &beyond, sizeof distance);
        return beyond > 0 ? distance : 0;
    }

  private:
    static constexpr int32_t RANGES = 1024; /* the least is of whatever is less than the others */
    static constexpr int IGNORED = 17;      /* of a float's bits; they are in the order of floats */

    size_t k, count = 0; /* in ranges up to the last */
    int32_t first, last = RANGES;
    uint32_t counts[RANGES + 1] = {}; /* and of what is beyond them */

    static int32_t step_of(float distance)
    {
        int32_t bits;
        std::memcpy(&bits, &distance, sizeof bits);
        return distance > 0 ? bits >> IGNORED : 0;
    }
};

#endif
