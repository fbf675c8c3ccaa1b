#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// The words that both directions of the HTTP/1.1 codec share. Pure: bytes in, verdicts out; no socket, no clock.
namespace sluice::http {

/// Views into the caller's buffer. The name is a token as it was written; the value has no blanks around it.
struct Field {
    std::string_view name;
    std::string_view value;

    friend bool operator==(Field const&, Field const&) = default;
};

struct HeadLimits {
    std::size_t head = 32 * 1024;  ///< bytes up to and with the blank line
    std::size_t fields = 100;
    std::size_t target = 8 * 1024;
};

/// Providers send more than SDKs do: cookies, policies, a dozen rate-limit fields.
constexpr HeadLimits response_head_limits{.head = 64 * 1024, .fields = 256, .target = 0};

enum class HeadState : std::uint8_t { need_more, complete, error };

/// Why a head is refused. The connection is closed after every one of them: nothing behind such a head can be trusted.
enum class HeadError : std::uint8_t {
    none,
    bad_request_line,
    bad_header,
    bare_lf,  ///< a line feed without its carriage return, or the other way round
    control_byte,
    folded,
    bad_host,
    missing_host,
    duplicate_host,
    bad_content_length,
    conflicting_length,  ///< two lengths, or a length beside a coding
    bad_transfer_encoding,
    unknown_transfer_encoding,
    target_too_long,
    head_too_large,
    too_many_fields,
    version_not_supported,
    http2_preface,
    tls_bytes,
    bad_status_line,
};

/// What the caller is told: status, `code` of the error body and a sentence that echoes nothing of the input.
struct RefusalInfo {
    int status = 400;
    std::string_view code;
    std::string_view message;
};

RefusalInfo describe(HeadError error);

/// How the end of a body is found.
enum class BodyKind : std::uint8_t { none, length, chunked, until_close };

/// For texts of the same length that is not 0.
bool same_letters(std::string_view left, std::string_view right);

/// ASCII only, whatever the locale. Inline, because most names differ in their length or first letter.
inline bool equals_ignoring_case(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    // Letters that differ only in their case differ only in this bit.
    return left.empty() || (((left.front() ^ right.front()) & ~0x20) == 0 && same_letters(left, right));
}

/// The value of the first field of that name, or empty. A field that is there and empty looks the same: use count.
std::string_view find_field(std::vector<Field> const& fields, std::string_view name);
std::size_t count_fields(std::vector<Field> const& fields, std::string_view name);

/// A token of RFC 9110 5.6.2: what names of fields and methods are made of.
bool is_token(std::string_view text);
/// What may stand in the value of a field: no control byte but HTAB. Bytes from 0x80 are allowed, as the RFC says.
bool is_field_value(std::string_view text);

}  // namespace sluice::http
