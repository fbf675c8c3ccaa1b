#include "server/observe/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sluice;
using namespace sluice::observe;

namespace {

class Pipe {
public:
    Pipe() { REQUIRE(pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK) == 0); }
    Pipe(Pipe const&) = delete;
    Pipe& operator=(Pipe const&) = delete;
    ~Pipe() {
        close(ends_[0]);
        close(ends_[1]);
    }
    int input() const { return ends_[1]; }
    std::string text() const {
        std::string out(65'536, '\0');
        auto const count = read(ends_[0], out.data(), out.size());
        out.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return out;
    }

private:
    std::array<int, 2> ends_{};
};

}  // namespace

TEST_CASE("a message is one JSON object with its code and its fields", "[log]") {
    Pipe const pipe;
    Log log({}, pipe.input());
    std::string const file = "a \"quoted\"\nname";
    log.warning("SL1001", "the configuration is unchanged",
                {{"file", file}, {"line", 12}, {"size", std::size_t{7}}, {"ratio", 0.5}, {"reload", true}});
    auto const text = pipe.text();
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    auto const json = nlohmann::json::parse(text);
    CHECK(json["level"] == "warning");
    CHECK(json["code"] == "SL1001");
    CHECK(json["msg"] == "the configuration is unchanged");
    CHECK(json["file"] == file);
    CHECK(json["line"] == 12);
    CHECK(json["size"] == 7);
    CHECK(json["ratio"] == 0.5);
    CHECK(json["reload"] == true);
    CHECK(json["ts"].get<std::string>().size() == 24);
}

TEST_CASE("messages below the level are left out", "[log]") {
    Pipe const pipe;
    Log log({.log_level = LogLevel::warning}, pipe.input());
    log.debug("a");
    log.info("b", {{"key", "value"}});
    CHECK(pipe.text().empty());
    log.configure({.log_level = LogLevel::debug});
    log.debug("c");
    CHECK_THAT(pipe.text(), Catch::Contains("\"c\""));
}

TEST_CASE("as text, a message is one line without control characters", "[log]") {
    Pipe const pipe;
    Log log({.log_format = LogFormat::text}, pipe.input());
    log.error("SL4001", "no\nway", {{"host", "evil\x1b[2J"}, {"tries", 3}});
    CHECK_THAT(pipe.text(), Catch::EndsWith("Z error SL4001 no?way host=\"evil\\u001b[2J\" tries=3\n"));
}

TEST_CASE("a full pipe costs the message, not the caller's time", "[log]") {
    Pipe const pipe;
    Log log({}, pipe.input());
    for (int i = 0; i < 2'000; ++i) log.info("somebody should read this", {{"i", i}});
    CHECK(log.dropped() > 0);
    auto const before = log.dropped();
    pipe.text();
    log.info("now there is room");
    CHECK(log.dropped() == before);
}
