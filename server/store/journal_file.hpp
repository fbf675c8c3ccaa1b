#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/result.hpp"
#include "server/net/owned_fd.hpp"

namespace sluice::store {

/// One file of a journal: a head with its number, then frames, each with its length and a checksum. The checksum
/// knows the number, so that what stood in a file that is used again is nothing any more. Locked while its process
/// lives. Thread: one at a time, except sync(). Errors: ledger_unavailable.
class JournalFile {
public:
    /// Makes it, for its owner alone, with room on the disk; an empty folder: in memory.
    static Result<JournalFile> create(std::string const& folder, std::int64_t epoch, std::uint64_t number);
    /// The files in `folder` whose processes are gone, in their order.
    static std::vector<JournalFile> left_behind(std::string const& folder);

    /// It is another one from now on, and empty.
    Result<> begin_anew(std::uint64_t number);

    /// Adds a frame behind the last one. After an error it takes no more: how much of the frame stands there, nobody
    /// knows.
    Result<> append(std::string_view frame);
    /// Waits until what was appended survives the end of the machine. Thread: any.
    Result<> sync() const;

    /// The frames between `from` and `to`; positions count from 0, and lie between frames.
    Result<std::string> read(std::uint64_t from, std::uint64_t to) const;

    /// Of the process that wrote it.
    std::int64_t epoch() const;
    /// Behind the last frame.
    std::uint64_t end() const { return end_; }
    /// Nothing else may be done with it any more.
    void remove();

private:
    JournalFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    Result<> write_head(std::uint64_t number);
    void make_room() const;
    bool find_end();

    net::OwnedFd fd_;
    std::string path_;  ///< empty: in memory
    std::uint64_t number_ = 0;
    std::uint64_t end_ = 0;
};

/// A new file's name is durable only when its folder is. Errors: ledger_unavailable.
Result<> sync_folder_of(std::string const& path);
/// What a frame takes in a file.
std::uint64_t size_in_file(std::string_view frame);
/// Takes the first frame's content off `frames`, which read() gave.
std::optional<std::string_view> take_frame(std::string_view& frames);

}  // namespace sluice::store
