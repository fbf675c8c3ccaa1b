#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/types/result.hpp"
#include "server/store/ledger_store.hpp"

namespace sluice::store {

/// A file of one process for events that the store can't take now. Locked while the process lives; what a process left
/// behind, its successor takes over. Each record has its length and a checksum before it: a torn one ends the file.
/// Thread: one. Errors: ledger_unavailable.
class LedgerSpool {
public:
    /// Makes the file for `epoch`, and `folder` if it is missing, for their owner alone.
    static Result<LedgerSpool> create(std::string const& folder, std::int64_t epoch);
    /// The files in `folder` whose processes are gone.
    static std::vector<LedgerSpool> left_behind(std::string const& folder);

    LedgerSpool(LedgerSpool&& other) noexcept;
    LedgerSpool& operator=(LedgerSpool&& other) noexcept;
    ~LedgerSpool();

    /// Durable when it returns. After an error nothing of it counts.
    Result<> append(std::span<LedgerEvent const> events);

    /// Up to `most` events that were not read since the last forget() or rewind(), in their order; none: that was all.
    Result<std::vector<LedgerEvent>> next(std::size_t most);
    /// The next event is the first one again.
    void rewind();
    bool empty() const { return end_ == first_record; }
    std::uint64_t bytes() const { return end_ - first_record; }
    bool all_read() const { return read_ == end_; }

    /// What was read is safe elsewhere: empties the file. Only when all was read.
    Result<> forget();
    /// Removes the file. Nothing else may be done with it any more.
    void remove();

private:
    LedgerSpool(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    Result<> begin_file();
    void find_end();

    static constexpr std::uint64_t first_record = 8;  ///< behind the file's mark
    int fd_ = -1;
    std::string path_;
    std::uint64_t end_ = first_record;   ///< behind the last record that counts
    std::uint64_t read_ = first_record;  ///< behind the last record that was read
};

}  // namespace sluice::store
