#include "server/lab/http_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "server/lab/shape.hpp"

namespace sluice::lab {
namespace {

using Fault = HttpFault;

/// Turns one message into bytes and writes. The body is cut while it is framed, so that a chunk can be cut in half.
class MessageWriter {
public:
    MessageWriter(Message message, Options const& options, Context const& context, Answer& answer)
        : message_(std::move(message)), options_(options), context_(context), answer_(answer) {}

    void run() {
        answer_.status = message_.status;
        prepare_body();
        write_head();
        if (answer_.end == End::keep_alive || answer_.end == End::close) write_body();
        if (options_.write_size > 0) {
            split_writes();
        } else if (!answer_.is_stream && options_.header_drip.count() == 0) {
            join_writes();
        }
    }

private:
    Message message_;
    Options const& options_;
    Context const& context_;
    Answer& answer_;
    Framing framing_ = Framing::length;
    std::size_t body_bytes_ = 0;

    bool is(Fault fault) const { return options_.http_fault == fault; }

    void send(std::string_view text, Duration wait, std::uint64_t tokens = 0) {
        answer_.bytes += text;
        answer_.writes.push_back({wait, text.size(), tokens});
    }

    void prepare_body() {
        if (is(Fault::gzip)) {
            merge(message_.body);
            message_.body[0].text = stored_gzip(message_.body[0].text);
        }
        framing_ = options_.framing;
        if (framing_ == Framing::automatic) framing_ = answer_.is_stream ? Framing::chunked : Framing::length;
        if (is(Fault::two_lengths) || is(Fault::negative_length)) framing_ = Framing::length;
        bool about_chunks = is(Fault::bad_chunk_size) || is(Fault::huge_chunk_size) || is(Fault::missing_chunk_end) ||
                            is(Fault::length_and_chunked) || is(Fault::two_codings);
        if (about_chunks) framing_ = Framing::chunked;
        if (context_.http_1_0 && framing_ == Framing::chunked) framing_ = Framing::close;
        answer_.end = context_.close || framing_ == Framing::close ? End::close : End::keep_alive;
        body_bytes_ = total_bytes(message_.body);
    }

    std::string head() const {
        std::string out =
            fmt::format("HTTP/1.1 {} {}\r\nserver: sluice-lab\r\n", message_.status, reason_phrase(message_.status));
        if (is(Fault::bad_status_line)) out = "HTTP/1.1 two hundred\r\n";
        if (is(Fault::bad_version)) out = fmt::format("HTTP/9.9 {} OK\r\n", message_.status);
        if (!message_.content_type.empty()) out += "content-type: " + message_.content_type + "\r\n";
        for (auto const& [name, value] : message_.headers) out += fmt::format("{}: {}\r\n", name, value);
        if (is(Fault::gzip)) out += "content-encoding: gzip\r\n";
        out += framing_headers() + faulty_headers();
        if (answer_.end != End::keep_alive) out += "connection: close\r\n";
        out += "\r\n";
        if (is(Fault::bare_lf)) std::erase(out, '\r');
        return out;
    }

    std::string framing_headers() const {
        if (message_.status == 204 || message_.status == 304) return {};
        if (is(Fault::negative_length)) return "content-length: -5\r\n";
        if (is(Fault::two_codings)) return "transfer-encoding: gzip, chunked\r\n";
        if (framing_ == Framing::close) return {};
        if (framing_ == Framing::length && is(Fault::two_lengths))
            return fmt::format("content-length: {}\r\ncontent-length: {}\r\n", body_bytes_, body_bytes_ + 1);
        if (framing_ == Framing::length) return fmt::format("content-length: {}\r\n", body_bytes_);
        std::string out = "transfer-encoding: chunked\r\n";
        if (is(Fault::length_and_chunked)) out += fmt::format("content-length: {}\r\n", body_bytes_);
        return out;
    }

    std::string faulty_headers() const {
        switch (options_.http_fault) {
            case Fault::nul_in_header:
                return std::string("x-lab: a\0b\r\n", 12);
            case Fault::folded_header:
                return "x-lab: a\r\n folded\r\n";
            case Fault::space_before_colon:
                return "x-lab : a\r\n";
            case Fault::no_colon:
                return "x-lab\r\n";
            case Fault::huge_header:
                return "x-lab: " + std::string(70'000, 'h') + "\r\n";
            case Fault::many_headers: {
                std::string out;
                for (int i = 0; i < 3000; ++i) out += fmt::format("x-lab-{}: {}\r\n", i, i);
                return out;
            }
            default:
                return {};
        }
    }

    void write_head() {
        Duration wait = message_.delay;
        for (unsigned i = 0; i < std::min(options_.interim, 100'000U); ++i)
            send(fmt::format("HTTP/1.1 {} {}\r\nlink: </lab>; rel=preload\r\n\r\n", options_.interim_status,
                             reason_phrase(options_.interim_status)),
                 std::exchange(wait, Duration{}));
        auto text = head();
        if (is(Fault::switching_protocols)) {
            text = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
            answer_.end = End::cut;
        }
        if (is(Fault::cut_in_header)) {
            text.resize(text.size() / 2);
            answer_.end = End::cut;
        }
        if (options_.header_drip.count() == 0) return send(text, wait);
        for (char c : text) send(std::string_view(&c, 1), std::exchange(wait, Duration{}) + options_.header_drip);
    }

    void write_body() {
        if (context_.head) return;
        auto cut = options_.reset_at ? options_.reset_at : options_.cut_at;
        auto events = options_.reset_after_events ? options_.reset_after_events : options_.cut_after_events;
        if (events) cut = offset_behind(*events);
        shape_body();
        std::size_t left = cut.value_or(std::string::npos);
        for (std::size_t i = 0; i < message_.body.size(); ++i) {
            auto const& piece = message_.body[i];
            if (piece.text.size() > left) return write_cut(piece, left);
            if (cut) left -= piece.text.size();
            write_piece(piece, i);
        }
        if (cut && left == 0) return write_cut({}, 0);
        if (framing_ == Framing::chunked && !context_.head) append_to_last("0\r\n\r\n");
        if (is(Fault::extra_bytes)) send("left over: not part of any answer", options_.extra_wait);
        if (is(Fault::extra_answer))
            send(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{\"stolen\":\"yes\"}\n",
                options_.extra_wait);
    }

    /// A whole answer has no events: it counts as broken in its middle.
    std::size_t offset_behind(unsigned events) const {
        return answer_.is_stream ? offset_of(message_.body, events) : body_bytes_ / 2;
    }

    void shape_body() {
        if (options_.stall_after_events)
            pause_at(message_.body, offset_behind(*options_.stall_after_events), options_.stall);
        if (options_.stall_after_bytes) pause_at(message_.body, *options_.stall_after_bytes, options_.stall);
        if (options_.http_chunk_bytes > 0) regroup(message_.body, options_.http_chunk_bytes);
        if (options_.drip_bytes > 0) drip(message_.body, options_.drip_bytes, options_.drip_interval);
    }

    void write_piece(Piece const& piece, std::size_t index) {
        if (piece.text.empty()) return;
        if (framing_ != Framing::chunked) return send(piece.text, piece.wait, piece.tokens);
        bool here = index == options_.http_fault_at;
        auto size = fmt::format("{:x}", piece.text.size());
        if (here && is(Fault::bad_chunk_size)) size = "zz";
        if (here && is(Fault::huge_chunk_size)) size = "ffffffffffffffff1";
        bool unended = here && is(Fault::missing_chunk_end);
        send(fmt::format("{}\r\n{}{}", size, piece.text, unended ? "" : "\r\n"), piece.wait, piece.tokens);
    }

    /// The framing promises the whole piece, `size` bytes of it are sent, and that is the end.
    void write_cut(Piece const& piece, std::size_t size) {
        answer_.end = options_.reset_at || options_.reset_after_events ? End::reset : End::cut;
        if (size == 0) return;
        auto text = piece.text.substr(0, size);
        if (framing_ == Framing::chunked) text = fmt::format("{:x}\r\n{}", piece.text.size(), text);
        send(text, piece.wait);
    }

    void append_to_last(std::string_view text) {
        answer_.bytes += text;
        answer_.writes.back().size += text.size();
    }

    /// What needn't wait goes out together with what is before it.
    void join_writes() {
        std::vector<Write> out;
        for (auto const& write : answer_.writes) {
            if (out.empty() || write.wait.count() > 0) {
                out.push_back(write);
            } else {
                out.back().size += write.size;
                out.back().tokens += write.tokens;
            }
        }
        answer_.writes = std::move(out);
    }

    void split_writes() {
        std::vector<Write> out;
        for (auto const& write : answer_.writes)
            for (std::size_t at = 0; at < write.size; at += options_.write_size) {
                auto size = std::min(options_.write_size, write.size - at);
                auto wait = (at == 0 ? write.wait : Duration{}) + options_.write_interval;
                out.push_back({wait, size, at + size == write.size ? write.tokens : 0});
            }
        answer_.writes = std::move(out);
    }
};

}  // namespace

void write_message(Message message, Options const& options, Context const& context, Answer& answer) {
    MessageWriter(std::move(message), options, context, answer).run();
}

std::string_view reason_phrase(unsigned status) {
    switch (status) {
        case 100:
            return "Continue";
        case 102:
            return "Processing";
        case 103:
            return "Early Hints";
        case 200:
            return "OK";
        case 302:
            return "Found";
        case 307:
            return "Temporary Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 429:
            return "Too Many Requests";
        case 500:
            return "Internal Server Error";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        default:
            return "Lab";
    }
}

std::vector<std::pair<std::string, std::string>> retry_headers(Options const& options, std::int64_t unix_seconds) {
    auto microseconds = options.retry_after.count();
    auto whole = (microseconds + 999'999) / 1'000'000;
    auto decimal = fmt::format("{}", static_cast<double>(microseconds) / 1e6);
    auto milliseconds = fmt::format("{}", static_cast<double>(microseconds) / 1e3);
    switch (options.retry_form) {
        case RetryForm::seconds:
            return {{"retry-after", std::to_string(whole)}};
        case RetryForm::decimal:
            return {{"retry-after", decimal}};
        case RetryForm::ms:
            return {{"retry-after-ms", milliseconds}};
        case RetryForm::x_ms:
            return {{"x-ms-retry-after-ms", milliseconds}};
        case RetryForm::reset:
            return {{"x-ratelimit-limit-requests", "60"},
                    {"x-ratelimit-remaining-requests", "0"},
                    {"x-ratelimit-reset-requests", decimal + "s"}};
        case RetryForm::date: {
            auto when = static_cast<std::time_t>(unix_seconds + whole);
            return {{"retry-after", fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(when))}};
        }
        case RetryForm::none:
        case RetryForm::body:
            return {};
    }
    return {};
}

}  // namespace sluice::lab
