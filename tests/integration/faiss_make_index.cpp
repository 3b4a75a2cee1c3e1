// Writes index files with the library itself, for the tests of the driver: flat.index, ivf.index,
// hnsw.index, ids.index (ids of its own), inner.index (inner product), pq.index (compressed),
// binary.index (no floats), empty.index, into the folder given. The vectors are the same in all.
#include <faiss/IndexBinaryFlat.h>
#include <faiss/IndexFlat.h>
#include <faiss/IndexIDMap.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace
{

constexpr int dimension = 32;
constexpr int count = 2000;

void write(const std::string &folder, const char *name, const char *factory,
           faiss::MetricType metric, const std::vector<float> &vectors, bool own_ids)
{
    std::unique_ptr<faiss::Index> index(faiss::index_factory(dimension, factory, metric));
    std::vector<faiss::Index::idx_t> ids(count);
    for (int i = 0; i < count; i++)
        ids[i] = 1000000 + 7L * i;
    index->train(count, vectors.data());
    if (own_ids)
        index->add_with_ids(count, vectors.data(), ids.data());
    else if (*name != 'e')
        index->add(count, vectors.data());
    faiss::write_index(index.get(), (folder + "/" + name).c_str());
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::fprintf(stderr, "usage: faiss_make_index FOLDER\n");
        return 2;
    }
    std::mt19937 random(42);
    std::normal_distribution<float> normal;
    std::vector<float> vectors(static_cast<size_t>(dimension) * count);
    for (float &value : vectors)
        value = normal(random);
    const std::string folder = argv[1];
    write(folder, "flat.index", "Flat", faiss::METRIC_L2, vectors, false);
    write(folder, "ivf.index", "IVF40,Flat", faiss::METRIC_L2, vectors, false);
    write(folder, "hnsw.index", "HNSW16", faiss::METRIC_L2, vectors, false);
    write(folder, "ids.index", "IDMap,Flat", faiss::METRIC_L2, vectors, true);
    write(folder, "ivf_ids.index", "IVF40,Flat", faiss::METRIC_L2, vectors, true);
    write(folder, "inner.index", "Flat", faiss::METRIC_INNER_PRODUCT, vectors, false);
    write(folder, "pq.index", "PQ8", faiss::METRIC_L2, vectors, false);
    write(folder, "empty.index", "Flat", faiss::METRIC_L2, vectors, false);
    faiss::IndexBinaryFlat binary(dimension);
    std::vector<uint8_t> bits(static_cast<size_t>(dimension / 8) * 10, 0x5a);
    binary.add(10, bits.data());
    faiss::write_index_binary(&binary, (folder + "/binary.index").c_str());
    return 0;
}
