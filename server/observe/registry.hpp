#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/pipeline/outcome.hpp"
#include "core/types/error.hpp"
#include "server/observe/series.hpp"

namespace sluice::observe {

enum class TokenType : std::uint8_t { input, output, count_ };

/// How far a request had come, by the phases' names.
enum class Stage : std::uint8_t { request, attempt, stream, count_ };

/// The numbers of the label values that come from fixed lists. Constant once built.
struct FixedNames {
    std::array<NameId, 600> codes{};  ///< by status; one that is not on the list has its class, "4xx"
    std::array<NameId, static_cast<std::size_t>(ErrorKind::count_)> errors{};
    std::array<NameId, static_cast<std::size_t>(AttemptResult::count_)> results{};
    std::array<NameId, static_cast<std::size_t>(TokenType::count_)> token_types{};
    std::array<NameId, static_cast<std::size_t>(Stage::count_)> stages{};
    NameId chat{};
    NameId none{};   ///< "none": no provider was reached
    NameId other{};  ///< "other"

    NameId code(int status) const;
    NameId error(ErrorKind kind) const { return errors[static_cast<std::size_t>(kind)]; }
    NameId result(AttemptResult result) const { return results[static_cast<std::size_t>(result)]; }
    NameId token_type(TokenType type) const { return token_types[static_cast<std::size_t>(type)]; }
    NameId stage(Stage stage) const { return stages[static_cast<std::size_t>(stage)]; }
};

/// The value of `error_type` in metrics and in the access log.
std::string_view error_label(ErrorKind kind);

/// "chat" for the paths that ask a model something; empty for the others, which have no gen_ai metrics.
std::string_view operation_of(std::string_view route);

/// The process' label values and series, so that all shards use the same numbers and one limit holds for all.
/// Thread: any, under a lock; a shard asks once for each new name or series.
class Registry {
public:
    explicit Registry(std::uint64_t max_series);

    FixedNames const& fixed() const { return fixed_; }

    /// The number of `name`; of "other" once there are `max_names`.
    NameId intern(std::string_view name);

    /// Whether `key` may be exposed: it already is, or there is room for its weight. A refused series counts once.
    bool admit(SeriesKey key);

    /// A higher limit lets refused series in again.
    void set_max_series(std::uint64_t max_series);

    std::uint64_t dropped_series() const;
    std::uint64_t series() const;            ///< admitted so far, by weight
    std::vector<std::string> names() const;  ///< by number

private:
    NameId intern_locked(std::string_view name);
    void intern_fixed();

    mutable std::mutex mutex_;
    FixedNames fixed_;
    std::map<std::string, NameId, std::less<>> ids_;
    std::vector<std::string> names_;
    std::unordered_set<SeriesKey> admitted_;
    std::unordered_set<SeriesKey> refused_;  // as many as may be admitted, at most
    std::uint64_t max_series_;
    std::uint64_t weight_ = 0;
    std::uint64_t dropped_ = 0;
};

}  // namespace sluice::observe
