#include "server/cli/gateway_commands.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/stream/sse_parser.hpp"
#include "server/cli/exit_code.hpp"
#include "server/cli/http_client.hpp"

namespace sluice::cli {
namespace {

using Json = nlohmann::json;

int exit_code_for(int status) {
    if (status == 401 || status == 403) return exit_refused;
    return status < 400 ? exit_ok : exit_failed;
}

int unreachable(GatewayAddress const& gateway, Error const& error) {
    fmt::print(stderr, "sluice: no gateway at {}: {}\n", gateway.base_url, error.detail);
    return exit_unavailable;
}

std::string error_message(std::string const& body) {
    auto const json = Json::parse(body, nullptr, false);
    if (!json.is_object() || !json.contains("error")) return body;
    auto const& error = json["error"];
    return error.is_object() ? error.value("message", body) : error.dump();
}

/// Reads the events of one answer and prints them as they come.
class Transcript {
public:
    explicit Transcript(ChatOptions const& options) : options_(options) {}

    void event(std::string_view data) {
        if (options_.json) fmt::print("{}\n", data);
        if (data == "[DONE]") {
            done_ = true;
            return;
        }
        auto const json = Json::parse(data, nullptr, false);
        if (!json.is_object()) return;
        if (json.contains("error")) failure_ = error_message(std::string(data));
        if (json.contains("usage") && json["usage"].is_object()) usage_ = json["usage"];
        if (!json.contains("choices") || json["choices"].empty()) return;
        auto const& delta = json["choices"][0].value("delta", Json::object());
        auto const text = delta.contains("content") && delta["content"].is_string()
                              ? delta["content"].get<std::string>()
                              : std::string();
        if (text.empty()) return;
        if (!first_token_) first_token_ = std::chrono::steady_clock::now() - began_;
        if (!options_.json) fmt::print("{}", text);
        std::fflush(stdout);
    }

    int finish(ClientAnswer const& answer) const {
        if (!options_.json) fmt::print("\n");
        if (!failure_.empty()) fmt::print(stderr, "sluice: the stream broke off: {}\n", failure_);
        if (failure_.empty() && !done_) fmt::print(stderr, "sluice: the stream ended without its end marker\n");
        if (!options_.quiet) print_facts(answer);
        return failure_.empty() && done_ ? exit_ok : exit_failed;
    }

private:
    void print_facts(ClientAnswer const& answer) const {
        auto const header = [&answer](char const* name) {
            auto const found = answer.headers.find(name);
            return found == answer.headers.end() ? std::string("-") : found->second;
        };
        using Milliseconds = std::chrono::duration<double, std::milli>;
        auto const total = Milliseconds(std::chrono::steady_clock::now() - began_).count();
        fmt::print(stderr, "{}/{}  attempts {}  first token {:.0f} ms  total {:.0f} ms", header("x-sluice-provider"),
                   header("x-sluice-model"), header("x-sluice-attempts"),
                   Milliseconds(first_token_.value_or(std::chrono::seconds(0))).count(), total);
        if (usage_.is_object()) {
            fmt::print(stderr, "  tokens {} in, {} out", usage_.value("prompt_tokens", 0),
                       usage_.value("completion_tokens", 0));
        }
        fmt::print(stderr, "  request {}\n", header("x-request-id"));
    }

    ChatOptions const& options_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::optional<std::chrono::steady_clock::duration> first_token_;
    Json usage_;
    std::string failure_;
    bool done_ = false;
};

ClientCall get(GatewayAddress const& gateway, std::string const& url) {
    return {.method = "GET", .url = url, .headers = {{"authorization", "Bearer " + gateway.api_key}}};
}

}  // namespace

int run_chat(ChatOptions const& options) {
    Json messages = Json::array();
    if (!options.system.empty()) messages.push_back({{"role", "system"}, {"content", options.system}});
    messages.push_back({{"role", "user"}, {"content", options.prompt}});
    Json const body = {{"model", options.model},
                       {"messages", messages},
                       {"stream", true},
                       {"stream_options", {{"include_usage", true}}}};
    ClientCall request = get(options.gateway, options.gateway.base_url + "/chat/completions");
    request.method = "POST";
    request.headers["content-type"] = "application/json";
    request.headers["accept"] = "text/event-stream";
    request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    request.timeout = std::chrono::seconds(600);

    Transcript transcript(options);
    SseParser parser;
    std::vector<SseEvent> events;
    std::string raw;
    auto const answer = call(request, [&](std::string_view piece) {
        raw.append(piece.substr(0, 64 * 1024 - std::min<std::size_t>(raw.size(), 64 * 1024)));
        events.clear();
        bool const fits = parser.feed(piece, events).has_value();
        for (auto const& event : events) transcript.event(event.data);
        if (!fits) transcript.event(R"({"error":{"message":"an event of the stream is too large"}})");
    });
    if (!answer) return unreachable(options.gateway, answer.error());
    if (answer->status != 200) {
        fmt::print(stderr, "sluice: {} {}\n", answer->status, error_message(raw));
        return exit_code_for(answer->status);
    }
    return transcript.finish(*answer);
}

int run_health(HealthOptions const& options) {
    auto request = get(options.gateway, options.gateway.admin_url + (options.ready ? "/readyz" : "/healthz"));
    request.timeout = std::chrono::seconds(5);
    std::string text;
    auto const answer = call(request, [&text](std::string_view piece) { text += piece; });
    if (!answer) {
        fmt::print(stderr, "sluice: {}\n", answer.error().detail);
        return exit_unavailable;
    }
    fmt::print("{}", text);
    return answer->status == 200 ? exit_ok : exit_failed;
}

int run_models(ModelsOptions const& options) {
    std::string text;
    auto const answer = call(get(options.gateway, options.gateway.base_url + "/models"),
                             [&text](std::string_view piece) { text += piece; });
    if (!answer) return unreachable(options.gateway, answer.error());
    if (answer->status != 200) {
        fmt::print(stderr, "sluice: {} {}\n", answer->status, error_message(text));
        return exit_code_for(answer->status);
    }
    if (options.json) {
        fmt::print("{}\n", text);
        return exit_ok;
    }
    auto const json = Json::parse(text, nullptr, false);
    for (auto const& model : json.value("data", Json::array())) {
        fmt::print("{}\n", model.value("id", ""));
    }
    return exit_ok;
}

}  // namespace sluice::cli
