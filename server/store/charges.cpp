#include "server/store/charges.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace sluice::store {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(PayerKind::count_)> kinds{
    "key", "team", "tag", "user", "model", "provider", "target"};

}  // namespace

std::string_view to_text(PayerKind kind) { return kinds[static_cast<std::size_t>(kind)]; }

std::optional<PayerKind> read_payer_kind(std::string_view text) {
    auto const* const found = std::ranges::find(kinds, text);
    if (found == kinds.end()) return std::nullopt;
    return static_cast<PayerKind>(found - kinds.begin());
}

std::string tag_lines(std::map<std::string, std::string> const& tags) {
    std::string lines;
    for (auto const& [name, value] : tags) {
        auto line = name;
        line += '=';
        line += value;
        std::ranges::replace(line, '\n', ' ');
        if (!lines.empty()) lines += '\n';
        lines += line;
    }
    return lines;
}

std::vector<Payer> payers_of(ChargedCall const& call) {
    std::vector<Payer> payers;
    payers.reserve(8);
    auto add = [&payers](PayerKind kind, std::string_view name) {
        if (!name.empty()) payers.push_back({kind, std::string(name)});
    };
    add(PayerKind::key, call.key);
    add(PayerKind::team, call.team);
    for (auto rest = call.tag_lines; !rest.empty();) {
        auto const end = std::min(rest.find('\n'), rest.size());
        add(PayerKind::tag, rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    add(PayerKind::user, call.user);
    add(PayerKind::model, call.model);
    add(PayerKind::provider, call.provider);
    std::string target(call.provider);
    target += '/';
    target += call.target_model;
    payers.push_back({PayerKind::target, std::move(target)});
    return payers;
}

std::string to_text(CallId id) { return std::to_string(id.epoch) + "/" + std::to_string(id.number); }

std::optional<CallId> read_call_id(std::string_view text) {
    auto read = [](std::string_view digits, std::int64_t& number) {
        auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        return error == std::errc() && end == digits.data() + digits.size();
    };
    auto const slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    CallId id;
    if (!read(text.substr(0, slash), id.epoch) || !read(text.substr(slash + 1), id.number)) return std::nullopt;
    return id;
}

std::int64_t hour_of(WallTime at) { return std::chrono::floor<std::chrono::hours>(at).time_since_epoch().count(); }

WallTime beginning_of(std::int64_t hour) { return WallTime(std::chrono::hours(hour)); }

}  // namespace sluice::store
