#include "core/policy/health_check.hpp"

namespace sluice {

ProbeResult judge_probe(int status) {
    switch (status) {
        case 401:
        case 403:
        case 404:
        case 405:
            return ProbeResult::misdirected;
        default:
            return status < 500 ? ProbeResult::alive : ProbeResult::failed;
    }
}

HealthCheck::Change HealthCheck::note(ProbeResult result, HealthCheckSettings const& settings) {
    bool const failed = result == ProbeResult::failed;
    if (failed == down_) {
        in_a_row_ = 0;
        return Change::none;
    }
    if (++in_a_row_ < (failed ? settings.unhealthy_after : settings.healthy_after)) return Change::none;
    in_a_row_ = 0;
    down_ = failed;
    return failed ? Change::down : Change::up;
}

}  // namespace sluice
