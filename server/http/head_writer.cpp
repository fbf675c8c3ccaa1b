#include "server/http/head_writer.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstring>

#include "server/http/characters.hpp"
#include "server/http/head.hpp"

namespace sluice::http {

namespace {

/// One look at the room for the whole line, which costs a third of four appends.
// NOLINTBEGIN(bugprone-not-null-terminated-result): a string with a length
void append_field(std::string& out, std::string_view name, std::string_view value) {
    auto const before = out.size();
    auto const line = name.size() + value.size() + 4;
    if (out.capacity() - before < line) out.reserve(std::max(2 * out.capacity(), before + line));
    out.resize_and_overwrite(before + line, [before, name, value](char* text, std::size_t size) {
        char* at = text + before;
        std::memcpy(at, name.data(), name.size());
        at += name.size();
        std::memcpy(at, ": ", 2);
        at += 2;
        std::memcpy(at, value.data(), value.size());
        at += value.size();
        std::memcpy(at, "\r\n", 2);
        return size;
    });
}
// NOLINTEND(bugprone-not-null-terminated-result)

}  // namespace

void write_status_line(std::string& out, int status) {
    assert(status >= 100 && status <= 599);
    std::array<char, 3> const digits{static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                                     static_cast<char>('0' + status % 10)};
    out.append("HTTP/1.1 ").append(digits.data(), digits.size()).append(" ").append(reason_phrase(status));
    out.append("\r\n");
}

bool write_request_line(std::string& out, std::string_view method, std::string_view target) {
    if (!is_token(method) || target.empty() || !all_in(target_bytes, target)) return false;
    out.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
    return true;
}

bool write_field(std::string& out, std::string_view name, std::string_view value) {
    return is_token(name) && write_known_field(out, name, value);
}

bool write_known_field(std::string& out, std::string_view name, std::string_view value) {
    assert(is_token(name));
    if (!is_field_value(value)) return false;
    append_field(out, name, value);
    return true;
}

void write_own_field(std::string& out, std::string_view name, std::string_view value) {
    assert(is_token(name) && is_field_value(value));
    append_field(out, name, value);
}

void write_number_field(std::string& out, std::string_view name, std::uint64_t value) {
    std::array<char, 20> room{};
    auto const end = std::to_chars(room.data(), room.data() + room.size(), value).ptr;
    write_own_field(out, name, {room.data(), static_cast<std::size_t>(end - room.data())});
}

void write_head_end(std::string& out) { out.append("\r\n"); }

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 304:
            return "Not Modified";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 402:
            return "Payment Required";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 411:
            return "Length Required";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return {};
    }
}

}  // namespace sluice::http
