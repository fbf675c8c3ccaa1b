#pragma once

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "server/http/head.hpp"

namespace sluice::http::testing {

/// Exactly these bytes at an address of their own: a view that was kept from an earlier buffer, or a read behind the
/// end, is an error that ASan sees.
class Buffer {
public:
    explicit Buffer(std::string_view bytes) : bytes_(new char[bytes.size()]), size_(bytes.size()) {
        bytes.copy(bytes_.get(), size_);
    }
    std::string_view view() const { return {bytes_.get(), size_}; }
    char* data() { return bytes_.get(); }
    std::size_t size() const { return size_; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

struct Verdict {
    HeadState state = HeadState::need_more;
    HeadError error = HeadError::none;

    friend bool operator==(Verdict const&, Verdict const&) = default;
};

template <class Parser>
Verdict verdict_of(Parser& parser, std::string_view bytes) {
    Buffer const buffer(bytes);
    HeadState const state = parser.parse(buffer.view());
    return {state, parser.error()};
}

template <class Parser>
Verdict fed_whole(std::string_view bytes) {
    Parser parser;
    return verdict_of(parser, bytes);
}

/// Two reads with the cut at `cut`.
template <class Parser>
Verdict fed_in_two(std::string_view bytes, std::size_t cut) {
    Parser parser;
    Verdict const first = verdict_of(parser, bytes.substr(0, cut));
    return first.state == HeadState::need_more ? verdict_of(parser, bytes) : first;
}

template <class Parser>
Verdict fed_byte_by_byte(std::string_view bytes) {
    Parser parser;
    Verdict verdict;
    for (std::size_t end = 1; end <= bytes.size() && verdict.state == HeadState::need_more; ++end) {
        verdict = verdict_of(parser, bytes.substr(0, end));
    }
    return verdict;
}

/// The first cut with another verdict than `expected`, or npos.
template <class Parser>
std::size_t cut_that_changes(Verdict expected, std::string_view bytes) {
    if (fed_byte_by_byte<Parser>(bytes) != expected) return 0;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        if (fed_in_two<Parser>(bytes, cut) != expected) return cut;
    }
    return std::string_view::npos;
}

inline std::ostream& operator<<(std::ostream& out, Verdict const& verdict) {
    return out << "state " << static_cast<int>(verdict.state) << ", " << describe(verdict.error).message;
}

}  // namespace sluice::http::testing
