#include "config/interpolate.hpp"

#include <cctype>

namespace sluice::config {
namespace {

using Error = std::unexpected<std::string>;
constexpr int deepest_default = 8;

bool is_name(std::string_view name) {
    if (name.empty() || std::isdigit(static_cast<unsigned char>(name.front())) != 0) return false;
    for (char c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') return false;
    }
    return true;
}

/// The end of the `${` whose inside starts at `from`, or npos.
std::size_t closing_brace(std::string_view text, std::size_t from) {
    int open = 1;
    for (std::size_t i = from; i < text.size(); ++i) {
        if (text.substr(i).starts_with("${")) {
            ++open;
            ++i;
        } else if (text[i] == '}' && --open == 0) {
            return i;
        }
    }
    return std::string_view::npos;
}

class Interpolator {
public:
    explicit Interpolator(Environment const& environment) : environment_(environment) {}

    std::expected<std::string, std::string> expand(std::string_view text, int depth) {
        if (depth > deepest_default) return Error("`${` is nested too deeply");
        std::string out;
        for (std::size_t i = 0; i < text.size(); ++i) {
            std::string_view const rest = text.substr(i);
            if (rest.starts_with("$$")) {
                out += '$';
                ++i;
            } else if (rest.starts_with("${")) {
                auto const end = closing_brace(text, i + 2);
                if (end == std::string_view::npos) return Error("`${` without its `}`; write `$$` for a dollar sign");
                auto value = variable(text.substr(i + 2, end - i - 2), depth);
                if (!value) return value;
                out += *value;
                i = end;
            } else {
                out += text[i];
            }
        }
        return out;
    }

    std::vector<std::string> variables;

private:
    std::expected<std::string, std::string> variable(std::string_view inside, int depth) {
        auto const colon = inside.find(':');
        std::string const name(inside.substr(0, colon));
        std::string_view const rest = colon == std::string_view::npos ? std::string_view() : inside.substr(colon);
        bool const has_operator = rest.starts_with(":-") || rest.starts_with(":?");
        if (!is_name(name) || (!rest.empty() && !has_operator)) {
            return Error("`${` must be ${NAME}, ${NAME:-default} or ${NAME:?message}; write `$$` for a dollar sign");
        }
        variables.push_back(name);
        auto const value = environment_ ? environment_(name) : std::nullopt;
        if (value && (rest.empty() || !value->empty())) return *value;
        if (rest.starts_with(":-")) return expand(rest.substr(2), depth + 1);
        if (rest.starts_with(":?")) {
            return Error("environment variable " + name + " is not set: " + std::string(rest.substr(2)));
        }
        return Error("environment variable " + name + " is not set; give it a value, or a default: ${" + name +
                     ":-...}");
    }

    Environment const& environment_;
};

}  // namespace

std::expected<Interpolated, std::string> interpolate(std::string_view text, Environment const& environment) {
    Interpolator interpolator(environment);
    auto expanded = interpolator.expand(text, 0);
    if (!expanded) return std::unexpected(std::move(expanded.error()));
    return Interpolated{std::move(*expanded), std::move(interpolator.variables)};
}

}  // namespace sluice::config
