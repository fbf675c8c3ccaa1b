#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "server/http/head.hpp"
#include "server/http/head_parser.hpp"

namespace sluice::http {

/// The head of one answer, checked. All views lie in the buffer that was given to the last `parse`.
struct ResponseHead {
    int status = 0;  ///< 100 to 599. 1xx answers are reported like others; the next head begins at `size`
    int minor_version = 1;
    std::string_view reason;
    std::vector<Field> fields;
    BodyKind body = BodyKind::none;    ///< a Content-Length of 0 is `none`
    std::uint64_t content_length = 0;  ///< below 10^18; of an answer to HEAD or a 304: of the body that is not sent
    bool keep_alive = true;            ///< false for a body that only the end of the connection ends
    std::size_t size = 0;              ///< bytes of the head with its blank line

    std::string_view find(std::string_view name) const { return find_field(fields, name); }
    std::size_t count(std::string_view name) const { return count_fields(fields, name); }
};

/// What the answer answers: HEAD has no body, whatever its head says.
enum class Asked : std::uint8_t { other, head };

/// As RequestHeadParser, and as strict: an answer whose length is in any doubt is an error.
class ResponseHeadParser final : private HeadParser {
public:
    explicit ResponseHeadParser(HeadLimits limits = response_head_limits) : HeadParser(limits, 0) {}

    HeadState parse(std::string_view buffered, Asked asked = Asked::other);
    using HeadParser::error;
    ResponseHead const& head() const { return head_; }
    void reset();

private:
    HeadError check_first_line(std::string_view prefix) const override;
    HeadError take_first_line(std::string_view line, std::size_t offset) override;
    HeadError take_field(KnownField, std::string_view) override { return HeadError::none; }
    HeadError take_end() override;

    ResponseHead head_;
    Span reason_;
    Asked asked_ = Asked::other;
};

}  // namespace sluice::http
