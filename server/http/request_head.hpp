#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "server/http/head.hpp"
#include "server/http/head_parser.hpp"

namespace sluice::http {

/// The head of one request, checked. All views lie in the buffer that was given to the last `parse`.
struct RequestHead {
    std::string_view method;
    /// As it was sent: `/path?query`, or `*` for OPTIONS, or `host:port` for CONNECT. Of an absolute target only what
    /// follows the host is kept, `/` if that is nothing; it begins with `?` if there was a query without a path.
    std::string_view target;
    int minor_version = 1;
    std::vector<Field> fields;
    BodyKind body = BodyKind::none;    ///< a Content-Length of 0 is `none`
    std::uint64_t content_length = 0;  ///< below 10^18
    bool keep_alive = true;            ///< what the client wishes; closing is always allowed
    bool expect_continue = false;
    bool expect_unknown = false;  ///< an expectation that nobody here can meet: 417
    std::size_t size = 0;         ///< bytes of the head with its blank line; the body begins here

    std::string_view find(std::string_view name) const { return find_field(fields, name); }
    std::size_t count(std::string_view name) const { return count_fields(fields, name); }
};

/// Call `parse` with all bytes that are buffered since the head began. It goes on where it stopped, so that feeding
/// single bytes is linear, and it refuses as soon as the verdict is certain. Refuses everything in ROBUSTNESS.md
/// section 3 that can be seen in a head. Parsers are reused: `reset` keeps their memory.
class RequestHeadParser final : private HeadParser {
public:
    explicit RequestHeadParser(HeadLimits limits = HeadLimits()) : HeadParser(limits, 1) {}

    /// After `complete` it may be called again, with the same bytes at another address: the views follow.
    HeadState parse(std::string_view buffered);
    using HeadParser::error;
    RequestHead const& head() const { return head_; }
    void reset();

private:
    HeadError check_first_line(std::string_view prefix) const override;
    HeadError take_first_line(std::string_view line, std::size_t offset) override;
    HeadError take_field(KnownField field, std::string_view value) override;
    HeadError take_end() override;
    HeadError take_target(std::string_view method, std::string_view target, std::size_t offset);

    RequestHead head_;
    Span method_;
    Span target_;
    bool target_is_root_ = false;
    bool has_host_ = false;
};

/// `host`, `host:port` or `[ipv6]:port`, and nothing else: no userinfo, path, blank, escape or empty port.
bool is_authority(std::string_view text);

}  // namespace sluice::http
