#pragma once

#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>

#include "core/pipeline/attempt_run.hpp"
#include "core/pipeline/ports.hpp"
#include "core/pipeline/request_run.hpp"

namespace sluice {

class Race;

/// An attempt's part in a race: the client sees the first that has a valid delta, the others are cancelled.
class Lane {
public:
    explicit Lane(Race& race) : race_(race) {}

    /// Cancelled with the request, or when another attempt was faster.
    Cancellation& cancellation() { return cancellation_; }

    /// Asks to show the client this attempt from now on. False: another one is shown already.
    Task<Result<bool>> claim();
    bool has_claimed() const;
    /// No other attempt of the race is under way.
    bool is_alone() const;
    /// The other attempts of the race, over or not: they are in the outcome only when the race is.
    std::size_t others() const;
    Instant race_started() const;

private:
    friend class Race;
    Race& race_;
    Cancellation cancellation_;
    std::optional<AttemptRun> attempt_;
    std::optional<Result<>> result_;
    std::exception_ptr thrown_;
    bool running_ = false;
};

/// One or two attempts at a request side by side, and the client's keep-alive comments until one of them has something
/// to say. It must be finished before it goes. Thread: its worker's.
class Race {
public:
    /// `run` must outlive it.
    explicit Race(RequestRun& run);
    Race(Race const&) = delete;
    Race& operator=(Race const&) = delete;

    /// At most twice.
    void start(std::size_t candidate, Entry&& entry, AttemptPlan const& plan);

    /// Waits until `until`, or until an attempt has something for the client, or none is left.
    Task<> wait(Instant until);
    bool is_decided() const { return winner_ != nullptr || running() == 0; }

    /// Waits for the ends of all; what the one that the client saw came to, else the last.
    Task<Result<>> finish();
    bool has_winner() const { return winner_ != nullptr; }

private:
    friend class Lane;
    static Task<> go(Lane& lane);
    std::size_t running() const;
    Task<> wait_once(Instant until);
    void cancel_all(CancelReason reason);

    RequestRun& run_;
    Instant started_;
    std::shared_ptr<Gate> gate_;
    std::array<std::unique_ptr<Lane>, 2> lanes_;
    std::size_t count_ = 0;
    Lane* winner_ = nullptr;
    bool writing_ = false;  ///< a comment to the client
};

}  // namespace sluice
