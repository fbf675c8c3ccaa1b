#include <vector>

#include "tests/unit/http_session/gateway.hpp"

namespace sluice::testing {
namespace {

std::string get(std::string_view path, std::string_view more = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nhost: h\r\n" + std::string(more) + "\r\n";
}

std::string post(std::string_view path, std::string_view body, std::string_view more = "") {
    return "POST " + std::string(path) + " HTTP/1.1\r\nhost: h\r\ncontent-length: " + std::to_string(body.size()) +
           "\r\n" + std::string(more) + "\r\n" + std::string(body);
}

std::string chunked(std::string_view path, std::string_view chunks) {
    return "POST " + std::string(path) + " HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n" +
           std::string(chunks);
}

TEST_CASE("one connection after the other is served, none waits for the next to come", "[session]") {
    Gateway gateway;
    for (int i = 0; i < 3; ++i) {
        auto client = gateway.connect();
        client.send(get("/a"));
        CHECK(client.read_until("GET /a").starts_with("HTTP/1.1 200 OK\r\n"));
    }
    CHECK(gateway.all_closed());
}

TEST_CASE("a connection serves request after request, also when they come together", "[session]") {
    Gateway gateway;
    auto client = gateway.connect();
    client.send(get("/a") + post("/echo", "first body") + chunked("/echo", "6\r\nsecond\r\n5\r\n body\r\n0\r\n\r\n") +
                post("/ignored", "not wanted") + chunked("/ignored", "3\r\nabc\r\n0\r\n\r\n") + get("/last"));
    CHECK(client.read_until("GET /a").find("connection: close") == std::string::npos);
    CHECK(client.read_until("first body").ends_with("\r\n\r\nfirst body"));
    CHECK(client.read_until("second body").ends_with("\r\n\r\nsecond body"));
    CHECK_FALSE(client.read_until("POST /ignored").empty());
    CHECK_FALSE(client.read_until("POST /ignored").empty());
    CHECK(client.read_until("GET /last").ends_with("GET /last"));
    CHECK(gateway.handler.handled == 6);
}

TEST_CASE("it does not matter where the network cuts", "[session]") {
    auto const size = GENERATE(std::size_t{1}, 7, 64);
    Gateway gateway;
    auto client = gateway.connect();
    std::string const all = post("/echo", "a body") + chunked("/echo", "3\r\nabc\r\n0\r\nt: 1\r\n\r\n") + get("/end");
    for (std::size_t at = 0; at < all.size(); at += size) {
        client.send(all.substr(at, size));
        if (at % 50 < size) ::poll(nullptr, 0, 1);
    }
    CHECK(client.read_until("a body").ends_with("\r\n\r\na body"));
    CHECK(client.read_until("abc").ends_with("\r\n\r\nabc"));
    CHECK(client.read_until("GET /end").ends_with("GET /end"));
}

TEST_CASE("what was pipelined while a request is worked on is not lost", "[session]") {
    Gateway gateway;
    auto client = gateway.connect();
    client.send(get("/stream"));
    client.send(get("/next"));
    auto const answer = client.read_until("0\r\n\r\n");
    CHECK(answer.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
    CHECK(client.read_until("GET /next").ends_with("GET /next"));
}

TEST_CASE("bytes behind a chunked body that is not wanted stay in their place, however many they are", "[session]") {
    LimitSettings limits;
    limits.body_bytes = 64 * 1024 * 1024;
    Gateway gateway(limits);
    auto client = gateway.connect();
    // Behind the first, long body stands a drained one in tiny chunks: more of it is buffered than the drain's limit.
    std::string const long_body(3'000'000, 'b');
    std::string tiny;
    for (int i = 0; i < 30'000; ++i) tiny += "1\r\nt\r\n";
    std::string all = chunked("/echo", "2dc6c0\r\n" + long_body + "\r\n0\r\n\r\n");
    all += chunked("/ignored", tiny + "0\r\n\r\n") + get("/after");
    std::string answer;
    std::size_t at = 0;
    while (at < all.size()) {
        at += static_cast<std::size_t>(
            std::max<ssize_t>(0, ::send(client.fd(), all.data() + at, all.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT)));
        while (client.readable(std::chrono::milliseconds(0)) && answer.size() < 3'000'000) {
            answer += client.read_until("b");
        }
    }
    auto const rest = client.read_until("GET /after");
    CHECK(rest.ends_with("GET /after"));
}

TEST_CASE("a refusal says close, ends the connection, and is not lost in a reset", "[session]") {
    struct Row {
        char const* name;
        std::string bytes;
        char const* status;
    };
    auto const row = GENERATE(
        Row{"no host", "GET / HTTP/1.1\r\n\r\n", "400"}, Row{"garbage", "\x01\x02\x03\r\n\r\n", "400"},
        Row{"two lengths", "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "400"},
        Row{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
        Row{"an unknown coding", "POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip\r\n\r\n", "501"},
        Row{"a long target", "GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\nhost: h\r\n\r\n", "414"},
        Row{"a long head", "GET / HTTP/1.1\r\nhost: h\r\nx: " + std::string(200'000, 'a') + "\r\n\r\n", "431"},
        Row{"a bad chunk", chunked("/echo", "3\r\nabcX0\r\n\r\n"), "400"},
        Row{"a body above the limit", post("/echo", std::string(200'000, 'x')), "413"},
        Row{"a chunked body above the limit", chunked("/echo", "7d0\r\n" + std::string(2'000, 'x') + "\r\n0\r\n\r\n"),
            "413"},
        Row{"an announced chunk above the limit", chunked("/echo", "fffffff\r\n"), "413"});
    CAPTURE(row.name);
    LimitSettings limits;
    limits.body_bytes = 1'000;
    Gateway gateway(limits);
    auto client = gateway.connect();
    client.send(row.bytes + get("/never"));
    auto const answer = client.read_all();
    CHECK(answer.starts_with(std::string("HTTP/1.1 ") + row.status + " "));
    CHECK(answer.find("connection: close\r\n") != std::string::npos);
    CHECK(answer.find("x-request-id: ") != std::string::npos);
    CHECK(answer.find("/never") == std::string::npos);
    CHECK(client.closed());
    CHECK_FALSE(client.was_reset());
}

TEST_CASE("a request that does not come in time is refused, and an idle connection is just closed", "[session]") {
    LimitSettings limits;
    limits.header_timeout = milliseconds(80);
    limits.keep_alive = milliseconds(120);
    limits.body_idle = milliseconds(80);
    Gateway gateway(limits);
    auto client = gateway.connect();
    SECTION("half a head") {
        client.send("GET / HTTP/1.1\r\nhost");
        CHECK(client.read_all().starts_with("HTTP/1.1 408 "));
    }
    SECTION("half a head behind a whole request") {
        client.send(get("/a") + "GET /b");
        CHECK_FALSE(client.read_until("GET /a").empty());
        CHECK(client.read_all().starts_with("HTTP/1.1 408 "));
    }
    SECTION("nothing at all") { CHECK(client.read_all().starts_with("HTTP/1.1 408 ")); }
    SECTION("half a body") {
        client.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhalf");
        CHECK(client.read_all().starts_with("HTTP/1.1 408 "));
    }
    SECTION("a body that drips below the lowest rate") {
        client.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 100000\r\n\r\n");
        std::string answer;
        for (int i = 0; i < 200 && answer.empty(); ++i) {
            client.send("x");
            if (client.readable(std::chrono::milliseconds(20))) answer = client.read_all();
        }
        CHECK(answer.starts_with("HTTP/1.1 408 "));
    }
    SECTION("silence between two requests") {
        client.send(get("/a"));
        CHECK_FALSE(client.read_until("GET /a").empty());
        CHECK(client.read_all().empty());
    }
    CHECK(client.closed());
    CHECK(gateway.all_closed());
}

TEST_CASE("a client that leaves cancels its request at once", "[session]") {
    Gateway gateway;
    auto client = gateway.connect();
    client.send(get("/wait"));
    REQUIRE(eventually([&gateway] { return gateway.handler.waiting.load(); }));
    auto const before = std::chrono::steady_clock::now();
    SECTION("by half-closing") { client.half_close(); }
    SECTION("by a reset") { client.reset(); }
    SECTION("behind pipelined bytes") {
        client.send(get("/next"));
        client.half_close();
    }
    CHECK(eventually([&gateway] { return gateway.handler.cancelled == CancelReason::client_left; }));
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::milliseconds(100));
    CHECK(gateway.all_closed());
    CHECK(gateway.handler.handled == 1);
}

TEST_CASE("a client that does not read is cut off after the stall", "[session]") {
    LimitSettings limits;
    limits.write_stall = milliseconds(100);
    Gateway gateway(limits);
    auto client = gateway.connect();
    client.send(get("/flood"));
    CHECK(eventually([&gateway] { return gateway.handler.cancelled == CancelReason::client_left; }));
    CHECK(gateway.all_closed());
    // A cut chunked body never has its end, and its connection no orderly one.
    CHECK_FALSE(client.read_all().ends_with("0\r\n\r\n"));
    CHECK(client.was_reset());
}

TEST_CASE("expect: 100-continue is answered before the body, and only if somebody wants it", "[session]") {
    Gateway gateway;
    auto client = gateway.connect();
    std::string const head = " HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    SECTION("wanted") {
        client.send("POST /echo" + head);
        CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("body" + get("/next"));
        CHECK(client.read_until("body").ends_with("\r\n\r\nbody"));
        CHECK(client.read_until("GET /next").ends_with("GET /next"));
    }
    SECTION("not wanted: the body may or may not come, so the connection ends") {
        client.send("POST /other" + head);
        CHECK(client.read_all().starts_with("HTTP/1.1 200 OK\r\n"));
        CHECK(client.closed());
    }
    SECTION("the body is here already") {
        client.send("POST /echo" + head + "body");
        CHECK(client.read_until("body").starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

TEST_CASE("HTTP/1.0 gets no chunks, and keeps its connection only if it asks", "[session]") {
    Gateway gateway;
    auto client = gateway.connect();
    SECTION("a stream ends with the connection") {
        client.send("GET /stream HTTP/1.0\r\n\r\n");
        auto const answer = client.read_all();
        CHECK(answer.find("transfer-encoding") == std::string::npos);
        CHECK(answer.ends_with("\r\n\r\nonetwo"));
        CHECK(client.closed());
    }
    SECTION("without keep-alive") {
        client.send("GET /a HTTP/1.0\r\n\r\n");
        CHECK(client.read_all().find("connection: close\r\n") != std::string::npos);
    }
    SECTION("with keep-alive") {
        client.send("GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
        CHECK(client.read_until("GET /a").find("connection: keep-alive\r\n") != std::string::npos);
        client.send("GET /b HTTP/1.0\r\n\r\n");
        CHECK(client.read_all().ends_with("GET /b"));
    }
}

TEST_CASE("HEAD gets the head of the answer to GET, and no body", "[session]") {
    Gateway gateway;
    auto client = gateway.connect();
    client.send("HEAD /abc HTTP/1.1\r\nhost: h\r\n\r\n" + get("/b"));
    auto const answer = client.read_until("\r\n\r\n");
    CHECK(answer.find("content-length: 9\r\n") != std::string::npos);
    CHECK(client.read_until("GET /b").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("a client's request id is used if it is harmless, else one is made", "[session]") {
    Gateway gateway;
    auto client = gateway.connect();
    auto id_of = [&client](std::string_view given) {
        client.send(get("/a", given.empty() ? "" : "x-request-id: " + std::string(given) + "\r\n"));
        auto const answer = client.read_until("GET /a");
        auto const at = answer.find("x-request-id: ") + 14;
        return answer.substr(at, answer.find("\r\n", at) - at);
    };
    CHECK(id_of("abc-1_2.3") == "abc-1_2.3");
    for (std::string const& bad : {std::string(), std::string("a b"), std::string("a\"b"), std::string(129, 'a')}) {
        CHECK(id_of(bad).starts_with("req_"));
    }
    CHECK(id_of("") != id_of(""));
}

TEST_CASE("above the limit of connections a client is told, and the others go on", "[listener]") {
    LimitSettings limits;
    limits.max_connections = 1;
    Gateway gateway(limits);
    auto first = gateway.connect();
    first.send(get("/a"));
    CHECK_FALSE(first.read_until("GET /a").empty());
    auto second = gateway.connect();
    auto const answer = second.read_all();
    CHECK(answer.starts_with("HTTP/1.1 503 "));
    CHECK(answer.find("retry-after: 1\r\n") != std::string::npos);
    auto const body = answer.substr(answer.find("\r\n\r\n") + 4);
    CHECK(answer.find("content-length: " + std::to_string(body.size()) + "\r\n") != std::string::npos);
    first.send(get("/b"));
    CHECK_FALSE(first.read_until("GET /b").empty());
}

TEST_CASE("a reload while connections are idle does not touch the limits they wait with", "[session]") {
    LimitSettings limits;
    limits.keep_alive = milliseconds(150);
    Gateway gateway(limits);
    auto client = gateway.connect();
    client.send(get("/a"));
    CHECK_FALSE(client.read_until("GET /a").empty());
    gateway.worker.post([&gateway] { gateway.handler.limits_ = std::make_shared<LimitSettings const>(); });
    CHECK(client.read_all().empty());  // ASan sees a look at the old limits
    CHECK(client.closed());
}

TEST_CASE("draining says close on every answer, ends what is idle and cancels what does not end", "[drain]") {
    Gateway gateway;
    auto idle = gateway.connect();
    idle.send(get("/a"));
    CHECK_FALSE(idle.read_until("GET /a").empty());
    auto busy = gateway.connect();
    busy.send(get("/wait"));
    REQUIRE(eventually([&gateway] { return gateway.handler.waiting.load(); }));
    CHECK(gateway.listener.sessions().busy() == 1);

    gateway.worker.post([&gateway] { gateway.listener.sessions().start_draining(); });
    SECTION("an idle connection is still served, once") {
        idle.send(get("/b"));
        CHECK(idle.read_all().find("connection: close\r\n") != std::string::npos);
        CHECK(idle.closed());
    }
    SECTION("an idle connection is closed") {
        gateway.worker.post([&gateway] { gateway.listener.sessions().close_quiet(sluice::Duration{}); });
        CHECK(idle.read_all().empty());
        CHECK(idle.closed());
    }
    gateway.worker.post([&gateway] { gateway.listener.sessions().cancel_all(); });
    auto const answer = busy.read_all();
    CHECK(answer.starts_with("HTTP/1.1 503 "));
    CHECK(answer.find("connection: close\r\n") != std::string::npos);  // though it began before the drain
    CHECK(gateway.handler.cancelled == CancelReason::server_shutdown);
    CHECK(gateway.all_closed());
    CHECK(gateway.listener.sessions().busy() == 0);
}

TEST_CASE("a worker that is ended in the middle of everything leaves nothing behind", "[drain]") {
    std::vector<Raw> clients;
    Gateway gateway;
    for (auto const* const bytes : {"", "GET /a HT", "GET /a HTTP/1.1\r\nhost: h\r\n\r\n",
                                    "GET /wait HTTP/1.1\r\nhost: h\r\n\r\n", "GET /flood HTTP/1.1\r\nhost: h\r\n\r\n",
                                    "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nhalf", "garbage\n"}) {
        clients.push_back(gateway.connect());
        clients.back().send(bytes);
    }
    REQUIRE(eventually([&gateway] { return gateway.handler.handled == 4 && gateway.handler.refused_ == 1; }));
    gateway.worker.end();
    CHECK(gateway.observer.open == 0);
    CHECK(gateway.listener.sessions().open() == 0);
    CHECK(gateway.listener.sessions().busy() == 0);
}

}  // namespace
}  // namespace sluice::testing
