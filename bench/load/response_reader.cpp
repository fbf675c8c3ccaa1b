#include "response_reader.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace sluice::bench {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t head_limit = 64 * 1024;

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string_view ResponseReader::take(std::string_view& input) {
    while (!input.empty()) {
        switch (state_) {
            case State::head:
                take_head(input);
                break;
            case State::chunk_size:
                take_chunk_size(input);
                break;
            case State::chunk_end:
                take_line_end(input);
                break;
            case State::trailer:
                take_trailer(input);
                break;
            case State::sized:
            case State::chunk:
            case State::until_close:
                return take_body(input);
            case State::complete:
            case State::broken:
                return {};
        }
    }
    return {};
}

void ResponseReader::end_of_input() {
    if (state_ == State::complete) return;
    state_ = state_ == State::until_close ? State::complete : State::broken;
    keep_alive_ = false;
}

void ResponseReader::restart() {
    state_ = State::head;
    framing_ = State::until_close;
    keep_alive_ = true;
    has_retry_after_ = false;
    status_ = 0;
    left_ = 0;
    head_.clear();
}

void ResponseReader::take_head(std::string_view& input) {
    if (head_.empty()) {
        if (auto end = input.find(head_end); end != input.npos) {
            auto head = input.substr(0, end + head_end.size());
            input.remove_prefix(head.size());
            return read_head(head);
        }
    }
    auto before = head_.size();
    head_ += input;
    auto end = head_.find(head_end, before < 3 ? 0 : before - 3);
    if (end == head_.npos) {
        input = {};
        if (head_.size() > head_limit) state_ = State::broken;
        return;
    }
    input.remove_prefix(end + head_end.size() - before);
    head_.resize(end + head_end.size());
    auto head = std::move(head_);
    head_.clear();
    read_head(head);
}

void ResponseReader::read_head(std::string_view head) {
    constexpr std::size_t status_at = 9;  // "HTTP/1.1 200"
    if (head.size() < status_at + 3 || !head.starts_with("HTTP/1.")) {
        state_ = State::broken;
        return;
    }
    std::from_chars(head.data() + status_at, head.data() + status_at + 3, status_);
    keep_alive_ = head[7] == '1';
    for (auto line_end = head.find("\r\n"); line_end + 4 < head.size();) {
        auto line = head.substr(line_end + 2, head.find("\r\n", line_end + 2) - line_end - 2);
        line_end += 2 + line.size();
        auto colon = line.find(':');
        if (colon == line.npos) continue;
        auto value = line.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        read_field(line.substr(0, colon), value);
    }
    bool const interim = status_ >= 100 && status_ < 200;
    bool const no_body = status_ == 204 || status_ == 304;
    if (interim) {
        framing_ = State::until_close;  // the real head follows
        state_ = State::head;
        return;
    }
    state_ = no_body || (framing_ == State::sized && left_ == 0) ? State::complete : framing_;
    if (state_ == State::until_close) keep_alive_ = false;
    size_seen_ = in_extension_ = false;
}

void ResponseReader::read_field(std::string_view name, std::string_view value) {
    if (same_name(name, "content-length")) {
        std::from_chars(value.data(), value.data() + value.size(), left_);
        framing_ = State::sized;
    } else if (same_name(name, "transfer-encoding")) {
        framing_ = State::chunk_size;
        left_ = 0;
    } else if (same_name(name, "connection")) {
        keep_alive_ = !same_name(value, "close");
    } else if (same_name(name, "retry-after")) {
        has_retry_after_ = true;
    }
}

void ResponseReader::take_chunk_size(std::string_view& input) {
    while (!input.empty()) {
        char c = input.front();
        input.remove_prefix(1);
        if (c == '\n') {
            if (!size_seen_)
                state_ = State::broken;
            else
                state_ = left_ == 0 ? State::trailer : State::chunk;
            size_seen_ = in_extension_ = false;
            trailer_line_ = 0;
            return;
        }
        int digit = in_extension_ ? -1 : hex_digit(c);
        if (digit < 0) {
            in_extension_ = true;
            continue;
        }
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        size_seen_ = true;
    }
}

void ResponseReader::take_line_end(std::string_view& input) {
    char c = input.front();
    input.remove_prefix(1);
    if (c == '\n')
        state_ = State::chunk_size;
    else if (c != '\r')
        state_ = State::broken;
}

void ResponseReader::take_trailer(std::string_view& input) {
    char c = input.front();
    input.remove_prefix(1);
    if (c == '\r') return;
    if (c != '\n') {
        ++trailer_line_;
        return;
    }
    if (trailer_line_ == 0) state_ = State::complete;
    trailer_line_ = 0;
}

std::string_view ResponseReader::take_body(std::string_view& input) {
    auto size = state_ == State::until_close ? input.size() : std::min<std::uint64_t>(left_, input.size());
    auto piece = input.substr(0, size);
    input.remove_prefix(size);
    if (state_ == State::until_close) return piece;
    left_ -= size;
    if (left_ == 0) state_ = state_ == State::chunk ? State::chunk_end : State::complete;
    return piece;
}

}  // namespace sluice::bench
