#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/types/clock.hpp"
#include "core/types/result.hpp"
#include "core/types/settings.hpp"
#include "server/api/digest.hpp"
#include "server/api/recorded_answer.hpp"
#include "server/http/request_head.hpp"

namespace sluice::api {

/// The request's Idempotency-Key. Errors: invalid_value, unless there is one, of 1 to 255 visible ASCII characters.
Result<std::string_view> idempotency_key(http::RequestHead const& head);

struct IdempotencyPlace;

/// Requests that their callers have named, with their answers: whoever names one again gets the same answer, and
/// nothing is asked twice. Finished ones are kept for a time, and their answers as far as there is memory; of the rest
/// only their names, so that they are not served again. Gone with the process. Thread: any.
class IdempotencyTable final : public RecordingMemory {
public:
    static constexpr std::size_t most_names = 100'000;

    explicit IdempotencyTable(IdempotencySettings const& settings) { configure(settings); }
    void configure(IdempotencySettings const& settings);
    /// False: names mean nothing.
    bool is_on() const { return keep_.load(std::memory_order_relaxed) > milliseconds::zero(); }

    /// While it lives its request is under way, and others follow it. What it leaves behind: nothing, unless keep() was
    /// called. Thread: one at a time.
    class Lead {
    public:
        Lead() = default;
        Lead(Lead&& other) noexcept : table_(std::exchange(other.table_, nullptr)), name_(other.name_) {}
        Lead& operator=(Lead&& other) noexcept {
            std::swap(table_, other.table_);
            std::swap(name_, other.name_);
            return *this;
        }
        ~Lead() {
            if (table_) table_->leave(name_);
        }
        explicit operator bool() const { return table_ != nullptr; }
        /// The request may have cost something: it shall not be sent again.
        void keep(Instant now) {
            if (auto* const table = std::exchange(table_, nullptr)) table->finish(name_, now);
        }

    private:
        friend class IdempotencyTable;
        Lead(IdempotencyTable& table, Digest const& name) : table_(&table), name_(name) {}
        IdempotencyTable* table_ = nullptr;
        Digest name_{};
    };

    /// `name` says whose request it is and what he calls it, `request` what it asks. Errors: idempotency_conflict (the
    /// name is another request's, or its answer is gone), overloaded (`most_leads` are under way).
    Result<IdempotencyPlace> enter(Digest const& name, Digest const& request, std::uint64_t most_leads, Instant now);

    /// Lets go of what was kept for long enough.
    void forget_expired(Instant now);

    void count_replay() { replays_.fetch_add(1, std::memory_order_relaxed); }

    struct Facts {
        std::uint64_t replays = 0;
        std::uint64_t names = 0;
        std::uint64_t bytes = 0;
    };
    Facts facts() const;

    bool take(std::uint64_t bytes) override;
    void give_back(std::uint64_t bytes) override { used_.fetch_sub(bytes, std::memory_order_relaxed); }

private:
    struct DigestHash {
        std::size_t operator()(Digest const& digest) const;
    };
    struct Entry {
        Digest request{};
        std::shared_ptr<RecordedAnswer> answer;  ///< null: not kept
    };
    struct Finished {
        Digest name{};
        Instant at;
    };

    void leave(Digest const& name);
    void finish(Digest const& name, Instant now);
    void forget_oldest(std::lock_guard<std::mutex> const& lock);
    void forget_expired(Instant now, std::lock_guard<std::mutex> const& lock);
    bool is_full() const { return used_.load(std::memory_order_relaxed) > most_bytes_.load(std::memory_order_relaxed); }

    std::atomic<milliseconds> keep_{};
    std::atomic<std::uint64_t> most_bytes_{0};
    std::atomic<std::uint64_t> used_{0};
    std::atomic<std::uint64_t> replays_{0};
    mutable std::mutex mutex_;  // guards what follows
    std::unordered_map<Digest, Entry, DigestHash> entries_;
    std::deque<Finished> finished_;  ///< the oldest first
    std::size_t emptied_ = 0;        ///< so many of the oldest have no answer any more
    std::uint64_t leads_ = 0;
};

struct IdempotencyPlace {
    IdempotencyTable::Lead lead{};             ///< set: nobody has named it before, or it may be asked again
    std::shared_ptr<RecordedAnswer> answer{};  ///< to read, and for who leads to write
};

/// What a caller is told whose request was served, but whose answer is gone.
Error answer_not_kept();

}  // namespace sluice::api
