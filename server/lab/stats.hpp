#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/lab/content.hpp"
#include "server/lab/request.hpp"

namespace sluice::lab {

/// How one answer ended, from the lab's side.
enum class Ended : std::uint8_t { complete, cut, cancelled };

/// What the lab would charge for one request: the prompt, and the completion tokens that really went out.
struct Bill {
    std::string key, model;
    unsigned status = 0;
    bool is_stream = false, usage_reported = false;
    std::uint64_t prompt = 0, completion = 0, reasoning = 0;
    Ended ended = Ended::complete;
};

/// What happened so far, for whoever asks /lab/stats. Everything that grows has a bound. Thread: any.
class Stats {
public:
    /// The new connection's number.
    std::uint64_t open_connection();
    void close_connection();
    void begin_request(std::uint64_t connection);
    /// Which attempt this is for that key, from 1.
    unsigned count_attempt(std::string_view key);
    /// Takes the request's headers and body and leaves it with older ones.
    void keep(Request& request);
    void begin_stream();
    void end_stream();
    void count_bytes(std::size_t bytes);
    void add(Bill bill);
    void reset();

    std::string stats_json() const;
    /// The newest requests, newest first.
    std::string requests_json(std::size_t most) const;
    std::string bill_json() const;

private:
    struct PerModel {
        std::uint64_t requests = 0, prompt = 0, completion = 0, reasoning = 0;
    };
    struct PerConnection {
        std::uint64_t connection = 0, requests = 0;
    };
    static constexpr std::size_t most_attempts = 100'000, most_bills = 20'000, most_models = 1000;

    mutable std::mutex mutex_;
    std::uint64_t requests_ = 0, cancelled_ = 0, cut_ = 0, bytes_ = 0, connections_ = 0, billed_ = 0;
    std::uint64_t last_connection_ = 0;  ///< a number, never reset
    std::int64_t open_streams_ = 0, most_streams_ = 0, open_connections_ = 0;
    std::map<unsigned, std::uint64_t> by_status_;
    std::unordered_map<std::string, unsigned> attempts_;
    std::map<std::string, PerModel, std::less<>> models_;
    std::array<PerConnection, 256> recent_connections_{};
    std::array<Request, 8> recent_;
    std::uint64_t kept_ = 0;
    std::deque<Bill> bills_;
};

}  // namespace sluice::lab
