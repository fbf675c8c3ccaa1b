#include "server/lab/listener_faults.hpp"

#include <nlohmann/json.hpp>
#include <utility>

namespace sluice::lab {
namespace {

using nlohmann::json;

bool take_one(unsigned& left) {
    if (left == 0) return false;
    --left;
    return true;
}

bool read_number(json const& value, unsigned& out) {
    if (!value.is_number_unsigned()) return false;
    out = static_cast<unsigned>(value.get<std::uint64_t>());
    return true;
}

bool read_time(json const& value, Duration& out) {
    auto time = parse_duration(value.is_string() ? value.get<std::string>() : value.dump());
    if (time) out = *time;
    return time.has_value();
}

bool read_tls_fault(json const& value, TlsFault& out) {
    if (value == "none") return true;
    if (value == "close_in_handshake") out = TlsFault::close_in_handshake;
    if (value == "stall_in_handshake") out = TlsFault::stall_in_handshake;
    return out != TlsFault::none;
}

}  // namespace

std::expected<void, std::string> ListenerFaults::set(json const& faults) {
    if (!faults.is_object()) return std::unexpected("`listener` must be an object");
    Duration delay{}, refuse{};
    unsigned reset = 0, close = 0, hang = 0, tls_next = ~0U;
    TlsFault tls = TlsFault::none;
    for (auto const& [key, value] : faults.items()) {
        bool good =
            (key == "accept_delay" && read_time(value, delay)) || (key == "refuse_for" && read_time(value, refuse)) ||
            (key == "reset_next" && read_number(value, reset)) || (key == "close_next" && read_number(value, close)) ||
            (key == "hang_next" && read_number(value, hang)) ||
            (key == "tls_fault_next" && read_number(value, tls_next)) ||
            (key == "tls_fault" && read_tls_fault(value, tls));
        if (!good) return std::unexpected("listener option `" + key + "` is unknown or has a wrong value");
    }
    if (refuse.count() > 0 && refuse_) refuse_(refuse);
    std::lock_guard lock(mutex_);
    accept_delay_ = delay;
    reset_next_ = reset;
    close_next_ = close;
    hang_next_ = hang;
    tls_fault_ = tls;
    tls_fault_next_ = tls_next;
    return {};
}

Greeting ListenerFaults::greet() {
    std::lock_guard lock(mutex_);
    Greeting greeting{.delay = accept_delay_};
    if (take_one(reset_next_))
        greeting.kind = Greeting::Kind::reset;
    else if (take_one(close_next_))
        greeting.kind = Greeting::Kind::close;
    else if (take_one(hang_next_))
        greeting.kind = Greeting::Kind::hang;
    else if (tls_fault_ != TlsFault::none && take_one(tls_fault_next_))
        greeting.tls_fault = tls_fault_;
    return greeting;
}

}  // namespace sluice::lab
