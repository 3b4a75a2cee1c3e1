/* A flat index of the library whose search is ours: exact, and several times faster than the
 * library's own on a build of it without vector instructions, as Debian's is.
 *
 * Each vector is kept a second time in a byte per dimension. A search first goes over those: they
 * bound the distance of every vector from both sides. Only vectors whose lower bound is below the
 * k-th smallest upper bound can be among the nearest, and only their distances are computed. */
#ifndef CICADA_FAISS_FLAT_SCAN_H
#define CICADA_FAISS_FLAT_SCAN_H

#include <faiss/IndexFlat.h>

#include <cstddef>
#include <cstdint>
#include <vector>

class flat_scan : public faiss::IndexFlatL2
{
  public:
    explicit flat_scan(int dimension);
    void add(idx_t count, const float *vectors) override;
    void reset() override;
    void search(idx_t count, const float *queries, idx_t k, float *distances, idx_t *labels,
                const faiss::SearchParameters *parameters = nullptr) const override;

  private:
    struct code {     /* what the bytes of a vector stand for */
        float scale;  /* of a byte */
        float length; /* of the vector */
        float error;  /* length of what the bytes leave out */
    };
    size_t padded; /* dimensions, in whole blocks */
    std::vector<int8_t> bytes;
    std::vector<code> coded;

    code encode(const float *vector, int8_t *into) const;
    void search_one(const float *query, size_t k, float *distances, idx_t *labels) const;
};

/* Squared Euclidean distance, in a loop that becomes vector instructions. */
float flat_scan_distance(const float *one, const float *other, size_t dimension);

#endif
