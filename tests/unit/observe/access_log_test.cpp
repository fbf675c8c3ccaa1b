#include "server/observe/access_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "sample_outcomes.hpp"
#include "server/observe/log.hpp"
#include "server/observe/metrics.hpp"
#include "server/observe/worker_recorder.hpp"

using namespace sluice;
using namespace sluice::observe;

namespace {

/// A folder that goes away with the test.
struct Folder {
    std::filesystem::path path;
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "sluice-observe-XXXXXX").string();
        path = mkdtemp(name.data());
    }
    Folder(Folder const&) = delete;
    Folder& operator=(Folder const&) = delete;
    ~Folder() { std::filesystem::remove_all(path); }
};

Settings settings_for(std::string const& destination) {
    auto out = sample::settings();
    out.telemetry.access_log = destination;
    return out;
}

std::vector<std::string> lines_of(std::filesystem::path const& file) {
    std::vector<std::string> out;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
}

Outcome numbered(std::string const& id) {
    auto out = sample::stream();
    out.request_id = id;
    return out;
}

}  // namespace

TEST_CASE("a ring without room drops lines and counts them", "[access_log]") {
    SettingsCell const settings(observe_settings(settings_for("stdout")));
    AccessLogShard shard(settings, 2048, [] {});
    shard.write(numbered("first"));
    shard.write(numbered("second"));
    shard.write(numbered("third"));
    CHECK(shard.dropped() == 1);
    auto const text = std::string(shard.ring().readable());
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
    shard.ring().take(text.size());
    shard.write(numbered("fourth"));
    CHECK(shard.dropped() == 1);
    CHECK_THAT(std::string(shard.ring().readable()), Catch::StartsWith("{\"ts\""));
}

TEST_CASE("the writing thread is woken once for each 256 KB, not for each request", "[access_log]") {
    SettingsCell const settings(observe_settings(settings_for("stdout")));
    int wakes = 0;
    AccessLogShard shard(settings, std::size_t{1} << 20U, [&wakes] { ++wakes; });
    std::size_t written = 0;
    while (written < 800'000) {
        shard.write(sample::stream());
        written = shard.ring().waiting();
    }
    CHECK(wakes == 3);
}

TEST_CASE("switched off, nothing is formatted", "[access_log]") {
    SettingsCell settings(observe_settings(settings_for("none")));
    AccessLogShard shard(settings, 2048, [] {});
    for (int i = 0; i < 10; ++i) shard.write(sample::stream());
    CHECK(shard.ring().readable().empty());
    CHECK(shard.dropped() == 0);
    settings.publish(observe_settings(settings_for("stdout")));
    shard.write(sample::stream());
    CHECK_FALSE(shard.ring().readable().empty());
}

TEST_CASE("the lines of all workers arrive whole, in each worker's order", "[access_log][threads]") {
    Folder const folder;
    auto const file = folder.path / "access.log";
    constexpr int requests = 3'000;
    std::uint64_t dropped = 0;
    {
        Log log;
        AccessLog access_log(settings_for(file.string()), 2, log, std::size_t{1} << 22U);
        auto const work = [&access_log](unsigned worker) {
            for (int i = 0; i < requests; ++i) {
                access_log.shard(worker).write(numbered(std::to_string(worker) + "-" + std::to_string(i)));
            }
        };
        std::thread other(work, 1U);
        work(0U);
        other.join();
        dropped = access_log.dropped();
    }
    CHECK(dropped == 0);
    std::array<int, 2> next{};
    auto const lines = lines_of(file);
    REQUIRE(lines.size() == 2 * requests);
    for (auto const& line : lines) {
        std::string const id = nlohmann::json::parse(line)["request_id"];
        auto const worker = static_cast<std::size_t>(id.front() - '0');
        REQUIRE(id.substr(2) == std::to_string(next[worker]++));
    }
}

TEST_CASE("after a rotation lines go to a new file of the same name", "[access_log]") {
    Folder const folder;
    auto const file = folder.path / "access.log";
    auto const rotated = folder.path / "access.log.1";
    {
        Log log;
        AccessLog access_log(settings_for(file.string()), 1, log);
        access_log.shard(0).write(numbered("before"));
        std::filesystem::rename(file, rotated);
        access_log.reopen();
        access_log.shard(0).write(numbered("after"));
    }
    auto const lines = lines_of(file);
    REQUIRE_FALSE(lines.empty());
    CHECK_THAT(lines.back(), Catch::Contains("\"after\""));
    CHECK(lines.size() + lines_of(rotated).size() == 2);
}

TEST_CASE("a reload moves the log; a file that cannot be opened leaves it where it is", "[access_log]") {
    Folder const folder;
    auto const first = folder.path / "first.log";
    auto const second = folder.path / "second.log";
    {
        Log log(TelemetrySettings{.log_level = LogLevel::error}, open("/dev/null", O_WRONLY | O_CLOEXEC));
        AccessLog access_log(settings_for(first.string()), 1, log);
        access_log.configure(settings_for((folder.path / "no" / "such" / "folder.log").string()));
        access_log.shard(0).write(numbered("one"));
    }
    CHECK(lines_of(first).size() == 1);
    {
        Log log;
        AccessLog access_log(settings_for(first.string()), 1, log);
        access_log.configure(settings_for(second.string()));
        access_log.shard(0).write(numbered("two"));
    }
    CHECK(lines_of(first).size() + lines_of(second).size() == 2);
    CHECK(std::filesystem::exists(second));
}

TEST_CASE("a log that cannot be opened at the start is an error that names it", "[access_log]") {
    Log log;
    CHECK_THROWS_WITH(AccessLog(settings_for("/no/such/folder/access.log"), 1, log),
                      Catch::Contains("/no/such/folder/access.log"));
}

TEST_CASE("a reader that stands still makes no worker wait, and a gone one loses lines that are counted",
          "[access_log]") {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    Log log(TelemetrySettings{.log_level = LogLevel::error});
    {
        AccessLog access_log(settings_for("/proc/self/fd/" + std::to_string(ends[1])), 1, log, std::size_t{1} << 16U);
        // 64 KB fit into the pipe and as much into the ring; nobody reads.
        for (int i = 0; i < 1'000; ++i) access_log.shard(0).write(sample::stream());
        CHECK(access_log.dropped() > 500);
        close(ends[0]);
    }
    close(ends[1]);
}

TEST_CASE("a worker's recorder feeds both the metrics and the access log", "[access_log]") {
    auto const settings = settings_for("stdout");
    Metrics metrics(settings, 1, {});
    SettingsCell const cell(observe_settings(settings));
    AccessLogShard shard(cell, 4096, [] {});
    WorkerRecorder recorder(metrics.shard(0), shard);
    recorder.record(sample::stream());
    CHECK_THAT(metrics.expose(), Catch::Contains("sluice_key_requests_total{key=\"ci\"} 1"));
    CHECK_THAT(std::string(shard.ring().readable()), Catch::Contains("\"req_1\""));
}
