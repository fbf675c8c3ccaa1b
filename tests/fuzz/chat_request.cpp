// A request body, and what becomes of it for an upstream: whatever is accepted is JSON for another parser as well, with
// the same facts in it, and its edits change what they should and nothing else.
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/splice.hpp"
#include "providers/openai/encode.hpp"
#include "server/api/chat_request_reader.hpp"
#include "tests/fuzz/cuts.hpp"

namespace {

using namespace sluice;
using Json = nlohmann::ordered_json;

constexpr ChatLimits limits{.max_choices = 16, .max_output_tokens = 1000};

enum class StreamUsage : bool { as_asked, always };

std::string edited(ChatRequest const& request, std::string_view target, StreamUsage usage) {
    ProviderSettings provider;
    provider.include_usage = usage == StreamUsage::always;
    auto const encoded = openai::encode(request, {.provider = provider, .model = target});
    fuzz::require(encoded.has_value(), "without rules nothing is refused");
    std::string out;
    for (auto const piece : spliced(request.body, encoded->edits)) out += piece;
    fuzz::require(out.size() == spliced_size(request.body, encoded->edits), "the size of the edited body is known");
    return out;
}

void check_facts(ChatRequest const& request, Json const& body) {
    fuzz::require(body.is_object(), "a request is an object");
    fuzz::require(body.at("model") == request.requested_model, "the model is the one that another parser reads");
    fuzz::require(body.value("stream", Json()) == Json(true) == request.stream, "stream is read alike");
    fuzz::require(body.at("messages").is_array() && !body.at("messages").empty(), "there are messages");
    if (auto const n = body.find("n"); n != body.end() && !n->is_null()) {
        fuzz::require(*n == request.choices && request.choices <= limits.max_choices, "n is read alike");
    }
    auto const model = request.body.substr(request.model_value.offset, request.model_value.length);
    fuzz::require(Json::parse(model) == request.requested_model, "the model stands where it was found");
}

void check_edits(ChatRequest const& request, Json const& body) {
    auto after = Json::parse(edited(request, "other/model", StreamUsage::always), nullptr, false);
    fuzz::require(after.is_object(), "the edited body is JSON");
    fuzz::require(after.at("model") == "other/model", "the edited body has the target's model");
    if (request.stream) {
        fuzz::require(after.at("stream_options").at("include_usage") == true, "a stream asks for usage");
    }
    bool chooses = false;
    for (auto const* const choosing : {"models", "provider", "route"}) {
        fuzz::require(!after.contains(choosing), "what chooses targets is for routers alone");
        if (!body.contains(choosing)) continue;
        after[choosing] = body.at(choosing);
        chooses = true;
    }
    // Undone by hand it is the client's body again.
    after["model"] = body.at("model");
    if (request.stream && !body.contains("stream_options")) {
        after.erase("stream_options");
    } else if (request.stream && !body.at("stream_options").is_object()) {
        after["stream_options"] = body.at("stream_options");
    } else if (request.stream && !body.at("stream_options").contains("include_usage")) {
        after["stream_options"].erase("include_usage");
    } else if (request.stream) {
        after["stream_options"]["include_usage"] = body.at("stream_options").at("include_usage");
    }
    fuzz::require(nlohmann::json(after) == nlohmann::json(body), "nothing else has changed");
    auto const same = edited(request, request.requested_model, StreamUsage::as_asked);
    fuzz::require(chooses || same == request.body, "without a reason nothing is edited");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    std::string const body(reinterpret_cast<char const*>(bytes), size);
    auto const request = read_chat_request(body, limits);
    if (!request) {
        auto const text = to_error_body(request.error());
        fuzz::require(Json::accept(text) && text.find('\n') == std::string::npos, "a refusal is one line of JSON");
        return 0;
    }
    auto const parsed = Json::parse(body, nullptr, false);
    fuzz::require(!parsed.is_discarded(), "what we accept is JSON");
    check_facts(*request, parsed);
    check_edits(*request, parsed);
    return 0;
}
