#include <openssl/ssl.h>

#include "server/upstream/connector.hpp"
#include "tests/unit/upstream/loopback/caller.hpp"
#include "tests/unit/upstream/loopback/certificate.hpp"

namespace sluice::testing {
namespace {

struct Fixture {
    Certificate certificate{"DNS:localhost,IP:127.0.0.1"};
    Gateway server{LimitSettings(), net::server_context(TlsSettings{.certificate_file = certificate.certificate_file(),
                                                                    .key_file = certificate.key_file()})
                                        .value()};
    std::string url(std::string const& host) const { return "https://" + host + ":" + std::to_string(server.port); }
};

TEST_CASE("an upstream with a good certificate is called, by name or by address, and again", "[tls]") {
    auto const* const host = GENERATE("localhost", "127.0.0.1");
    Fixture f;
    Caller caller(f.url(host));
    caller.provider.ca_file = f.certificate.certificate_file();
    auto const first = caller.call(Ask{.body = std::string(50'000, ' ')});
    CHECK_FALSE(first.error);
    CHECK(first.body == "POST /chat/completions");
    CHECK_FALSE(first.reused);
    auto const second = caller.call();
    CHECK(second.body == "POST /chat/completions");
    CHECK(second.reused);
    CHECK(f.server.observer.open == 1);
}

TEST_CASE("an upstream whose certificate does not fit is unavailable, and the reason is in the log", "[tls]") {
    Fixture f;
    Certificate const other("DNS:localhost,IP:127.0.0.1");
    struct Row {
        char const* name;
        std::string host;
        std::string ca_file;
    };
    auto const row = GENERATE_REF(Row{"another authority", "localhost", other.certificate_file()},
                                  Row{"another name", "ip6-localhost", f.certificate.certificate_file()},
                                  Row{"another address", "127.0.0.2", f.certificate.certificate_file()},
                                  Row{"the system's authorities", "localhost", ""});
    CAPTURE(row.name);
    Caller caller(f.url(row.host));
    caller.provider.ca_file = row.ca_file;
    auto const answer = caller.call();
    CHECK(answer.kind() == ErrorKind::upstream_unavailable);
    CHECK(f.server.handler.handled == 0);
}

TEST_CASE("a server that never finishes the handshake is given up", "[tls]") {
    RawListener silent;
    Caller caller("https://127.0.0.1:" + std::to_string(silent.port()));
    caller.timeout.tls = milliseconds(80);
    auto const answer = caller.call();
    CHECK(answer.kind() == ErrorKind::upstream_unavailable);
    CHECK(answer.error->detail == "TLS handshake timed out");
}

Task<> connect_and_ask(upstream::Connector& connector, upstream::Pool& pool, std::string ca_file, int& resumed) {
    TimeoutSettings const timeout;
    Cancellation cancellation;
    upstream::ConnectOptions const options{
        .ca_file = ca_file, .timeout = timeout, .deadline = never, .cancellation = cancellation};
    auto connection = co_await connector.connect(pool, options);
    if (!connection) co_return;
    resumed = SSL_session_reused((*connection)->tls());
    std::string_view const request = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
    std::ignore = co_await (*connection)->write_all(Pieces(&request, 1), patience);
    std::array<char, 4'096> bytes{};
    std::ignore = co_await (*connection)->read(bytes, never);  // the tickets come in front of the answer
}

TEST_CASE("a connection resumes the session of one that has ended", "[tls]") {
    Fixture f;
    net::Worker worker(0);
    upstream::TlsContexts contexts;
    upstream::Connector connector(worker, contexts, f.server.observer);
    auto const pool =
        std::make_shared<upstream::Pool>(worker, *upstream::parse_origin(f.url("localhost")), std::nullopt);
    for (int const expected : {0, 1, 1}) {
        int resumed = -1;
        std::promise<void> done;
        if (expected == 0) worker.start();
        worker.post([&] {
            spawn(connect_and_ask(connector, *pool, f.certificate.certificate_file(), resumed),
                  [&done](std::exception_ptr const&) { done.set_value(); });
        });
        done.get_future().wait();
        CHECK(resumed == expected);
    }
    worker.end();
}

TEST_CASE("many small writes and one large write arrive whole over TLS", "[tls]") {
    Fixture f;
    Caller caller(f.url("localhost"));
    caller.provider.ca_file = f.certificate.certificate_file();
    LimitSettings limits;
    limits.body_bytes = 64 * 1024 * 1024;
    auto const size = GENERATE(std::size_t{1}, 16'383, 16'384, 16'385, 100'000, 5'000'000);
    auto const answer = caller.call(Ask{.body = std::string(size, 'x')});
    CHECK_FALSE(answer.error);
    CHECK(answer.status == 200);
}

TEST_CASE("a key that does not fit, or wants a passphrase, is refused with the file's name", "[tls]") {
    Certificate const one("DNS:a");
    Certificate const two("DNS:b");
    auto const context =
        net::server_context(TlsSettings{.certificate_file = one.certificate_file(), .key_file = two.key_file()});
    REQUIRE_FALSE(context);
    CHECK(context.error().detail.find(two.key_file()) != std::string::npos);
    auto const missing =
        net::server_context(TlsSettings{.certificate_file = "/nonexistent.pem", .key_file = one.key_file()});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().detail.find("/nonexistent.pem") != std::string::npos);
}

TEST_CASE("plain bytes on a TLS port end the connection, and nothing is handled", "[tls]") {
    Fixture f;
    auto client = f.server.connect();
    client.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    CHECK(client.read_all().find("HTTP/1.1") == std::string::npos);
    CHECK(f.server.all_closed());
    CHECK(f.server.handler.handled == 0);
}

}  // namespace
}  // namespace sluice::testing
