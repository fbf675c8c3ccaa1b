#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

/// A text that is nearly always empty, in one pointer. Errors have four, and every result of the request path has room
/// for an error: in the frames of a waiting stream that adds up.
class RareText {
public:
    RareText() = default;
    RareText(std::string text) : text_(text.empty() ? nullptr : std::make_unique<std::string>(std::move(text))) {}
    RareText(std::string_view text) : RareText(std::string(text)) {}
    RareText(char const* text) : RareText(std::string(text)) {}
    RareText(RareText const& other) : RareText(other.str()) {}
    RareText(RareText&&) noexcept = default;
    RareText& operator=(RareText const& other) { return *this = RareText(other); }
    RareText& operator=(RareText&&) noexcept = default;
    ~RareText() = default;

    std::string const& str() const {
        static std::string const nothing;
        return text_ ? *text_ : nothing;
    }
    operator std::string const&() const { return str(); }
    operator std::string_view() const { return str(); }

    bool empty() const { return !text_; }
    std::size_t find(std::string_view what) const { return str().find(what); }
    bool starts_with(std::string_view what) const { return str().starts_with(what); }
    RareText& operator+=(std::string_view more) { return *this = RareText(str() + std::string(more)); }

    friend bool operator==(RareText const& a, RareText const& b) { return a.str() == b.str(); }
    friend bool operator==(RareText const& a, std::string_view b) { return a.str() == b; }
    friend bool operator==(RareText const& a, std::string const& b) { return a.str() == b; }
    friend bool operator==(RareText const& a, char const* b) { return a.str() == b; }
    friend std::ostream& operator<<(std::ostream& out, RareText const& text) { return out << text.str(); }

private:
    std::unique_ptr<std::string> text_;
};

}  // namespace sluice
