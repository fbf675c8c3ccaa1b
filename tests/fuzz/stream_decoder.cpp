// An upstream's stream, cut anywhere: the client gets the same bytes, and what it gets is a clean stream, whole only if
// the upstream finished.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/types/chat_request.hpp"
#include "providers/openai/stream_decoder.hpp"
#include "tests/fuzz/cuts.hpp"

namespace {

using namespace sluice;

struct Decoded {
    std::string client;
    std::string facts;
    bool ended = false;
    bool failed = false;
};

void finish(Decoded& decoded, StreamDecoder const& decoder, StreamStep const& step) {
    auto const usage = decoder.usage();
    decoded.ended = step.ended;
    decoded.failed = step.error.has_value();
    decoded.facts = std::to_string(usage.input) + "/" + std::to_string(usage.output) + "/" +
                    std::to_string(usage.cached_input) + "/" + std::to_string(decoder.delta_count()) + "/" +
                    std::string(decoder.reported_model()) + "/" + std::string(decoder.finish_reason()) +
                    (step.error ? to_error_body(*step.error) + step.error->detail.str() : "");
    fuzz::require(decoded.ended != decoded.failed, "a stream ends well or with an error, never both, never neither");
    fuzz::require(!decoded.ended || step.committed, "what ended has committed");
}

Decoded decode(std::string_view stream, ChatRequest const& request, ReasoningTags const* tags, fuzz::Cuts* cuts) {
    auto const decoder = openai::make_stream_decoder(request, 64 * 1024, tags);
    Decoded decoded;
    StreamStep step;
    auto const take = [&decoded, &step] {
        for (auto const bytes : step.relay) decoded.client += bytes;
        return step.ended || step.error;
    };
    while (!stream.empty()) {
        std::string const piece(stream.substr(0, cuts == nullptr ? stream.size() : cuts->piece(stream.size())));
        stream.remove_prefix(piece.size());
        decoder->feed(piece, step);
        if (!take()) continue;
        finish(decoded, *decoder, step);
        return decoded;
    }
    decoder->finish(step);
    take();
    finish(decoded, *decoder, step);
    return decoded;
}

/// Only `data:` lines, each event an object without an error or a usage that nobody asked for.
void check_clean(Decoded const& decoded, bool usage_asked) {
    std::string_view rest = decoded.client;
    fuzz::require(rest.find('\r') == std::string_view::npos, "no carriage return reaches the client");
    bool done = false;
    int usages = 0;
    std::string data;
    while (!rest.empty()) {
        auto const end = rest.find('\n');
        fuzz::require(end != std::string_view::npos, "every line is ended");
        auto const line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (!line.empty()) {
            fuzz::require(line.starts_with("data:") || line == "data", "every line is data");
            data += std::string(line.substr(line.starts_with("data: ") ? 6 : line.size() < 5 ? 4 : 5)) + "\n";
            continue;
        }
        fuzz::require(!done, "nothing follows the end marker");
        done = data == "[DONE]\n";
        auto const chunk = nlohmann::json::parse(data, nullptr, false);
        // nlohmann refuses half of a surrogate pair, which a stream may have cut.
        bool const unreadable = !done && chunk.is_discarded() && data.find("\\u") != std::string::npos;
        if (unreadable) return;
        fuzz::require(done || chunk.is_object(), "every event is an object");
        if (chunk.is_object() && chunk.contains("usage") && !chunk["usage"].is_null()) ++usages;
        data.clear();
    }
    fuzz::require(data.empty(), "the last event is ended");
    fuzz::require(done == decoded.ended, "the end marker is there only if the upstream finished");
    fuzz::require(usages == (usage_asked && decoded.ended ? 1 : 0), "usage is shown once, to who asked");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    std::string_view const stream(reinterpret_cast<char const*>(bytes), size);
    ChatRequest request;
    request.stream = true;
    request.prompt_bytes = 10;
    ReasoningTags const tags{.models = {}, .open = "<think>", .close = "</think>", .starts_open = size % 2 == 0};
    for (bool const usage_asked : {false, true}) {
        request.include_usage = usage_asked;
        fuzz::Cuts cuts(stream);
        auto const* const marks = usage_asked ? &tags : nullptr;
        auto const whole = decode(stream, request, marks, nullptr);
        auto const pieces = decode(stream, request, marks, &cuts);
        fuzz::require(whole.client == pieces.client, "cuts do not change the client's bytes");
        fuzz::require(whole.facts == pieces.facts, "cuts do not change the facts");
        check_clean(whole, usage_asked);
    }
    return 0;
}
