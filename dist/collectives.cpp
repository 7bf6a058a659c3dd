#include "dist/collectives.hpp"

namespace lapatlas {

namespace detail {
CountsAndOffsets counts_and_offsets(std::span<const std::int64_t> counts) {
    CountsAndOffsets layout;
    for (const std::int64_t count : counts) {
        layout.counts.push_back(mpi_count(count));
        layout.offsets.push_back(mpi_count(layout.total));
        layout.total += count;
    }
    mpi_count(layout.total);
    return layout;
}
}  // namespace detail

void broadcast(const Communicator& comm, std::vector<std::string>& texts, int root) {
    std::vector<std::int64_t> lengths;
    std::vector<char> bytes;
    for (const std::string& text : texts) {
        lengths.push_back(static_cast<std::int64_t>(text.size()));
        bytes.insert(bytes.end(), text.begin(), text.end());
    }
    broadcast(comm, lengths, root);
    broadcast(comm, bytes, root);
    texts.clear();
    std::size_t first = 0;
    for (const std::int64_t length : lengths) {
        texts.emplace_back(bytes.data() + first, static_cast<std::size_t>(length));
        first += static_cast<std::size_t>(length);
    }
}

void barrier(const Communicator& comm) { check_mpi(MPI_Barrier(comm.handle()), "MPI_Barrier"); }

}  // namespace lapatlas
