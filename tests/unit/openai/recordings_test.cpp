#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/types/chat_request.hpp"
#include "providers/openai/stream_decoder.hpp"

// tests/fixtures/sse/<provider>/<case>/: what an upstream sends (upstream.sse), what its client gets without and with
// stream_options.include_usage (client.sse, client_with_usage.sse), and what the decoder says of it (facts.txt). Where
// thoughts stand between marks in the text, tags.txt has those: a line for each, and perhaps one that says starts_open.
// Written by hand after the documented shapes; providers/openai/README.md has the sources.

using namespace sluice;
namespace fs = std::filesystem;

namespace {

std::string read(fs::path const& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> recordings() {
    std::vector<fs::path> found;
    for (auto const& entry : fs::recursive_directory_iterator(fs::path(SLUICE_SOURCE_DIR) / "tests/fixtures/sse")) {
        if (entry.path().filename() == "upstream.sse") found.push_back(entry.path().parent_path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

/// Those of a recording, or none.
std::unique_ptr<ReasoningTags> tags_of(fs::path const& directory) {
    std::ifstream file(directory / "tags.txt");
    if (!file) return nullptr;
    auto tags = std::make_unique<ReasoningTags>();
    std::string rest;
    std::getline(file, tags->open);
    std::getline(file, tags->close);
    tags->starts_open = std::getline(file, rest) && rest == "starts_open";
    return tags;
}

struct Decoded {
    std::string client;
    StreamStep last;
    std::unique_ptr<StreamDecoder> decoder;
};

ChatRequest request_for(fs::path const& directory, bool include_usage) {
    ChatRequest request;
    request.stream = true;
    request.include_usage = include_usage;
    request.prompt_bytes = 100;
    if (auto const choices = read(directory / "choices.txt"); !choices.empty()) request.choices = std::stoi(choices);
    return request;
}

void take(StreamStep const& step, Decoded& decoded) {
    for (auto const bytes : step.relay) decoded.client += bytes;
}

/// `pieces` one after the other, each in memory of its own.
Decoded decode(std::vector<std::string_view> const& pieces, ChatRequest const& request, ReasoningTags const* tags) {
    Decoded decoded{.client = {}, .last = {}, .decoder = openai::make_stream_decoder(request, 1024 * 1024, tags)};
    for (auto const piece : pieces) {
        std::string const padded = std::string(piece) + std::string(64, '#');
        decoded.decoder->feed({padded.data(), piece.size()}, decoded.last);
        take(decoded.last, decoded);
        if (decoded.last.ended || decoded.last.error) return decoded;
    }
    decoded.decoder->finish(decoded.last);
    take(decoded.last, decoded);
    return decoded;
}

std::vector<std::string_view> in_pieces(std::string_view stream, std::size_t size) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < stream.size(); at += size) pieces.push_back(stream.substr(at, size));
    return pieces;
}

std::string text_of(Usage const& usage) {
    auto const number = [](char const* name, std::int64_t value) { return std::string(name) + std::to_string(value); };
    return std::string(to_string(usage.source)) + number(" input=", usage.input) + number(" output=", usage.output) +
           number(" cached_input=", usage.cached_input) + number(" cache_write=", usage.cache_write) +
           number(" reasoning=", usage.reasoning);
}

std::string name_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::upstream_rejected:
            return "upstream_rejected";
        case ErrorKind::upstream_rate_limited:
            return "upstream_rate_limited";
        case ErrorKind::upstream_server_error:
            return "upstream_server_error";
        default:
            return std::string(describe(kind).code);
    }
}

/// The decoder's word on one line of facts.txt.
std::string fact(std::string const& name, Decoded const& decoded) {
    if (name == "ended") return decoded.last.ended ? "yes" : "no";
    if (name == "error") return decoded.last.error ? name_of(decoded.last.error->kind) : "none";
    if (name == "committed") return decoded.last.committed ? "yes" : "no";
    if (name == "model") return std::string(decoded.decoder->reported_model());
    if (name == "finish_reason") return std::string(decoded.decoder->finish_reason());
    if (name == "deltas") return std::to_string(decoded.decoder->delta_count());
    if (name == "usage") return text_of(decoded.decoder->usage());
    if (name == "cost") {
        auto const cost = decoded.decoder->usage().reported_cost;
        return cost ? std::to_string(cost->count) : "not said";
    }
    return "no such fact";
}

}  // namespace

TEST_CASE("a recorded upstream stream reaches the client as its golden transcript", "[sse][golden]") {
    auto const directory = GENERATE(from_range(recordings()));
    auto const piece = GENERATE(std::size_t{1}, 7, 4096);
    auto const upstream = read(directory / "upstream.sse");
    auto const tags = tags_of(directory);
    CAPTURE(directory.string(), piece);
    auto const decoded = decode(in_pieces(upstream, piece), request_for(directory, false), tags.get());
    CHECK(decoded.client == read(directory / "client.sse"));
    auto const with_usage = directory / "client_with_usage.sse";
    if (!fs::exists(with_usage)) return;
    auto const asked = decode(in_pieces(upstream, piece), request_for(directory, true), tags.get());
    CHECK(asked.client == read(with_usage));
}

TEST_CASE("a recorded upstream stream reaches the client whole when cut at any byte", "[sse][golden]") {
    auto const directory = GENERATE(from_range(recordings()));
    std::string const upstream = read(directory / "upstream.sse");
    auto const golden = read(directory / "client.sse");
    auto const tags = tags_of(directory);
    auto const request = request_for(directory, false);
    CAPTURE(directory.string());
    for (std::size_t cut = 0; cut <= upstream.size(); ++cut) {
        auto const whole = std::string_view(upstream);
        auto const client = decode({whole.substr(0, cut), whole.substr(cut)}, request, tags.get()).client;
        if (client == golden) continue;
        CAPTURE(cut);
        CHECK(client == golden);
    }
}

TEST_CASE("the decoder says of a recorded stream what its facts say", "[sse][golden]") {
    auto const directory = GENERATE(from_range(recordings()));
    auto const tags = tags_of(directory);
    auto const upstream = read(directory / "upstream.sse");
    auto const decoded = decode(in_pieces(upstream, 64), request_for(directory, false), tags.get());
    CAPTURE(directory.string());
    std::ifstream facts(directory / "facts.txt");
    int lines = 0;
    for (std::string line; std::getline(facts, line); ++lines) {
        auto const colon = line.find(": ");
        CAPTURE(line);
        REQUIRE(colon != std::string::npos);
        CHECK(fact(line.substr(0, colon), decoded) == line.substr(colon + 2));
    }
    CHECK(lines >= 3);
    CHECK(decoded.last.ended != decoded.last.error.has_value());
}
