#include "server/lab/control.hpp"

#include <catch2/catch.hpp>

#include "server/lab/listener_faults.hpp"
#include "server/lab/request_reader.hpp"
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace sluice::lab;
using To = Route::To;

TEST_CASE("paths are found with and without /v1, under a scenario and with a query", "[lab]") {
    auto [path, to, scenario] = GENERATE(table<char const*, To, char const*>({
        {"/v1/chat/completions", To::chat, ""},
        {"/chat/completions", To::chat, ""},
        {"/with/error-500/v1/chat/completions?x=1", To::chat, "error-500"},
        {"/v1/models", To::models, ""},
        {"/models/demo", To::model, ""},
        {"/lab/stats", To::control, ""},
        {"/", To::home, ""},
        {"/v2/chat/completions", To::nowhere, ""},
    }));
    CAPTURE(path);
    CHECK(route_of(path).to == to);
    CHECK(route_of(path).scenario == scenario);
}

TEST_CASE("connections are faulted as often as asked", "[lab]") {
    ListenerFaults faults;
    REQUIRE(
        faults.set(nlohmann::json::parse(R"({"reset_next":2,"tls_fault":"close_in_handshake","tls_fault_next":1})")));
    CHECK(faults.greet().kind == Greeting::Kind::reset);
    CHECK(faults.greet().kind == Greeting::Kind::reset);
    CHECK(faults.greet().tls_fault == TlsFault::close_in_handshake);
    CHECK(faults.greet().tls_fault == TlsFault::none);
    CHECK_FALSE(faults.set(nlohmann::json::parse(R"({"reset":1})")).has_value());
}

TEST_CASE("requests are read in whatever pieces they arrive", "[lab]") {
    std::string bytes =
        "POST /x HTTP/1.1\r\nHost: a\r\nX-Lab: {}\r\nContent-Length: 5\r\n\r\nhelloGET /y HTTP/1.1\r\n\r\n";
    auto piece = GENERATE(std::size_t{1}, 3, 1000);
    RequestReader reader;
    std::string waiting;
    std::vector<std::string> targets;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        waiting += bytes.substr(at, piece);
        for (std::size_t used = 1; used > 0 && !waiting.empty();) {
            used = reader.feed(waiting).value();
            waiting.erase(0, used);
            if (!reader.is_done()) continue;
            targets.push_back(reader.request().target + reader.request().body);
            if (targets.size() == 1) CHECK(reader.request().header("x-LAB") == "{}");
            reader.start();
        }
    }
    CHECK(targets == std::vector<std::string>{"/xhello", "/y"});
}

TEST_CASE("a malformed request is an error", "[lab]") {
    RequestReader reader;
    CHECK_FALSE(reader.feed("this is not HTTP\r\n\r\n").has_value());
}
