#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What a provider's profile says about the parameters of a request, as plain values: docs/guides/provider-profiles.md
/// explains every member. `config` reads them, `providers/parameters` applies them.
namespace sluice {

enum class RuleAction : std::uint8_t { keep, drop, reject, clamp, rename, add_default, force, convert };

/// How much of what the client asked for is lost. `exact`: nothing; `minor`: a hint; `lossy`: the answer may differ in
/// kind.
enum class Severity : std::uint8_t { exact, minor, lossy };

enum class Conversion : std::uint8_t {
    map,                   ///< `map`
    nearest,               ///< `efforts`
    nine_alphanumerics,    ///< an id of nine letters and digits, the same for the same id
    thinking_part,         ///< a message's reasoning_content becomes the first part of its content
    logprobs_count,        ///< `logprobs: true` and `top_logprobs: k` become `logprobs: k`
    plain_text,            ///< content parts that are all text become one text
    tools_from_functions,  ///< `functions`, `function_call` become `tools`, `tool_choice`
};

struct Condition {
    enum class Test : std::uint8_t {
        equals,  ///< one of `values`
        present,
        absent,
        empty,
        is_object,
        is_array,
        is_string,
        is_number,
        is_boolean,
        is_null,
        less,
        less_or_equal,
        greater,
        greater_or_equal,
        begins,  ///< with `text`
    };
    std::string path;  ///< ".role": beside the field; "stream": of the request
    Test test = Test::present;
    std::vector<std::string> values;  ///< JSON, as written by nlohmann's dump()
    double number = 0;
    std::string text;
    friend bool operator==(Condition const&, Condition const&) = default;
};

struct ParameterRule {
    // What most requests are done with stands together: rules are many, and each request asks them all.
    std::uint64_t needs = 0;          ///< bits that ChatRequest::names must hold for this rule to find its field
    std::uint64_t message_needs = 0;  ///< and ChatRequest::message_names
    RuleAction action = RuleAction::drop;
    Severity severity = Severity::minor;
    std::string field;                ///< the path as written: a bounded set, fit for a label
    std::vector<std::string> models;  ///< patterns; empty: all
    std::vector<Condition> when;
    std::vector<Condition> unless;
    std::optional<double> least{};
    std::optional<double> most{};
    std::optional<std::uint64_t> most_items{};
    std::string to;
    std::string value;  ///< JSON
    Conversion conversion = Conversion::map;
    /// JSON to JSON; from "*" stands for every other value, to "null" drops the field.
    std::vector<std::pair<std::string, std::string>> map;
    std::vector<std::string> efforts;  ///< for Conversion::nearest
    std::string instruct;
    std::string why;
    std::string source;
    friend bool operator==(ParameterRule const&, ParameterRule const&) = default;
};

/// What happens to a field that a target does not take as it is.
enum class UnsupportedPolicy : std::uint8_t { drop, pass, reject };

/// The rules of one provider, in order, with what it takes to find those that a request may concern without asking
/// each.
class ParameterRules {
public:
    ParameterRules() = default;
    ParameterRules(std::vector<ParameterRule> rules);  // NOLINT(google-explicit-constructor): a list of rules is one

    std::vector<ParameterRule> const& all() const { return rules_; }
    auto begin() const { return rules_.begin(); }
    auto end() const { return rules_.end(); }
    bool empty() const { return rules_.empty(); }
    std::size_t size() const { return rules_.size(); }
    ParameterRule const& operator[](std::size_t at) const { return rules_[at]; }

    /// How many blocks of 64 rules there are.
    std::size_t blocks() const { return blocks_.size(); }
    /// Which rules of a block may find their field in a request with these ChatRequest::names and message_names: bit i
    /// is rule 64 * block + i.
    std::uint64_t candidates(std::size_t block, std::uint64_t names, std::uint64_t message_names) const;

    /// Whether any of them could keep a request from its target.
    bool may_refuse(UnsupportedPolicy policy) const;

    friend bool operator==(ParameterRules const& a, ParameterRules const& b) { return a.rules_ == b.rules_; }

private:
    /// Which of 64 rules need which name. A rule that needs several is filed under one of them.
    struct Block {
        std::array<std::uint64_t, 64> by_name{};
        std::array<std::uint64_t, 64> by_message_name{};
        std::uint64_t always = 0;
    };
    std::vector<ParameterRule> rules_;
    std::vector<Block> blocks_;
    bool rejects_ = false;  ///< one of them does, whatever the policy
};

/// One line of a request's receipt.
struct Adjustment {
    enum class Kind : std::uint8_t { dropped, renamed, clamped, added, forced, converted };
    Kind kind = Kind::dropped;
    Severity severity = Severity::minor;
    std::string_view field;  ///< of a rule, which outlives the request; "model" and the like have none
    std::string_view why;    ///< of a rule
    friend bool operator==(Adjustment const&, Adjustment const&) = default;
};

/// One of 64 bits for a member name: a request whose `names` lack it has no such member; the other way it may be
/// chance. The factors are those of a search by which the usual members of a request and of its messages hardly share a
/// bit with any other name that the catalogue has a rule about.
constexpr std::uint64_t name_bit(std::string_view name) {
    if (name.empty()) return 1;
    auto const at = [name](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(name[i])); };
    return std::uint64_t{1} << ((name.size() + at(0) * 24 + at(name.size() / 2) * 48 + at(name.size() - 1) * 47) % 64U);
}

/// Sets the bits of a rule whose other members are set. False: its path, or that of one of its conditions, is none.
bool prepare(ParameterRule& rule);

std::string_view to_string(Adjustment::Kind kind);
std::string_view to_string(Severity severity);

/// Whether `patterns` take in `model`: the first that fits decides, `!` in front excludes, none at all take in every
/// model. A list that begins with an exclusion takes in what is not excluded only if a later pattern fits.
bool matches_model(std::vector<std::string> const& patterns, std::string_view model);

}  // namespace sluice
