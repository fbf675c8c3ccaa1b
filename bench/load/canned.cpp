// sluice_canned: the cheapest upstream that still speaks the lab's hints `tokens`, `rate`, `chunk_bytes` and `text`.
//
// The lab can do everything and costs accordingly; where it would be the limit of a measurement (it shares a CPU with
// the load), run.py puts this in its place. One thread, bare epoll, TLS if asked; trusts its clients.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <memory>
#include <queue>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t chunk_limit = 16 * 1024;
constexpr std::size_t hints_within = 4096;  // "stream" and "lab" come first in the bodies that sluice_load makes

constexpr std::string_view stream_head =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
constexpr std::string_view chunk_fields =
    R"("object":"chat.completion.chunk","created":1700000000,"model":"lab/fast","system_fingerprint":"fp_lab")";

/// What the request asks for.
struct Hints {
    bool stream = false;
    std::uint64_t tokens = 24;
    std::uint64_t rate = 0;  // events per second; 0: as fast as they are taken
    std::size_t chunk_bytes = 300;
    std::string_view text = "Hello";
};

std::string_view after(std::string_view text, std::string_view mark) {
    auto at = text.find(mark);
    return at == text.npos ? std::string_view() : text.substr(at + mark.size());
}

void read_number(std::string_view text, std::string_view mark, auto& out) {
    auto value = after(text, mark);
    std::from_chars(value.data(), value.data() + value.size(), out);
}

Hints read_hints(std::string_view body) {
    auto front = body.substr(0, hints_within);
    Hints hints;
    hints.stream = front.find("\"stream\":true") != front.npos;
    read_number(front, "\"tokens\":", hints.tokens);
    read_number(front, "\"rate\":", hints.rate);
    read_number(front, "\"chunk_bytes\":", hints.chunk_bytes);
    if (auto text = after(front, "\"text\":\""); !text.empty()) hints.text = text.substr(0, text.find('"'));
    return hints;
}

std::string json_answer(std::string_view text) {
    auto body = fmt::format(R"({{"id":"chatcmpl-canned","object":"chat.completion","created":1700000000,)"
                            R"("model":"lab/fast","choices":[{{"index":0,"message":{{"role":"assistant","content":)"
                            R"("{}{:.<640}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":200,)"
                            R"("completion_tokens":100,"total_tokens":300}}}})",
                            text, ' ');
    return fmt::format("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}", body.size(),
                       body);
}

void append_event(std::string& out, std::string_view json) {
    fmt::format_to(std::back_inserter(out), "{:x}\r\ndata: {}\n\n\r\n", json.size() + 8, json);
}

/// A numbered chunk whose event is about `size` bytes long.
void append_chunk(std::string& out, std::uint64_t number, std::size_t size) {
    std::array<char, chunk_limit + 1024> room;
    std::size_t const frame = chunk_fields.size() + 110;
    auto end =
        fmt::format_to_n(room.data(), room.size(),
                         R"({{"id":"chatcmpl-canned",{},"choices":[{{"index":0,"delta":{{"content":"{:x<{}}"}},)"
                         R"("finish_reason":null}}],"seq":{}}})",
                         chunk_fields, "word ", std::clamp<std::size_t>(size, frame + 5, chunk_limit) - frame, number);
    append_event(out, {room.data(), end.size});
}

void append_stream_end(std::string& out) {
    append_event(out, fmt::format(R"({{"id":"chatcmpl-canned",{},"choices":[{{"index":0,"delta":{{}},"finish_reason":)"
                                  R"("stop"}}]}})",
                                  chunk_fields));
    append_event(out, fmt::format(R"({{"id":"chatcmpl-canned",{},"choices":[],"usage":{{"prompt_tokens":200,)"
                                  R"("completion_tokens":100,"total_tokens":300}}}})",
                                  chunk_fields));
    out += "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
}

struct FreeTls {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* session) const { SSL_free(session); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTls>;

/// A server's context; null without a certificate.
TlsContext make_tls(std::string const& certificate_file, std::string const& key_file) {
    if (certificate_file.empty()) return nullptr;
    TlsContext context(SSL_CTX_new(TLS_server_method()));
    if (!context || SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        throw std::runtime_error("cannot use " + certificate_file);
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context.get(), 1);
    return context;
}

struct Client {
    int descriptor = -1;
    std::unique_ptr<SSL, FreeTls> tls;
    std::uint64_t id = 0;
    std::string input;
    std::string output;
    std::size_t output_at = 0;
    Hints hints;
    bool streaming = false;
    bool eager = false;  // in `eager_`
    std::uint64_t next_event = 0;
    Clock::time_point due;

    bool has_output() const { return output_at < output.size(); }
    /// As recv(2) and send(2): -1 and EAGAIN when the socket isn't ready.
    ssize_t receive(std::span<char> into);
    ssize_t send_some(std::string_view bytes);
};

ssize_t tls_failure(SSL* session, int result) {
    auto error = SSL_get_error(session, result);
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EIO;
    return -1;
}

ssize_t Client::receive(std::span<char> into) {
    if (!tls) return ::recv(descriptor, into.data(), into.size(), 0);
    std::size_t got = 0;
    ERR_clear_error();  // another connection's would be taken for this one's
    int result = SSL_read_ex(tls.get(), into.data(), into.size(), &got);
    return result == 1 ? static_cast<ssize_t>(got) : tls_failure(tls.get(), result);
}

ssize_t Client::send_some(std::string_view bytes) {
    if (!tls) return ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    std::size_t sent = 0;
    ERR_clear_error();
    int result = SSL_write_ex(tls.get(), bytes.data(), bytes.size(), &sent);
    return result == 1 ? static_cast<ssize_t>(sent) : tls_failure(tls.get(), result);
}

struct Due {
    Clock::time_point at;
    std::uint64_t client;
    bool operator<(Due const& other) const { return at > other.at; }
};

class Canned {
public:
    Canned(std::uint16_t port, TlsContext tls);
    [[noreturn]] void run();

private:
    void accept_all();
    void ready(Client& client, std::uint32_t events);
    void take_requests(Client& client);
    void answer(Client& client, std::string_view body);
    void pump(Client& client);
    bool flush(Client& client);
    void run_due();
    void run_eager();
    bool next_chunk(Client& client);
    void drop(Client& client);

    TlsContext tls_;
    int listener_;
    int epoll_;
    std::uint64_t next_id_ = 1;
    std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;
    std::priority_queue<Due> due_;
    std::vector<std::uint64_t> eager_;  // streams at full speed whose sockets have room
    std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

Canned::Canned(std::uint16_t port, TlsContext tls)
    : tls_(std::move(tls)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)), epoll_(::epoll_create1(0)) {
    int const on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 4096) != 0)
        throw std::runtime_error(fmt::format("cannot listen on port {}", port));
    epoll_event interest{.events = EPOLLIN, .data = {.u64 = 0}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &interest);
}

void Canned::run() {
    std::array<epoll_event, 512> events;
    for (;;) {
        auto wait = due_.empty() ? std::chrono::milliseconds(1000)
                                 : std::chrono::ceil<std::chrono::milliseconds>(due_.top().at - Clock::now());
        int const limit = eager_.empty() ? std::max(0, static_cast<int>(wait.count())) : 0;
        int count = ::epoll_wait(epoll_, events.data(), events.size(), limit);
        for (auto const& event : std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
            if (event.data.u64 == 0)
                accept_all();
            else if (auto found = clients_.find(event.data.u64); found != clients_.end())
                ready(*found->second, event.events);
        }
        run_due();
        run_eager();
    }
}

void Canned::accept_all() {
    for (int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK); fd >= 0;
         fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) {
        int const on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto client = std::make_unique<Client>();
        client->descriptor = fd;
        client->id = next_id_++;
        if (tls_) {
            client->tls.reset(SSL_new(tls_.get()));
            SSL_set_fd(client->tls.get(), fd);
            SSL_set_accept_state(client->tls.get());
        }
        epoll_event interest{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = client->id}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &interest);
        clients_.emplace(client->id, std::move(client));
    }
}

void Canned::ready(Client& client, std::uint32_t events) {
    bool open = true;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        ssize_t got = 0;
        while ((got = client.receive(buffer_)) > 0) {
            client.input.append(buffer_.data(), static_cast<std::size_t>(got));
            // A short read has emptied the socket. TLS may hold more back.
            if (static_cast<std::size_t>(got) < buffer_.size() && (events & EPOLLHUP) == 0 && !client.tls) break;
        }
        open = got > 0 || (got < 0 && errno == EAGAIN);
    }
    if (!open) return drop(client);
    take_requests(client);
    pump(client);
}

void Canned::take_requests(Client& client) {
    auto end = client.input.find("\r\n\r\n");
    if (client.streaming || end == std::string::npos) return;
    std::string_view head(client.input.data(), end);
    std::size_t length = 0;
    // Whatever the case the proxy writes it in.
    for (auto name : {"content-length: ", "Content-Length: "}) read_number(head, name, length);
    if (client.input.size() < end + 4 + length) return;
    answer(client, std::string_view(client.input).substr(end + 4, length));
    client.input.erase(0, end + 4 + length);
}

void Canned::answer(Client& client, std::string_view body) {
    client.hints = read_hints(body);
    if (!client.hints.stream) {
        client.output += json_answer(client.hints.text);
        return;
    }
    client.output += stream_head;
    client.streaming = true;
    client.next_event = 0;
    client.due = Clock::now();
    if (client.hints.rate == 0) return;
    append_chunk(client.output, client.next_event++, client.hints.chunk_bytes);
    client.due += std::chrono::nanoseconds(1'000'000'000 / client.hints.rate);
    due_.push({client.due, client.id});
}

/// Writes what there is; a stream at full speed goes on in `run_eager` until its socket is full.
void Canned::pump(Client& client) {
    if (!flush(client) || !client.streaming || client.hints.rate != 0 || client.eager) return;
    client.eager = true;
    eager_.push_back(client.id);
}

bool Canned::flush(Client& client) {
    while (client.has_output()) {
        auto sent = client.send_some(std::string_view(client.output).substr(client.output_at));
        if (sent <= 0) return false;
        client.output_at += static_cast<std::size_t>(sent);
    }
    client.output.clear();
    client.output_at = 0;
    return true;
}

/// Writes the stream's next chunk, or its end. False when there is no more.
bool Canned::next_chunk(Client& client) {
    if (client.next_event < client.hints.tokens) {
        append_chunk(client.output, client.next_event++, client.hints.chunk_bytes);
    } else {
        append_stream_end(client.output);
        client.streaming = false;
    }
    return client.streaming;
}

void Canned::run_due() {
    auto now = Clock::now();
    while (!due_.empty() && due_.top().at <= now) {
        auto found = clients_.find(due_.top().client);
        due_.pop();
        if (found == clients_.end()) continue;
        auto& client = *found->second;
        if (next_chunk(client)) {
            client.due += std::chrono::nanoseconds(1'000'000'000 / client.hints.rate);
            due_.push({client.due, client.id});
        }
        flush(client);
    }
}

/// One chunk and one write for each stream in turn: an upstream that flushes every token does no better.
void Canned::run_eager() {
    std::erase_if(eager_, [this](std::uint64_t id) {
        auto found = clients_.find(id);
        if (found == clients_.end()) return true;
        auto& client = *found->second;
        bool const more = next_chunk(client);
        client.eager = flush(client) && more;
        return !client.eager;
    });
}

void Canned::drop(Client& client) {
    client.tls.reset();
    ::close(client.descriptor);
    clients_.erase(client.id);
}

}  // namespace

int main(int argc, char** argv) {
    std::uint16_t port = 0;
    std::string certificate_file;
    std::string key_file;
    CLI::App app{"The cheapest upstream there is, for benches."};
    app.add_option("--port", port)->required();
    auto* certificate = app.add_option("--tls-certificate", certificate_file, "PEM file: speak TLS");
    app.add_option("--tls-key", key_file, "PEM file")->needs(certificate);
    CLI11_PARSE(app, argc, argv);
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    Canned(port, make_tls(certificate_file, key_file)).run();
}
