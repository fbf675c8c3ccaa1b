#pragma once

#include <cstdint>
#include <optional>

#include "core/types/usage.hpp"

namespace sluice {

/// Tokens in `bytes` of text that nobody counted: one for each four bytes, rounded up. A rule of thumb for English;
/// other languages have fewer bytes to a token, so this is more often too high than too low.
constexpr std::int64_t estimated_tokens(std::uint64_t bytes) { return static_cast<std::int64_t>((bytes + 3) / 4); }

/// The usage of one answer: the provider's last word, else an estimate.
class UsageTally {
public:
    explicit UsageTally(std::uint64_t prompt_bytes) : prompt_bytes_(prompt_bytes) {}

    void add_output(std::uint64_t bytes) { output_bytes_ += bytes; }
    std::uint64_t output_bytes() const { return output_bytes_; }

    /// Providers that report while they stream repeat the running total, so the last one counts; never a sum.
    void report(Usage const& usage) { reported_ = usage; }
    bool reported() const { return reported_.has_value(); }

    Usage usage() const {
        if (reported_) return *reported_;
        return {.input = estimated_tokens(prompt_bytes_),
                .output = estimated_tokens(output_bytes_),
                .source = UsageSource::estimated};
    }

private:
    std::uint64_t prompt_bytes_;
    std::uint64_t output_bytes_ = 0;
    std::optional<Usage> reported_;
};

}  // namespace sluice
