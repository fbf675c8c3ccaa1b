#include "server/store/redis_reply.hpp"

#include <catch2/catch.hpp>

#include "server/store/redis_url.hpp"

namespace sluice::store {
namespace {

using Kind = RedisReply::Kind;

/// The answers in `bytes`, however the network cuts them.
std::vector<RedisReply> read(std::string_view bytes, std::size_t piece) {
    RedisReader reader;
    std::vector<RedisReply> replies;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        reader.feed(bytes.substr(at, piece));
        while (auto reply = reader.next().value()) replies.push_back(*std::move(reply));
    }
    return replies;
}

TEST_CASE("answers of Redis are read however they arrive", "[redis]") {
    auto const piece = GENERATE(std::size_t{1}, 2, 7, 4096);
    auto const replies = read(
        "+OK\r\n-ERR no\r\n:-42\r\n$-1\r\n$0\r\n\r\n$6\r\na\r\nb\r\n\r\n*-1\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", piece);
    REQUIRE(replies.size() == 8);
    CHECK(replies[0].text == "OK");
    CHECK(replies[1].kind == Kind::error);
    CHECK(replies[1].text == "ERR no");
    CHECK(replies[2].number == -42);
    CHECK(replies[3].kind == Kind::nothing);
    CHECK(replies[4].kind == Kind::text);
    CHECK(replies[5].text == "a\r\nb\r\n");
    CHECK(replies[6].kind == Kind::nothing);
    REQUIRE(replies[7].list.size() == 2);
    CHECK(replies[7].list[1].list[0].text == "x");
}

TEST_CASE("what is no answer of Redis is an error", "[redis]") {
    auto const bytes = GENERATE("HTTP/1.1 400 Bad Request\r\n", "\r\n", ":12x\r\n", "$-2\r\n", "$99999999999\r\n",
                                "*99999999999\r\n", "$1\r\nabc\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n");
    RedisReader reader;
    reader.feed(bytes);
    CHECK_FALSE(reader.next());
}

TEST_CASE("a command may hold any bytes", "[redis]") {
    std::string out;
    append_command(out, {"SET", std::string("\0\r\n", 3), ""});
    CHECK(out == std::string("*3\r\n$3\r\nSET\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n", 28));
}

TEST_CASE("a Redis URL names where, who and which database", "[redis]") {
    auto const all = read_redis_url("rediss://us%40er:p%3Aw@[::1]:7000/3").value();
    CHECK(all.tls);
    CHECK(all.user == "us@er");
    CHECK(all.password.expose() == "p:w");
    CHECK(all.host == "::1");
    CHECK(all.port == "7000");
    CHECK(all.database == "3");
    auto const least = read_redis_url("redis://cache").value();
    CHECK(least.port == "6379");
    CHECK(least.database == "0");
    CHECK(least.user.empty());
    CHECK(read_redis_url("redis://:secret@cache/").value().password.expose() == "secret");
}

TEST_CASE("a Redis URL that can't be read is not repeated", "[redis]") {
    auto const url = GENERATE("http://hush@cache", "redis://", "redis://hush@:1", "redis://:hu%zzsh@cache",
                              "redis://:hush@cache:port", "redis://:hush@cache/name", "redis://:hush@cache:70000");
    auto const read = read_redis_url(url);
    REQUIRE_FALSE(read);
    CHECK(read.error().find("hu") == std::string::npos);
}

}  // namespace
}  // namespace sluice::store
