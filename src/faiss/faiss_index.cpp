/* See faiss_index.h. */
#include "faiss/faiss_index.h"

#include "faiss/flat_scan.h"

#include <faiss/AutoTune.h>
#include <faiss/IndexFlat.h>
#include <faiss/IndexIDMap.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>
#include <faiss/utils/distances.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <functional>
#include <memory>
#include <queue>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <unordered_map>
#include <vector>

/* Of libgomp, which libfaiss was built with; only g++ has its header. */
extern "C" void omp_set_num_threads(int count);
/* If the BLAS is OpenBLAS with threads of its own. */
extern "C" void openblas_set_num_threads(int count) __attribute__((weak));

struct faiss_index {
    std::unique_ptr<faiss::Index> index;
    int64_t next_id = 0;
    bool sequential = true; /* ids are positions: add() continues them */
    bool can_reconstruct = false;
    bool can_range = false;
};

namespace
{

using id_type = faiss::Index::idx_t;

/* The threads inside the library are off, for each thread that calls it. */
void be_single()
{
    static thread_local bool done = false;
    if (done)
        return;
    omp_set_num_threads(1);
    if (openblas_set_num_threads)
        openblas_set_num_threads(1);
    done = true;
}

void say(faiss_problem *problem, const char *text)
{
    if (problem)
        std::snprintf(problem->text, sizeof problem->text, "%s", text);
}

/* "Error in FUNCTION at FILE:LINE: Error: 'CONDITION' failed: TEXT": the end is for people. */
std::string without_place(const std::string &text)
{
    for (const char *mark : {"failed: ", ".cpp:", ".h:"}) {
        size_t at = text.rfind(mark);
        size_t begin = at == std::string::npos ? at : text.find(' ', at + std::strlen(mark) - 1);
        if (begin != std::string::npos && begin + 1 < text.size())
            return text.substr(begin + 1);
    }
    return text;
}

/* Run it; what it throws becomes a problem and -1. */
template <typename Work> int guarded(faiss_problem *problem, const Work &work)
{
    try {
        be_single();
        work();
        return 0;
    } catch (const faiss::FaissException &thrown) {
        say(problem, without_place(thrown.msg).c_str());
    } catch (const std::bad_alloc &) {
        say(problem, "out of memory");
    } catch (const std::exception &thrown) {
        say(problem, thrown.what());
    } catch (...) {
        say(problem, "an unknown exception");
    }
    return -1;
}

/* What carries the ids: under an id map, the index it maps. */
const faiss::Index *inner_of(const faiss::Index *index, const faiss::IndexIDMap **map)
{
    *map = dynamic_cast<const faiss::IndexIDMap *>(index);
    return *map ? (*map)->index : index;
}

/* Every vector with its id. */
void walk(const faiss::Index *index, const std::function<void(id_type, const float *)> &each)
{
    const faiss::IndexIDMap *map;
    const faiss::Index *inner = inner_of(index, &map);
    std::vector<float> vector(inner->d);
    auto tell = [&](id_type id, const float *values) {
        each(map ? map->id_map.at(static_cast<size_t>(id)) : id, values);
    };
    const auto *flat = dynamic_cast<const faiss::IndexFlat *>(inner);
    for (id_type id = 0; flat && id < inner->ntotal; id++)
        tell(id, flat->get_xb() + id * flat->d); /* where it stands: nothing to decode */
    const auto *lists = dynamic_cast<const faiss::IndexIVF *>(inner);
    for (id_type id = 0; !flat && !lists && id < inner->ntotal; id++) {
        inner->reconstruct(id, vector.data());
        tell(id, vector.data());
    }
    for (size_t list = 0; lists && list < lists->nlist; list++) {
        size_t size = lists->invlists->list_size(list);
        faiss::InvertedLists::ScopedIds ids(lists->invlists, list);
        for (size_t offset = 0; offset < size; offset++) {
            lists->reconstruct_from_offset(static_cast<int64_t>(list), static_cast<int64_t>(offset),
                                           vector.data());
            tell(ids[offset], vector.data());
        }
    }
}

/* The largest id + 1, and whether they are 0 to count - 1. Only ids are looked at. */
void find_ids(faiss_index *index)
{
    const faiss::IndexIDMap *map;
    const faiss::Index *inner = inner_of(index->index.get(), &map);
    id_type most = inner->ntotal - 1;
    if (map) {
        for (id_type id : map->id_map)
            most = std::max(most, id);
    } else if (const auto *lists = dynamic_cast<const faiss::IndexIVF *>(inner)) {
        for (size_t list = 0; list < lists->nlist; list++) {
            size_t size = lists->invlists->list_size(list);
            faiss::InvertedLists::ScopedIds ids(lists->invlists, list);
            for (size_t offset = 0; offset < size; offset++)
                most = std::max(most, ids[offset]);
        }
    }
    index->next_id = most + 1;
    index->sequential = !map && index->next_id == inner->ntotal;
}

/* What it can do is found by doing it: the library has no other way to ask. */
void find_abilities(faiss_index *index)
{
    find_ids(index);
    if (index->index->ntotal == 0 || !index->index->is_trained)
        return;
    std::vector<float> vector(index->index->d);
    auto *lists = dynamic_cast<faiss::IndexIVF *>(index->index.get());
    if (lists && lists->direct_map.no() && index->sequential)
        guarded(nullptr, [&] { lists->make_direct_map(); });
    index->can_reconstruct = index->sequential && guarded(nullptr, [&] {
                                                      index->index->reconstruct(0, vector.data());
                                                  }) == 0;
    faiss::RangeSearchResult result(1);
    index->can_range = guarded(nullptr, [&] {
                           bool similar = index->index->metric_type == faiss::METRIC_INNER_PRODUCT;
                           float nothing = similar ? HUGE_VALF : 0.0F;
                           index->index->range_search(1, vector.data(), nothing, &result);
                       }) == 0;
}

std::unique_ptr<faiss::Index> make_empty(const faiss_shape &shape)
{
    int dimension = static_cast<int>(shape.dimension);
    if (shape.type == FAISS_FLAT)
        return std::make_unique<faiss::IndexFlatL2>(dimension);
    if (shape.type == FAISS_SCAN)
        return std::make_unique<flat_scan>(dimension);
    if (shape.type == FAISS_HNSW) {
        /* By its name and parameters: its own header wants omp.h of the compiler that is used. */
        std::string name = "HNSW" + std::to_string(shape.links);
        std::unique_ptr<faiss::Index> made(faiss::index_factory(dimension, name.c_str()));
        faiss::ParameterSpace space;
        space.set_index_parameter(made.get(), "efConstruction", shape.construction_width);
        space.set_index_parameter(made.get(), "efSearch", shape.search_width);
        return made;
    }
    auto quantizer = std::make_unique<faiss::IndexFlatL2>(dimension);
    auto made =
        std::make_unique<faiss::IndexIVFFlat>(quantizer.get(), shape.dimension, shape.lists);
    made->own_fields = true;
    quantizer.release();
    made->nprobe = shape.probes;
    made->cp.min_points_per_centroid = 1; /* it only warns, and on stderr */
    return made;
}

/* The exact search of one sample, vector by vector. */
struct exact {
    faiss_sample *sample;
    std::priority_queue<float> nearest; /* the farthest of them on top */
    std::vector<float> found;           /* distances of the sample's own ids; NaN: not seen */
    float scale;                        /* what rounding is relative to */
};

float distance_of(const faiss::Index &index, const float *query, const float *vector)
{
    size_t dimension = static_cast<size_t>(index.d);
    return index.metric_type == faiss::METRIC_INNER_PRODUCT
               ? -faiss::fvec_inner_product(query, vector, dimension)
               : flat_scan_distance(query, vector, dimension);
}

void finish(exact &one)
{
    faiss_sample &sample = *one.sample;
    sample.wanted = static_cast<unsigned>(one.nearest.size());
    sample.correct = 0;
    if (one.nearest.empty())
        return;
    float last = one.nearest.top();
    float limit = last + 1e-5F * (one.scale + std::fabs(last));
    for (unsigned i = 0; i < sample.k; i++) {
        bool again = std::find(sample.ids, sample.ids + i, sample.ids[i]) != sample.ids + i;
        bool there = sample.ids[i] < sample.before && !std::isnan(one.found[i]);
        if (there && !again && one.found[i] <= limit)
            sample.correct++;
    }
    sample.correct = std::min(sample.correct, sample.wanted);
}

void check(const faiss::Index &index, faiss_sample *samples, size_t count)
{
    std::vector<exact> all(count);
    std::unordered_multimap<id_type, std::pair<size_t, unsigned>> places;
    for (size_t i = 0; i < count; i++) {
        all[i].sample = &samples[i];
        all[i].found.assign(samples[i].k, std::nanf(""));
        all[i].scale = faiss::fvec_inner_product(samples[i].query, samples[i].query,
                                                 static_cast<size_t>(index.d));
        for (unsigned k = 0; k < samples[i].k; k++)
            if (samples[i].ids[k] >= 0)
                places.emplace(samples[i].ids[k], std::make_pair(i, k));
    }
    walk(&index, [&](id_type id, const float *vector) {
        for (exact &one : all) {
            if (id >= one.sample->before)
                continue;
            float distance = distance_of(index, one.sample->query, vector);
            if (one.nearest.size() < one.sample->k) {
                one.nearest.push(distance);
            } else if (one.sample->k && distance < one.nearest.top()) {
                one.nearest.pop();
                one.nearest.push(distance);
            }
        }
        auto range = places.equal_range(id);
        for (auto place = range.first; place != range.second; ++place) {
            exact &one = all[place->second.first];
            one.found[place->second.second] = distance_of(index, one.sample->query, vector);
        }
    });
    for (exact &one : all)
        finish(one);
}

} // namespace

faiss_index *faiss_index_read(const char *path, faiss_problem *problem)
{
    auto made = std::make_unique<faiss_index>();
    int failed = guarded(problem, [&] {
        made->index.reset(faiss::read_index(path));
        find_abilities(made.get());
    });
    return failed ? nullptr : made.release();
}

namespace
{

/* Asked by the library while it trains, and between vectors of a graph. */
struct Patience : faiss::InterruptCallback {
    explicit Patience(bool (*asked)(void)) : give_up(asked)
    {
    }
    bool want_interrupt() override
    {
        return give_up();
    }
    bool (*give_up)(void);
};

constexpr size_t add_at_once = 8192;

void fill(faiss::Index &index, const faiss_shape &shape, size_t count, const float *vectors)
{
    index.train(static_cast<id_type>(count), vectors);
    for (size_t from = 0; from < count; from += add_at_once) {
        if (shape.give_up && shape.give_up())
            throw std::runtime_error("interrupted");
        index.add(static_cast<id_type>(std::min(add_at_once, count - from)),
                  vectors + from * shape.dimension);
    }
}

} // namespace

faiss_index *faiss_index_make(const faiss_shape *shape, size_t count, const float *vectors,
                              faiss_problem *problem)
{
    auto made = std::make_unique<faiss_index>();
    if (shape->give_up)
        faiss::InterruptCallback::instance = std::make_unique<Patience>(shape->give_up);
    int failed = guarded(problem, [&] {
        made->index = make_empty(*shape);
        fill(*made->index, *shape, count, vectors);
        find_abilities(made.get());
    });
    faiss::InterruptCallback::clear_instance();
    return failed ? nullptr : made.release();
}

void faiss_index_close(faiss_index *index)
{
    delete index;
}

void faiss_index_facts(const faiss_index *index, faiss_facts *facts)
{
    const faiss::Index &from = *index->index;
    *facts = faiss_facts();
    int status;
    char *name = abi::__cxa_demangle(typeid(from).name(), nullptr, nullptr, &status);
    const char *shown = name ? name : "index";
    if (std::strncmp(shown, "faiss::", 7) == 0)
        shown += 7;
    std::snprintf(facts->type, sizeof facts->type, "%s", shown);
    std::free(name);
    facts->dimension = static_cast<unsigned>(from.d);
    facts->count = from.ntotal;
    facts->next_id = index->next_id;
    facts->trained = from.is_trained;
    facts->inner_product = from.metric_type == faiss::METRIC_INNER_PRODUCT;
    facts->other_metric = !facts->inner_product && from.metric_type != faiss::METRIC_L2;
    facts->sequential = index->sequential;
    facts->can_reconstruct = index->can_reconstruct;
    facts->can_range = index->can_range;
}

int faiss_index_set(faiss_index *index, const char *name, double value, faiss_problem *problem)
{
    return guarded(problem, [&] {
        faiss::ParameterSpace().set_index_parameter(index->index.get(), name, value);
    });
}

int faiss_index_add(faiss_index *index, const float *vector, int64_t *id, faiss_problem *problem)
{
    return guarded(problem, [&] {
        id_type next = index->next_id;
        if (index->sequential)
            index->index->add(1, vector);
        else
            index->index->add_with_ids(1, vector, &next);
        *id = next;
        index->next_id = next + 1;
    });
}

int faiss_index_search(const faiss_index *index, size_t count, const float *queries, unsigned k,
                       float *distances, int64_t *ids, faiss_problem *problem)
{
    return guarded(problem, [&] {
        index->index->search(static_cast<id_type>(count), queries, static_cast<id_type>(k),
                             distances, ids);
    });
}

bool faiss_scan_choose(unsigned kind)
{
    return flat_scan_choose(kind);
}

int faiss_index_range(const faiss_index *index, const float *query, float radius, size_t room,
                      float *distances, int64_t *ids, size_t *found, faiss_problem *problem)
{
    return guarded(problem, [&] {
        faiss::RangeSearchResult result(1);
        index->index->range_search(1, query, radius, &result);
        *found = result.lims[1];
        size_t kept = std::min(room, *found);
        std::copy(result.distances, result.distances + kept, distances);
        std::copy(result.labels, result.labels + kept, ids);
    });
}

int faiss_index_reconstruct(const faiss_index *index, int64_t id, float *vector,
                            faiss_problem *problem)
{
    return guarded(problem, [&] {
        if (id < 0 || id >= index->next_id)
            throw std::out_of_range("no vector has this id");
        index->index->reconstruct(id, vector);
    });
}

const float *faiss_index_vector(const faiss_index *index, int64_t id)
{
    const auto *flat = dynamic_cast<const faiss::IndexFlat *>(index->index.get());
    return flat && id >= 0 && id < flat->ntotal ? flat->get_xb() + id * flat->d : nullptr;
}

int faiss_index_check(const faiss_index *index, faiss_sample *samples, size_t count,
                      faiss_problem *problem)
{
    return guarded(problem, [&] { check(*index->index, samples, count); });
}
