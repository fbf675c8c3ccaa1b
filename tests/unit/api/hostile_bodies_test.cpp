#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <ctime>
#include <string>
#include <vector>

#include "server/api/chat_request_reader.hpp"

// PROMISES.md R16: no body up to one MiB takes more than 50 ms of CPU, no depth overflows the stack, memory is bounded.

using namespace sluice;

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLUICE_SANITIZED 1
#endif
#endif
#if defined(SLUICE_SANITIZED) || !defined(NDEBUG)
constexpr std::size_t hostile_size = mebibyte / 8;
constexpr double allowed_milliseconds = 100;  // these builds are many times slower; this finds what grows without bound
#else
constexpr std::size_t hostile_size = mebibyte;
constexpr double allowed_milliseconds = 50;
#endif

double cpu_milliseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

std::string repeated(std::string const& part, std::size_t size) {
    std::string out;
    out.reserve(size + part.size());
    while (out.size() < size) out += part;
    return out;
}

struct Body {
    char const* name;
    std::string text;
};

std::string names(std::size_t size, std::string const& prefix, std::string const& suffix) {
    std::string out = "{";
    for (int i = 0; out.size() < size; ++i) out += "\"" + prefix + std::to_string(i) + suffix + "\":1,";
    return out + R"("model":"m","messages":[{"role":"user"}]})";
}

std::vector<Body> hostile(std::size_t size) {
    std::string const head = R"({"model":"m","messages":[{"role":"user","content":")";
    return {
        {"brackets", repeated("[", size)},
        {"closed brackets", repeated("[", size / 2) + repeated("]", size / 2)},
        {"braces", repeated("{\"a\":", size)},
        {"empty lists", "[" + repeated("[],", size) + "[]]"},
        {"numbers", R"({"model":"m","messages":[{"role":"user"}],"x":[)" + repeated("1,", size) + "1]}"},
        {"long numbers",
         R"({"model":"m","messages":[{"role":"user"}],"x":[)" + repeated(std::string(62, '9') + ",", size) + "1]}"},
        {"numbers near the limit",
         R"({"model":"m","messages":[{"role":"user"}],"x":[)" + repeated("1.7976931348623157e308,", size) + "1]}"},
        {"escapes", head + repeated("\\n", size) + "\"}]}"},
        {"unicode escapes", head + repeated("\\ud83d\\ude00", size) + "\"}]}"},
        {"backslashes", head + repeated("\\\\", size) + "\"}]}"},
        {"messages", R"({"model":"m","messages":[)" + repeated(R"({"role":""},)", size) + R"({"role":"user"}]})"},
        {"short members", names(size, "", "")},
        {"escaped members", names(size, "\\u0061", "")},
        {"members with one beginning", names(size, std::string(200, 'a'), "")},
        {"members in one message", R"({"model":"m","messages":[)" + names(size, "", "") + "]}"},
        {"white space", R"({"model":"m",)" + repeated(" \n", size) + R"("messages":[{"role":"user"}]})"},
        {"white space before each token",
         R"({"model":"m","x":[)" + repeated("1            ,", size) + R"(1],"messages":[{"role":"user"}]})"},
        {"quotes", repeated("\"", size)},
        {"commas", "[" + repeated(",", size)},
        {"content parts",
         R"({"model":"m","messages":[{"role":"user","content":[)" + repeated(R"({"text":""},)", size) + "{}]}]}"},
        {"text", head + repeated("lorem ipsum ", size) + "\"}]}"},
    };
}

void* read_in_thread(void* bodies) {
    for (auto const& body : *static_cast<std::vector<Body>*>(bodies)) (void)read_chat_request(body.text, {});
    return bodies;
}

}  // namespace

TEST_CASE("no body of one MiB takes long", "[request][hostile]") {
    for (auto const& body : hostile(hostile_size)) {
        auto const before = cpu_milliseconds();
        (void)read_chat_request(body.text, {});
        auto const taken = cpu_milliseconds() - before;
        CAPTURE(body.name, taken);
        CHECK(taken < allowed_milliseconds);
    }
}

TEST_CASE("a small stack is enough for every depth", "[request][hostile]") {
    std::vector<Body> bodies{{"brackets", repeated("[", mebibyte)},
                             {"braces", repeated("{\"a\":", mebibyte)},
                             {"objects in lists", repeated("[{\"a\":", mebibyte)}};
    pthread_attr_t small{};
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 * 1024);
    pthread_t thread{};
    REQUIRE(pthread_create(&thread, &small, read_in_thread, &bodies) == 0);
    void* result = nullptr;
    pthread_join(thread, &result);
    pthread_attr_destroy(&small);
    CHECK(result == &bodies);
}

#ifndef SLUICE_SANITIZED
namespace {

std::size_t peak() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

/// By how many times its own size reading `body` raises the peak of a process, rounded up. In a child, whose peak
/// begins with what is resident now.
int growth(std::string const& body) {
    malloc_trim(0);
    auto const child = fork();
    if (child == 0) {
        auto const before = peak();
        (void)read_chat_request(body, {});
        auto const grown = peak() - before;
        _exit(static_cast<int>((grown > mebibyte ? grown - mebibyte : 0) / body.size()) + 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a large body of text needs little more memory than itself", "[request][hostile]") {
    auto const body =
        R"({"model":"m","messages":[{"role":"user","content":")" + repeated("lorem ipsum \\n", 16 * mebibyte) + "\"}]}";
    CHECK(growth(body) <= 3);
}

TEST_CASE("a dense body needs at most sixteen times its size", "[request][hostile]") {
    for (auto const& body : hostile(mebibyte)) {
        CAPTURE(body.name);
        CHECK(growth(body.text) <= 15);
    }
}
#endif
