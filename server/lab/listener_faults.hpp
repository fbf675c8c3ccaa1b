#pragma once
#include <cstdint>
#include <expected>
#include <functional>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "server/lab/pace.hpp"

namespace sluice::lab {

enum class TlsFault : std::uint8_t { none, close_in_handshake, stall_in_handshake };

/// What to do with one new connection.
struct Greeting {
    enum class Kind : std::uint8_t { serve, reset, close, hang };
    Kind kind = Kind::serve;
    Duration delay{};
    TlsFault tls_fault = TlsFault::none;
};

/// Faults before any request: they can't be asked for in one. Thread: any.
class ListenerFaults {
public:
    /// accept_delay, reset_next, close_next, hang_next, tls_fault, tls_fault_next, refuse_for. What isn't named is
    /// switched off.
    std::expected<void, std::string> set(nlohmann::json const& faults);
    Greeting greet();
    /// Who closes the listening sockets when refuse_for is set. Set once, before any thread runs.
    void on_refusal(std::function<void(Duration)> refuse) { refuse_ = std::move(refuse); }

private:
    std::mutex mutex_;
    std::function<void(Duration)> refuse_;
    Duration accept_delay_{};
    unsigned reset_next_ = 0, close_next_ = 0, hang_next_ = 0, tls_fault_next_ = 0;
    TlsFault tls_fault_ = TlsFault::none;
};

}  // namespace sluice::lab
