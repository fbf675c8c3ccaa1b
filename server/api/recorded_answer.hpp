#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/pipeline/headers.hpp"
#include "core/pipeline/ports.hpp"

namespace sluice::api {

/// What recorded answers take together. Thread: any.
class RecordingMemory {
public:
    virtual ~RecordingMemory() = default;
    /// Counts `bytes`. False: that is more than there should be; they count all the same.
    virtual bool take(std::uint64_t bytes) = 0;
    virtual void give_back(std::uint64_t bytes) = 0;
};

struct AnswerHead {
    int status = 200;
    Headers headers{};
    bool stream = false;
};

enum class Ending : std::uint8_t {
    none,       ///< it goes on
    complete,   ///< a whole answer, or a stream with all that belongs to it
    cut,        ///< a stream that ended with an error: its connection should not be used again
    abandoned,  ///< nobody will say more
};

/// An answer as it is written, for any number of readers: each gets it from its beginning, as fast as it reads. Of an
/// answer that grows too large, or for which there is no memory, nothing is kept but what its readers still have to
/// read; then the writer waits for them. Thread: one writes, others read, each on any worker.
class RecordedAnswer {
    struct Block {
        explicit Block(std::size_t size) : bytes(std::make_unique_for_overwrite<char[]>(size)), capacity(size) {}
        std::unique_ptr<char[]> bytes;
        std::size_t capacity;
    };

public:
    static constexpr std::uint64_t most_kept = 4 * 1024 * 1024;
    static constexpr std::uint64_t most_ahead = 256 * 1024;  ///< of the slowest reader, where nothing is kept

    /// `memory` must outlive it.
    explicit RecordedAnswer(RecordingMemory& memory) : memory_(memory) {}
    RecordedAnswer(RecordedAnswer const&) = delete;
    RecordedAnswer& operator=(RecordedAnswer const&) = delete;
    ~RecordedAnswer() { memory_.give_back(counted_); }

    // --- the writer's -----------------------------------------------------------------------------------------------
    void begin(AnswerHead head);
    void append(Pieces pieces);
    /// The first one stays. `bug`: what the writer threw; readers throw it on.
    void end(Ending ending, std::exception_ptr bug = {});
    /// Whether to wait before the next append(). If so `writer` is opened when that may have changed.
    bool is_far_ahead(std::shared_ptr<Gate> const& writer);
    /// All of it so far can be read from its beginning.
    bool is_kept() const { return kept_; }
    /// It has come to an end that makes sense to its readers.
    bool is_finished() const { return finished_; }
    std::uint64_t size() const { return written_; }

    // --- a reader's -------------------------------------------------------------------------------------------------
    /// Bytes, with what keeps them there.
    struct Piece {
        std::shared_ptr<Block const> block;
        std::string_view bytes;
    };
    struct News {
        std::shared_ptr<AnswerHead const> head;  ///< null: not yet
        std::vector<Piece> pieces;
        Ending ending = Ending::none;  ///< `pieces` are the last ones
        std::exception_ptr bug;
    };
    class Reader;

private:
    void add_block(std::size_t wanted);
    void drop_what_all_have(std::lock_guard<std::mutex> const& lock);
    void announce(std::lock_guard<std::mutex> const& lock) const;
    std::uint64_t slowest(std::lock_guard<std::mutex> const& lock) const;

    RecordingMemory& memory_;

    // the writer's
    std::uint64_t counted_ = 0;  ///< with memory_
    std::size_t room_ = 0;       ///< behind what is written in the last block
    std::uint64_t written_ = 0;
    bool kept_ = true;
    bool finished_ = false;

    std::mutex mutex_;  // guards what follows
    std::shared_ptr<AnswerHead const> head_;
    std::vector<std::shared_ptr<Block>> blocks_;  ///< all full but the last; only the writer changes it
    std::uint64_t dropped_ = 0;                   ///< bytes before the first block
    std::uint64_t published_ = 0;
    Ending ending_ = Ending::none;
    std::exception_ptr bug_;
    std::vector<Reader*> readers_;
    std::shared_ptr<Gate> writer_;  ///< it waits
};

/// Reads one answer for one client. Thread: its worker's.
class RecordedAnswer::Reader {
public:
    /// `news`: of this worker.
    Reader(std::shared_ptr<RecordedAnswer> answer, std::shared_ptr<Gate> news);
    Reader(Reader const&) = delete;
    Reader& operator=(Reader const&) = delete;
    ~Reader();

    /// The beginning is gone: there is nothing to read here.
    bool came_too_late() const { return too_late_; }

    /// What follows on the last news, as much as may be written at once. Says that those have been passed on.
    News take();
    /// Waits until there is something that take() has not given. Errors: client_closed, server_shutdown.
    Task<Result<bool>> wait(Cancellation& cancellation) { return news_->wait(never, cancellation); }
    /// Nothing more will be written.
    bool ended() const;

private:
    friend class RecordedAnswer;
    std::shared_ptr<RecordedAnswer> answer_;
    std::shared_ptr<Gate> news_;
    bool too_late_ = false;

    // guarded by the answer's mutex
    std::uint64_t passed_on_ = 0;
    std::uint64_t taken_ = 0;
    bool waiting_ = false;
};

}  // namespace sluice::api
