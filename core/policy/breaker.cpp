#include "core/policy/breaker.hpp"

#include <algorithm>

namespace sluice {

std::string_view to_string(BreakerState state) {
    switch (state) {
        case BreakerState::closed:
            return "closed";
        case BreakerState::half_open:
            return "half_open";
        case BreakerState::open:
            break;
    }
    return "open";
}

Verdict verdict_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::upstream_unavailable:
        case ErrorKind::upstream_timeout:
        case ErrorKind::upstream_invalid_response:
        case ErrorKind::upstream_empty_answer:
        case ErrorKind::upstream_server_error:
        case ErrorKind::upstream_overloaded:
        case ErrorKind::stream_interrupted:
            return Verdict::failure;
        case ErrorKind::upstream_rejected:
        case ErrorKind::upstream_request_too_large:
        case ErrorKind::upstream_model_missing:
            return Verdict::success;
        default:
            return Verdict::silent;
    }
}

Breaker::Pass Breaker::try_pass(Instant now) {
    if (!open_) return Pass::normal;
    if (probing_ || now < open_until_) return Pass::refused;
    probing_ = true;
    return Pass::probe;
}

void Breaker::succeeded(Instant now, Pass pass) {
    if (pass == Pass::probe) {
        close();
    } else if (!open_) {  // a straggler from before the opening proves nothing
        consecutive_ = 0;
        count(now, Verdict::success);
    }
}

void Breaker::failed(Instant now, Pass pass, double random, milliseconds asked_for) {
    if (pass == Pass::probe) {
        probing_ = false;
        open(now, random, asked_for);
    } else if (!open_) {
        ++consecutive_;
        count(now, Verdict::failure);
        bool const in_a_row = settings_.consecutive != 0 && consecutive_ >= settings_.consecutive;
        if (!in_a_row && !ratio_reached(now)) return;
        opened_at_ = now;
        open(now, random, asked_for);
    }
}

void Breaker::released(Pass pass) {
    if (pass == Pass::probe) probing_ = false;
}

void Breaker::let_probe(Instant now) { open_until_ = std::min(open_until_, now); }

BreakerState Breaker::state(Instant now) const {
    if (!open_) return BreakerState::closed;
    return now < open_until_ ? BreakerState::open : BreakerState::half_open;
}

bool Breaker::refuses(Instant now) const { return open_ && (probing_ || now < open_until_); }

milliseconds Breaker::time_to_probe(Instant now) const {
    if (!refuses(now)) return milliseconds::zero();
    if (now < open_until_) return std::chrono::ceil<milliseconds>(open_until_ - now);
    return settings_.open_for;
}

std::int64_t Breaker::period_of(Instant now) const {
    auto const width = std::max<Duration>(settings_.window / static_cast<int>(bucket_count), milliseconds(1));
    return now.time_since_epoch() / width;
}

void Breaker::count(Instant now, Verdict verdict) {
    auto const period = period_of(now);
    auto& bucket = buckets_[static_cast<std::size_t>(period) % bucket_count];
    if (bucket.period != period) bucket = Bucket{.period = period};
    ++bucket.total;
    if (verdict == Verdict::failure) ++bucket.failures;
}

bool Breaker::ratio_reached(Instant now) const {
    auto const period = period_of(now);
    std::uint64_t total = 0;
    std::uint64_t failures = 0;
    for (auto const& bucket : buckets_) {
        if (bucket.period + static_cast<std::int64_t>(bucket_count) <= period) continue;
        total += bucket.total;
        failures += bucket.failures;
    }
    return total >= std::max(settings_.min_requests, 1U) && failures * 100 >= total * settings_.failure_percent;
}

void Breaker::open(Instant now, double random, milliseconds asked_for) {
    open_ = true;
    auto const longest = std::max(settings_.open_max, settings_.open_for);
    auto wait = settings_.open_for;
    auto outage = settings_.open_for * 24;
    while (wait < longest && now - opened_at_ >= outage) {
        wait = std::min(wait * 2, longest);
        outage *= 2;
    }
    auto const spread = static_cast<double>(wait.count()) * (0.8 + 0.4 * random);
    open_until_ = now + std::max(milliseconds(static_cast<milliseconds::rep>(spread)), std::min(asked_for, longest));
}

void Breaker::close() {
    open_ = probing_ = false;
    consecutive_ = 0;
    buckets_ = {};
}

}  // namespace sluice
