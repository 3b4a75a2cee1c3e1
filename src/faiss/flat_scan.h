/* A flat index of the library whose search is ours: exact, and several times faster than the
 * library's own on a build of it without vector instructions, as Debian's is.
 *
 * Each vector is kept a second time in a byte per dimension. A search first goes over those: they
 * bound the distance of every vector from both sides. Only vectors whose lower bound is below the
 * k-th smallest upper bound can be among the nearest, and of those, distances are computed, first
 * of the k with the least lower bounds, then of those that can be nearer than the k found.
 *
 * The bytes stand by dimension, in strips of vectors, and only those of dimensions in which the
 * query is not 0 are read: a query of a few words is 0 in most. */
#ifndef CICADA_FAISS_FLAT_SCAN_H
#define CICADA_FAISS_FLAT_SCAN_H

#include <faiss/IndexFlat.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

class flat_scan : public faiss::IndexFlatL2
{
  public:
    explicit flat_scan(int dimension);
    void add(idx_t count, const float *vectors) override;
    void reset() override;
    void search(idx_t count, const float *queries, idx_t k, float *distances, idx_t *labels,
                const faiss::SearchParameters *parameters = nullptr) const override;

    static constexpr size_t STRIP = 128; /* vectors that are looked at together */

    struct range {            /* of the vectors of a strip */
        float least, longest; /* their lengths */
        float error;          /* the length of what the bytes of one leave out, at most */

        void add(float length, float coding_error, bool first);
    };

  private:
    using candidate = std::pair<float, idx_t>; /* a distance, or its lower bound, and a place */

    struct row { /* bytes of one dimension, in lines of the cache that hold nothing else */
        alignas(STRIP) uint8_t bytes[STRIP];
    };

    std::vector<row> rows;      /* by blocks of strips, in them by dimension */
    std::vector<float> scales;  /* what 1 in a byte of each vector stands for */
    std::vector<float> lengths; /* of each vector */
    std::vector<range> ranges;  /* by strip */
    float longest = 0;          /* of the lengths */

    size_t row_of(size_t strip) const;
    void encode(const float *vector, size_t place);
    std::vector<candidate> shortlist(const float *query, size_t k) const;
    void search_one(const float *query, size_t k, float *distances, idx_t *labels) const;
};

/* Squared Euclidean distance. */
float flat_scan_distance(const float *one, const float *other, size_t dimension);

/* See faiss_scan_choose in faiss_index.h. */
bool flat_scan_choose(size_t kind);

#endif
