#include "providers/openai/raw_text.hpp"

#include "core/json/json_string.hpp"

namespace sluice::openai {
namespace {

/// Where the first escape begins that is half of a pair; npos: nowhere.
std::size_t find_half(std::string_view raw) {
    auto at = raw.find('\\');
    while (at != std::string_view::npos) {
        auto const length = escape_length(raw.substr(at), Surrogates::paired);
        if (length == 0) return at;
        at = raw.find('\\', at + length);
    }
    return at;
}

}  // namespace

void RawText::append(std::string_view piece) {
    if (too_long_) return;
    too_long_ = piece.size() > most - raw_.size();
    if (too_long_) {
        raw_ = std::string();
    } else {
        raw_ += piece;
    }
}

std::optional<std::string> RawText::whole() const {
    if (too_long_ || find_half(raw_) != std::string_view::npos) return std::nullopt;
    return unescaped(raw_);
}

std::size_t whole_characters(std::string_view raw) {
    constexpr std::size_t unit = 6;  // \uD800
    if (raw.size() < unit) return raw.size();
    auto const last = raw.size() - unit;
    return find_half(raw) == last ? last : raw.size();
}

}  // namespace sluice::openai
