#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/chat_request.hpp"
#include "core/types/money.hpp"
#include "server/cli/migrate/side.hpp"

namespace sluice::cli {

struct FieldCount {
    std::uint64_t requests = 0;
    std::string change;    ///< dropped, clamped ... or refused
    std::string severity;  ///< exact, minor, lossy; of a refusal: refused
    std::string why;
};

struct BadLine {
    std::uint64_t number = 0;
    std::string message;
};

/// Recorded traffic as both sides would take it. Lines are JSON, each one of: a chat request; an object with it under
/// `request` (or `body`) and perhaps what it used under `usage`; a line of Sluice's access log, which has only usage
/// and counts for the price. Usage is OpenAI's, or the access log's `gen_ai.usage.*`.
class Traffic {
public:
    Traffic(Side const& from, Side const& to) : from_(from), to_(to) {}

    /// The next line of the file, without its end. Blank lines count for nothing.
    void add(std::string_view line);

    static constexpr std::size_t most_bad_lines = 20;

    std::uint64_t lines = 0;
    std::uint64_t requests = 0;
    std::uint64_t usage_only = 0;  ///< lines without a request
    std::uint64_t bad = 0;
    std::vector<BadLine> bad_lines{};  ///< the first ones

    std::uint64_t unchanged = 0;  ///< requests for which the target does nothing that the source did not
    std::uint64_t changed = 0;    ///< minor or lossy
    std::uint64_t refused = 0;
    std::uint64_t refused_before = 0;            ///< at the source already
    std::map<std::string, FieldCount> fields{};  ///< by field and change

    std::uint64_t with_tools = 0, streaming_tools = 0, requires_tool = 0, with_images = 0, with_json_schema = 0;
    std::uint64_t over_context = 0;  ///< with what they ask for as an answer
    std::uint64_t over_output = 0;   ///< ask for a longer answer than the target gives

    std::uint64_t with_usage = 0;
    std::uint64_t without_usage = 0;  ///< input estimated, output not counted
    Usage tokens{};
    NanoUsd cost_from{};  ///< nothing where there is no price
    NanoUsd cost_to{};

private:
    void count(std::string_view body, Usage const& usage, bool has_usage);
    void count_rules(ChatRequest const& request);
    void charge(Usage const& usage, bool has_usage);
    void refuse(std::string message);

    Side const& from_;
    Side const& to_;
};

}  // namespace sluice::cli
