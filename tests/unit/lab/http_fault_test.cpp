#include <catch2/catch.hpp>

#include "support.hpp"

using namespace sluice::lab;
using namespace std::chrono_literals;

namespace {

bool has(std::string const& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("each malformed answer has its fault in its bytes", "[lab][http]") {
    auto [fault, part] = GENERATE(table<char const*, std::string>({
        {"length_and_chunked", "transfer-encoding: chunked\r\ncontent-length: "},
        {"bad_chunk_size", "\r\n\r\nzz\r\n"},
        {"huge_chunk_size", "\r\nffffffffffffffff1\r\n"},
        {"negative_length", "content-length: -5\r\n"},
        {"nul_in_header", std::string("a\0b", 3)},
        {"folded_header", "x-lab: a\r\n folded\r\n"},
        {"space_before_colon", "x-lab : a\r\n"},
        {"no_colon", "\r\nx-lab\r\n"},
        {"many_headers", "x-lab-2999: 2999\r\n"},
        {"bad_status_line", "HTTP/1.1 two hundred\r\n"},
        {"bad_version", "HTTP/9.9 200"},
        {"switching_protocols", "HTTP/1.1 101 "},
        {"extra_bytes", "left over"},
        {"extra_answer", "\"stolen\""},
        {"gzip", "content-encoding: gzip\r\n"},
        {"two_codings", "transfer-encoding: gzip, chunked\r\n"},
    }));
    CAPTURE(fault);
    CHECK(has(answer_to("{}", std::string(R"({"http_fault":")") + fault + "\"}").bytes, part));
    CHECK_FALSE(has(answer_to("{}", "{}").bytes, part));
}

TEST_CASE("two lengths disagree", "[lab][http]") {
    auto head = head_of(answer_to("{}", R"({"http_fault":"two_lengths","body":"12345"})"));
    CHECK(has(head, "content-length: 5\r\ncontent-length: 6\r\n"));
}

TEST_CASE("a huge header is larger than 64 KiB", "[lab][http]") {
    CHECK(head_of(answer_to("{}", R"({"http_fault":"huge_header"})")).size() > 65536);
}

TEST_CASE("a cut in the header ends before the header does", "[lab][http]") {
    auto answer = answer_to("{}", R"({"http_fault":"cut_in_header"})");
    CHECK_FALSE(has(answer.bytes, "\r\n\r\n"));
    CHECK(answer.end == End::cut);
}

TEST_CASE("a cut body has exactly the bytes it was allowed", "[lab][http]") {
    auto [options, end] =
        GENERATE(table<char const*, End>({{R"({"cut_at":100})", End::cut}, {R"({"reset_at":100})", End::reset}}));
    auto answer = answer_to("{}", options);
    CHECK(answer.bytes.size() - head_of(answer).size() == 100);
    CHECK(answer.end == end);
}

TEST_CASE("a cut stream promises the whole chunk it breaks off in", "[lab][http]") {
    auto whole = body_of(answer_to(R"({"stream":true})", "{}"));
    auto answer = answer_to(R"({"stream":true})", R"({"cut_at":10})");
    auto rest = answer.bytes.substr(head_of(answer).size());
    auto line = rest.find("\r\n");
    CHECK(rest.substr(line + 2) == whole.substr(0, 10));
    CHECK(std::stoul(rest, nullptr, 16) == whole.find("\n\n") + 2);
}

TEST_CASE("a stream cut between two events has no last chunk", "[lab][http]") {
    auto answer = answer_to(R"({"stream":true})", R"({"cut_after_events":2})");
    CHECK(data_of(answer.bytes).size() == 2);
    CHECK_FALSE(answer.bytes.ends_with("0\r\n\r\n"));
    CHECK(answer.end == End::cut);
}

TEST_CASE("a stall pauses before the named event and delivers the rest", "[lab][http]") {
    auto answer = answer_to(R"({"stream":true})", R"({"stall_after_events":2,"stall":"3s"})");
    CHECK(answer.writes.at(3).wait == 3s);  // the head and two events come before
    CHECK(total_wait(answer) == 3s);
    CHECK(data_of(body_of(answer)).back() == "[DONE]");
}

TEST_CASE("interim answers come before the head", "[lab][http]") {
    auto bytes = answer_to("{}", R"({"interim":3,"interim_status":103})").bytes;
    std::size_t found = 0;
    for (std::size_t at = 0; (at = bytes.find("HTTP/1.1 103", at)) != std::string::npos; ++at) ++found;
    CHECK(found == 3);
    CHECK(has(bytes, "HTTP/1.1 200 OK"));
}

TEST_CASE("writes of one byte are one byte each", "[lab][http]") {
    for (auto const& write : answer_to("{}", R"({"write_size":1})").writes) CHECK(write.size == 1);
}

TEST_CASE("an HTTP/1.0 client gets no chunks", "[lab][http]") {
    Context old{.http_1_0 = true};
    auto answer = answer_to(R"({"stream":true})", "{}", old);
    CHECK_FALSE(has(head_of(answer), "chunked"));
    CHECK(answer.end == End::close);
}

TEST_CASE("a redirect names its destination and has no answer", "[lab][http]") {
    auto answer = answer_to("{}", R"({"redirect":"http://127.0.0.1:9/x"})");
    CHECK(answer.status == 307);
    CHECK(has(head_of(answer), "location: http://127.0.0.1:9/x\r\n"));
}

TEST_CASE("raw bytes are all that is sent", "[lab][http]") {
    CHECK(answer_to("{}", R"({"raw":"SSH-2.0-lab\r\n"})").bytes == "SSH-2.0-lab\r\n");
}

TEST_CASE("a whole answer that is to break after an event breaks in its middle", "[lab][http]") {
    auto answer = answer_to("{}", R"({"reset_after_events":6,"body":"0123456789"})");
    CHECK(answer.bytes.ends_with("\r\n\r\n01234"));
    CHECK(answer.end == End::reset);
}

TEST_CASE("a whole answer leaves in one write, a stream event by event", "[lab][http]") {
    CHECK(answer_to("{}", "{}").writes.size() == 1);
    CHECK(answer_to(R"({"stream":true})", R"({"tokens":10})").writes.size() ==
          14);  // head, role, words, finish, [DONE]
}
