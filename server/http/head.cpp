#include "server/http/head.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "server/http/characters.hpp"

namespace sluice::http {

namespace {

struct Row {
    HeadError error;
    RefusalInfo info;
};

constexpr std::string_view framing = "invalid_framing";
constexpr std::string_view request = "invalid_request";

constexpr std::array rows{
    Row{HeadError::none, {500, "internal_error", "The request was not refused."}},
    Row{HeadError::bad_request_line, {400, request, "The request line is not `METHOD target HTTP/1.1`."}},
    Row{HeadError::bad_header, {400, framing, "A header field is malformed: `name: value` is expected."}},
    Row{HeadError::bare_lf, {400, framing, "Every line of the header must end with CR LF."}},
    Row{HeadError::control_byte, {400, framing, "The header contains a control byte."}},
    Row{HeadError::folded, {400, framing, "Folded header lines are not supported."}},
    Row{HeadError::bad_host, {400, request, "The Host field is not a host with an optional port."}},
    Row{HeadError::missing_host, {400, request, "The Host field is missing."}},
    Row{HeadError::duplicate_host, {400, request, "There is more than one Host field."}},
    Row{HeadError::bad_content_length, {400, framing, "Content-Length must be one plain decimal number."}},
    Row{HeadError::conflicting_length, {400, framing, "The length of the body is given more than once."}},
    Row{HeadError::bad_transfer_encoding, {400, framing, "Transfer-Encoding must be exactly `chunked`, in HTTP/1.1."}},
    Row{HeadError::unknown_transfer_encoding,
        {501, "unsupported_transfer_encoding", "The only supported Transfer-Encoding is `chunked`."}},
    Row{HeadError::target_too_long, {414, "target_too_long", "The request target is too long."}},
    Row{HeadError::head_too_large, {431, "header_too_large", "The header section is too large."}},
    Row{HeadError::too_many_fields, {431, "too_many_fields", "The header has too many fields."}},
    Row{HeadError::version_not_supported,
        {505, "http_version_not_supported", "Only HTTP/1.1 and HTTP/1.0 are supported here."}},
    Row{HeadError::http2_preface, {505, "http_version_not_supported", "HTTP/2 is not supported here: use HTTP/1.1."}},
    Row{HeadError::tls_bytes, {400, request, "This port speaks plain HTTP, but a TLS handshake arrived."}},
    Row{HeadError::bad_status_line, {502, "upstream_invalid_response", "The status line is malformed."}},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].error != static_cast<HeadError>(i)) return false;
    }
    return rows.back().error == HeadError::bad_status_line;
}
static_assert(in_order(), "one row for each HeadError, in the order of the enum");

constexpr std::size_t block = sizeof(std::uint64_t);

std::uint64_t block_at(std::string_view text, std::size_t from) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + from, block);
    return bytes;
}

/// lower() of eight bytes at once. Each sum sets the top bit of its byte if the seven bits below are large enough, and
/// carries nothing into the next.
constexpr std::uint64_t lower_block(std::uint64_t bytes) {
    constexpr std::uint64_t each = 0x0101'0101'0101'0101;
    std::uint64_t const low_bits = bytes & (0x7F * each);
    std::uint64_t const from_a = low_bits + (0x80 - 'A') * each;
    std::uint64_t const above_z = low_bits + (0x7F - 'Z') * each;
    std::uint64_t const is_upper = from_a & ~above_z & ~bytes & (0x80 * each);
    return bytes | (is_upper >> 2);  // 0x80 becomes 0x20, the bit by which cases differ
}

// 'A' and 'Z' change; the bytes beside the letters, and those that only look like letters below their top bit, don't.
static_assert(lower_block(0xC1DA'7B60'5B40'5A41) == 0xC1DA'7B60'5B40'7A61);

}  // namespace

RefusalInfo describe(HeadError error) { return rows[static_cast<std::size_t>(error)].info; }

bool same_letters(std::string_view left, std::string_view right) {
    std::size_t const size = left.size();
    if (size < block) {
        for (std::size_t i = 0; i < size; ++i) {
            if (left[i] != right[i] && lower(left[i]) != lower(right[i])) return false;
        }
        return true;
    }
    // Each head compares a dozen long names: whole blocks pay. The last one ends with the text, and may overlap its
    // neighbour.
    for (std::size_t at = 0; at < size; at += block) {
        std::size_t const from = std::min(at, size - block);
        std::uint64_t const a = block_at(left, from);
        std::uint64_t const b = block_at(right, from);
        if (a != b && lower_block(a) != lower_block(b)) return false;
    }
    return true;
}

std::string_view find_field(std::vector<Field> const& fields, std::string_view name) {
    for (Field const& field : fields) {
        if (equals_ignoring_case(field.name, name)) return field.value;
    }
    return {};
}

std::size_t count_fields(std::vector<Field> const& fields, std::string_view name) {
    auto const same = [name](Field const& field) { return equals_ignoring_case(field.name, name); };
    return static_cast<std::size_t>(std::count_if(fields.begin(), fields.end(), same));
}

bool is_token(std::string_view text) { return !text.empty() && all_in(token_bytes, text); }

/// Most values are short: those are checked as one block, filled up with what is allowed.
bool is_field_value(std::string_view text) {
    constexpr std::size_t short_value = 16;
    if (text.size() >= short_value) return find_control(text, 0) == text.size();
    std::array<char, short_value> padded;
    padded.fill(' ');
    std::ranges::copy(text, padded.begin());
    return find_control({padded.data(), padded.size()}, 0) == padded.size();
}

}  // namespace sluice::http
