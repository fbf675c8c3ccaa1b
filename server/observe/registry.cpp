#include "server/observe/registry.hpp"

#include <functional>

namespace sluice::observe {
namespace {

// What the gateway itself answers with, and what providers' rejections carry on. The rest is counted by class.
constexpr std::array listed_codes{200, 204, 304, 400, 401, 402, 403, 404, 405, 408, 409, 413, 414,
                                  415, 417, 422, 429, 431, 499, 500, 501, 502, 503, 504, 505};

}  // namespace

std::string_view error_label(ErrorKind kind) {
    // Where our own refusal and the upstream's have the same code for the client, operators need to see which it was.
    if (kind == ErrorKind::upstream_rate_limited) return "upstream_rate_limited";
    if (kind == ErrorKind::upstream_model_missing) return "upstream_model_missing";
    return describe(kind).code;
}

std::string_view operation_of(std::string_view route) { return route == "/v1/chat/completions" ? "chat" : ""; }

NameId FixedNames::code(int status) const {
    return status < 0 || static_cast<std::size_t>(status) >= codes.size() ? other
                                                                          : codes[static_cast<std::size_t>(status)];
}

Registry::Registry(std::uint64_t max_series) : max_series_(max_series) { intern_fixed(); }

void Registry::intern_fixed() {
    names_.emplace_back();  // no_name
    fixed_.other = intern_locked("other");
    fixed_.none = intern_locked("none");
    fixed_.chat = intern_locked("chat");
    for (std::size_t status = 0; status < fixed_.codes.size(); ++status) {
        fixed_.codes[status] = status < 100 ? fixed_.other : intern_locked(std::to_string(status / 100) + "xx");
    }
    for (int const status : listed_codes) {
        fixed_.codes[static_cast<std::size_t>(status)] = intern_locked(std::to_string(status));
    }
    for (std::size_t kind = 0; kind < fixed_.errors.size(); ++kind) {
        fixed_.errors[kind] = intern_locked(error_label(static_cast<ErrorKind>(kind)));
    }
    for (std::size_t result = 0; result < fixed_.results.size(); ++result) {
        fixed_.results[result] = intern_locked(to_string(static_cast<AttemptResult>(result)));
    }
    fixed_.token_types = {intern_locked("input"), intern_locked("output")};
    fixed_.stages = {intern_locked("request"), intern_locked("attempt"), intern_locked("stream")};
}

NameId Registry::intern(std::string_view name) {
    if (name.empty()) return no_name;
    std::lock_guard const lock(mutex_);
    return intern_locked(name);
}

NameId Registry::intern_locked(std::string_view name) {
    if (auto const found = ids_.find(name); found != ids_.end()) return found->second;
    if (names_.size() == max_names) return fixed_.other;
    auto const id = static_cast<NameId>(names_.size());
    names_.emplace_back(name);
    ids_.emplace(name, id);
    return id;
}

bool Registry::admit(SeriesKey key) {
    std::lock_guard const lock(mutex_);
    if (admitted_.contains(key)) return true;
    auto const weight = family(family_of(key)).weight();
    if (weight_ + weight <= max_series_) {
        admitted_.insert(key);
        weight_ += weight;
        return true;
    }
    if (refused_.contains(key)) return false;
    if (refused_.size() < max_series_) refused_.insert(key);
    ++dropped_;
    return false;
}

void Registry::set_max_series(std::uint64_t max_series) {
    std::lock_guard const lock(mutex_);
    max_series_ = max_series;
    refused_.clear();
}

std::uint64_t Registry::dropped_series() const {
    std::lock_guard const lock(mutex_);
    return dropped_;
}

std::uint64_t Registry::series() const {
    std::lock_guard const lock(mutex_);
    return weight_;
}

std::vector<std::string> Registry::names() const {
    std::lock_guard const lock(mutex_);
    return names_;
}

}  // namespace sluice::observe
