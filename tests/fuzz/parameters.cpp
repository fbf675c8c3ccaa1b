// A request body under the rules of every shipped provider: what goes upstream is JSON, as large as announced, and
// differs from the client's only in members that a rule names. The first byte chooses the provider, the second the
// policy.
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "config/catalogue.hpp"
#include "core/types/splice.hpp"
#include "providers/openai/encode.hpp"
#include "server/api/chat_request_reader.hpp"
#include "tests/fuzz/cuts.hpp"

namespace {

using namespace sluice;
using Json = nlohmann::json;

/// The members at the top that rules may touch; and those that choose targets, which only routers are sent.
std::set<std::string> may_change_at(ProviderSettings const& provider) {
    std::set<std::string> names{"model",         "stream_options", "tools",       "tool_choice",
                                "function_call", "messages",       "top_logprobs"};
    if (!provider.is_router) names.insert({"models", "provider", "route"});
    for (auto const& rule : provider.parameters.all()) {
        names.insert(rule.field.substr(0, rule.field.find_first_of(".[")));
        if (!rule.to.empty()) names.insert(rule.to);
    }
    return names;
}

void check(ChatRequest const& request, TargetView const& target) {
    auto const encoded = openai::encode(request, target);
    if (!encoded) {
        fuzz::require(encoded.error().kind == ErrorKind::unsupported_parameter && !encoded.error().param.empty(),
                      "a refusal names its field");
        return;
    }
    std::string out;
    for (auto const piece : spliced(request.body, encoded->edits)) out += piece;
    fuzz::require(out.size() == spliced_size(request.body, encoded->edits), "the size of the edited body is known");
    auto const before = Json::parse(request.body, nullptr, false);
    auto const after = Json::parse(out, nullptr, false);
    fuzz::require(after.is_object(), "the edited body is JSON");
    fuzz::require(after.at("model") == target.model, "it has the target's model");
    fuzz::require(after.at("messages").is_array() && after.at("messages").size() >= before.at("messages").size(),
                  "no message is lost");
    auto const may_change = may_change_at(target.provider);
    for (auto const& [name, value] : before.items()) {
        if (may_change.contains(name)) continue;
        fuzz::require(after.contains(name) && after.at(name) == value, "what no rule names stays");
    }
    for (auto const& [name, value] : after.items()) {
        fuzz::require(before.contains(name) || may_change.contains(name), "nothing comes from nowhere");
    }
    if (target.unsupported != UnsupportedPolicy::reject) return;
    for (auto const& adjustment : encoded->adjustments) {
        fuzz::require(adjustment.severity == Severity::exact, "strict loses nothing");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    if (size < 2) return 0;
    auto const& profiles = config::profiles();
    auto const& profile = profiles[bytes[0] % profiles.size()];
    auto const policy = static_cast<UnsupportedPolicy>(bytes[1] % 3);
    std::string const body(reinterpret_cast<char const*>(bytes) + 2, size - 2);
    auto const request = read_chat_request(body, {});
    if (!request || Json::parse(body, nullptr, false).is_discarded()) return 0;
    check(*request, {.provider = profile.settings, .model = request->requested_model, .unsupported = policy});
    return 0;
}
