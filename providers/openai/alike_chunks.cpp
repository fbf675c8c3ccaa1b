#include "providers/openai/alike_chunks.hpp"

#include "core/json/string_end.hpp"

namespace sluice::openai {
namespace {

/// Takes `expected` from the front of `bytes`, if it is there.
bool take(std::string_view& bytes, std::string_view expected) {
    if (!bytes.starts_with(expected)) return false;
    bytes.remove_prefix(expected.size());
    return true;
}

/// Takes the inside of a JSON string.
std::optional<std::string_view> take_string(std::string_view& bytes) {
    auto const inside = string_before_quote(bytes, Surrogates::any);
    if (inside) bytes.remove_prefix(inside->size());
    return inside;
}

}  // namespace

void AlikeChunks::learn(std::string_view event, std::string_view text, std::string_view padding) {
    around_.clear();
    if (padding.data() != nullptr && padding.data() < text.data()) return;
    auto const size = event.size() - text.size() - padding.size();
    if (size > most) return;
    around_.reserve(size);
    auto const before = static_cast<std::size_t>(text.data() - event.data());
    around_ = event.substr(0, before);
    text_at_ = static_cast<std::uint16_t>(before);
    padding_at_ = 0;
    auto rest = event.substr(before + text.size());
    if (padding.data() != nullptr) {
        auto const between = static_cast<std::size_t>(padding.data() - rest.data());
        around_ += rest.substr(0, between);
        padding_at_ = static_cast<std::uint16_t>(around_.size());
        rest.remove_prefix(between + padding.size());
    }
    around_ += rest;
}

std::optional<AlikeChunk> AlikeChunks::match(std::string_view bytes) const {
    std::string_view const around = around_;
    auto rest = bytes;
    if (around.empty() || !take(rest, around.substr(0, text_at_))) return std::nullopt;
    auto const text = take_string(rest);
    if (!text || text->empty()) return std::nullopt;
    auto const behind = padding_at_ == 0 ? text_at_ : padding_at_;
    if (padding_at_ != 0 && (!take(rest, around.substr(text_at_, behind - text_at_)) || !take_string(rest))) {
        return std::nullopt;
    }
    if (!take(rest, around.substr(behind))) return std::nullopt;
    return AlikeChunk{bytes.size() - rest.size(), *text};
}

}  // namespace sluice::openai
