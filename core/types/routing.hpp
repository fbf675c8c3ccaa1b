#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/types/capability.hpp"
#include "core/types/clock.hpp"
#include "core/types/money.hpp"

/// How targets are chosen, as plain values: what the configuration says (routes, filters), and what a request says
/// (facts, steering). core/policy/planner.hpp turns them into a plan.
namespace sluice {

/// How the members of a route are ordered. Formulas: docs/routing.md.
enum class RoutePolicy : std::uint8_t {
    fallback,    ///< as written
    cost,        ///< the lowest expected cost of this very request
    latency,     ///< the shortest time to the first token of streams, else to the whole answer
    throughput,  ///< the most tokens per second
    weighted,    ///< drawn by weight
    least_busy,  ///< the fewest requests in flight, by weight
    usage,       ///< the most left of its credentials' rate limits
    score,       ///< the lowest weighted sum of price, latency, throughput and failures
    slo,         ///< the cheapest that keeps the bounds on latency and throughput
    complexity,  ///< members stand from the simplest to the strongest; the request's complexity chooses
    count_,
};

/// Weights of RoutePolicy::score, each >= 0.
struct ScoreWeights {
    double price = 0.6;  // allowed: a weight, not an amount
    double uptime = 0.5;
    double throughput = 0.05;
    double latency = 0.025;  ///< of streams
    double cache = 0.2;      ///< the price of cached input, for prompts of 5,000 tokens and more
    friend bool operator==(ScoreWeights const&, ScoreWeights const&) = default;
};

/// Bounds of RoutePolicy::slo. Zero: none.
struct SloBounds {
    milliseconds first_token{0};       ///< at the 95th percentile
    unsigned tokens_per_second = 0;    ///< that 95 % of the answers reach
    unsigned max_failure_percent = 5;  ///< of recent requests
    friend bool operator==(SloBounds const&, SloBounds const&) = default;
};

/// A target or another route, as a member of a route.
struct RouteMember {
    std::size_t index = 0;  ///< among the model's targets, or among its routes
    bool is_route = false;
    unsigned weight = 1;    ///< for weighted and least_busy; 0: only when nobody else is left
    unsigned priority = 0;  ///< members with a lower one come first, whatever the policy says
    friend bool operator==(RouteMember const&, RouteMember const&) = default;
};

/// One choice among targets and other routes.
struct RouteSettings {
    std::string name{};  ///< of the model that it was written for
    RoutePolicy policy = RoutePolicy::fallback;
    std::vector<RouteMember> members{};
    ScoreWeights score{};
    SloBounds slo{};
    /// RoutePolicy::complexity: member i takes requests whose complexity is below thresholds[i], the last all others.
    std::vector<unsigned> thresholds{};  ///< ascending, 0 to 100
    unsigned explore_percent = 2;        ///< of requests that latency, throughput, score and slo send to a member that
                                         ///< was measured too little to be judged
    friend bool operator==(RouteSettings const&, RouteSettings const&) = default;
};

/// What a target must be like, whatever the request needs. Of several filters all must hold.
struct TargetFilter {
    std::vector<std::string> regions{};        ///< where it computes, one of these; empty: anywhere
    std::vector<std::string> quantizations{};  ///< empty: any
    bool zero_retention = false;               ///< keeps nothing
    bool no_training = false;                  ///< does not train on requests
    std::optional<PricePerMillion> max_input_price{};
    std::optional<PricePerMillion> max_output_price{};

    bool empty() const {
        return regions.empty() && quantizations.empty() && !zero_retention && !no_training && !max_input_price &&
               !max_output_price;
    }
    friend bool operator==(TargetFilter const&, TargetFilter const&) = default;
};

/// What is known about a target from the catalogue and the configuration. Unknown counts as fit for capabilities and
/// sizes, and as unfit for what a filter asks for.
struct TargetTraits {
    Capabilities lacks{};         ///< known to be missing
    Capabilities has{};           ///< known to be there
    std::int64_t context = 0;     ///< tokens, prompt and answer; 0: unknown
    std::int64_t max_output = 0;  ///< tokens; 0: unknown
    std::string region{};         ///< "eu", "us" ...; empty: unknown
    std::string quantization{};   ///< "fp8" ...; empty: unknown
    std::optional<bool> zero_retention{};
    std::optional<bool> trains{};
    friend bool operator==(TargetTraits const&, TargetTraits const&) = default;
};

/// What the choice depends on, of one request.
struct RequestFacts {
    Capabilities needs{};
    bool stream = false;
    std::int64_t input_tokens = 0;   ///< estimated: bytes of messages and tools / 4, 4 for a message, 768 for an image
    std::int64_t output_tokens = 0;  ///< asked for at most; 0: not said
    unsigned messages = 0;
    unsigned tools = 0;
    unsigned complexity = 0;  ///< 0 (a greeting) to 100; see complexity_of()
    friend bool operator==(RequestFacts const&, RequestFacts const&) = default;
};

/// Bounds at percentiles, in the order of `percentiles`; 0: none.
inline constexpr std::array<unsigned, 5> percentiles{50, 75, 90, 95, 99};
using ByPercentile = std::array<std::uint32_t, percentiles.size()>;

enum class SortBy : std::uint8_t { nothing, price, throughput, latency };

/// What a client says about the choice: OpenRouter's `provider` and `models`, model suffixes, and our headers.
struct Steering {
    std::vector<std::string> models{};  ///< asked when the first can't serve, in order
    std::vector<std::string> order{};   ///< provider names or "provider/model"; these first
    std::vector<std::string> only{};    ///< empty: all
    std::vector<std::string> ignore{};
    bool allow_fallbacks = true;      ///< false: the first choice alone
    bool require_parameters = false;  ///< as x-sluice-strict, but by leaving targets out
    SortBy sort = SortBy::nothing;    ///< instead of the route's policies
    bool pool_models = false;         ///< sort targets of all models together
    bool free_only = false;           ///< ":free"
    TargetFilter filter{};
    ByPercentile max_first_token_us{};     ///< preferred: slower targets come later
    ByPercentile min_tokens_per_second{};  ///< preferred, as reached by so many percent of the answers
    bool empty() const { return *this == Steering(); }
    friend bool operator==(Steering const&, Steering const&) = default;
};

}  // namespace sluice
