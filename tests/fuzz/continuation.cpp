// A stream that breaks off and another target's stream that goes on with it, both of them anything: before the byte FF
// stands the first, behind it the second. What the client gets is one clean stream, whatever the cuts, and the text of
// a target that goes on faithfully is neither shortened nor doubled.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/types/error.hpp"
#include "core/types/settings.hpp"
#include "providers/openai/continued_decoder.hpp"
#include "providers/openai/encode.hpp"
#include "providers/openai/seam.hpp"
#include "providers/openai/stream_decoder.hpp"
#include "server/api/chat_request_reader.hpp"
#include "tests/fuzz/cuts.hpp"

namespace {

using namespace sluice;

struct Leg {
    std::string client;
    StreamStep last;
    std::unique_ptr<StreamDecoder> decoder;
};

void run(Leg& leg, std::string_view stream, fuzz::Cuts* cuts) {
    while (!stream.empty() && !leg.last.ended && !leg.last.error) {
        std::string piece(stream.substr(0, cuts == nullptr ? stream.size() : cuts->piece(stream.size())));
        stream.remove_prefix(piece.size());
        auto const size = piece.size();
        piece += std::string(64, '#');
        leg.decoder->feed({piece.data(), size}, leg.last);
        for (auto const bytes : leg.last.relay) leg.client += bytes;
    }
    fuzz::require(!leg.last.ended || !leg.last.error, "a stream ends well or with an error");
}

void end(Leg& leg) {
    if (leg.last.ended || leg.last.error) return;
    leg.decoder->finish(leg.last);
    for (auto const bytes : leg.last.relay) leg.client += bytes;
    fuzz::require(leg.last.ended != leg.last.error.has_value(), "the end is good or an error");
}

/// The chunks of a continued stream are all ours: one line each.
void check_clean(Leg const& leg) {
    std::string_view rest = leg.client;
    bool done = false;
    while (!rest.empty()) {
        auto const end = rest.find("\n\n");
        fuzz::require(rest.starts_with("data: ") && end != std::string_view::npos, "every event is one line of data");
        auto const data = rest.substr(6, end - 6);
        rest.remove_prefix(end + 2);
        fuzz::require(!done, "nothing follows the end marker");
        done = data == "[DONE]";
        // nlohmann refuses half of a surrogate pair, which a stream may have cut.
        if (done || data.find("\\u") != std::string_view::npos) continue;
        auto const chunk = nlohmann::json::parse(data, nullptr, false);
        fuzz::require(chunk.is_object() && chunk["id"].is_string(), "every event is a chunk");
        for (auto const& choice : chunk["choices"]) {
            fuzz::require(choice["index"] == 0 && choice["delta"].size() <= 1, "a chunk has text, or nothing");
        }
    }
    fuzz::require(done == leg.last.ended, "the end marker is there only if the upstream finished");
}

Leg continued(std::string_view stream, ChatRequest const& request, Continuation const& from, fuzz::Cuts* cuts) {
    Leg leg{.client = {}, .last = {}, .decoder = openai::make_continued_decoder(request, 64 * 1024, nullptr, from)};
    run(leg, stream, cuts);
    return leg;
}

void check_body(ChatRequest const& request, Continuation const& from) {
    ProviderSettings provider;
    provider.continue_message_members = {{"prefix", "true"}};
    auto const encoded = openai::encode(request, {.provider = provider, .model = "m", .continuation = &from});
    fuzz::require(encoded.has_value(), "what is kept can be asked for");
    std::string body;
    for (auto const piece : spliced(request.body, encoded->edits)) body += piece;
    auto const sent = nlohmann::json::parse(body, nullptr, false);
    fuzz::require(sent.is_object() && sent["messages"].back()["content"] == from.text, "the text is what was kept");
}

/// What was joined begins with what it was joined to, and loses nothing but a repetition of it.
void check_seam(std::string_view text, std::string_view more) {
    openai::Seam seam(text);
    if (seam.feed(more) == openai::Seam::State::open) seam.finish();
    if (seam.state() == openai::Seam::State::doubtful) return;
    auto const rest = seam.rest();
    fuzz::require(more.ends_with(rest), "nothing is made up");
    fuzz::require(text.ends_with(more.substr(0, more.size() - rest.size())), "what is dropped is the text's end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    std::string_view const input(reinterpret_cast<char const*>(bytes), size);
    auto const split = std::min(input.find('\xFF'), input.size());
    auto const first = input.substr(0, split);
    auto const second = split < input.size() ? input.substr(split + 1) : std::string_view();
    if (!first.empty()) check_seam(first, second);

    static std::string const body =
        R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})" + std::string(64, ' ');
    static auto request = *read_chat_request(body, {});
    request.include_usage = size % 2 == 0;
    Leg begun{.client = {},
              .last = {},
              .decoder = openai::make_stream_decoder(request, 64 * 1024, nullptr, {.keep_text = true})};
    run(begun, first, nullptr);
    auto const from = begun.decoder->continuation();
    if (!from) return 0;
    fuzz::require(!from->text.empty() && !begun.last.ended, "an answer that ended is not continued");
    check_body(request, *from);

    fuzz::Cuts cuts(input);
    auto whole = continued(second, request, *from, nullptr);
    auto pieces = continued(second, request, *from, &cuts);
    auto next = whole.decoder->continuation();
    auto other = pieces.decoder->continuation();
    // Behind an error the decoder may have counted what came in the same piece.
    if (next && other && whole.last.error) next->usage = other->usage;
    fuzz::require(next == other, "cuts do not change what is kept");
    if (next) fuzz::require(next->text.starts_with(from->text), "a text only grows");
    end(whole);
    end(pieces);
    check_clean(whole);
    fuzz::require(whole.last.ended == pieces.last.ended, "cuts do not change the end");
    // Where text of several events is settled at once, cuts decide how many chunks it comes in.
    if (request.include_usage || whole.last.error) return 0;
    fuzz::require(whole.client == pieces.client, "cuts do not change the client's bytes");
    return 0;
}
