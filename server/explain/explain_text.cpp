#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "core/pipeline/answer_headers.hpp"
#include "server/explain/explain.hpp"

namespace sluice::explain {
namespace {

using Json = nlohmann::ordered_json;

class Text {
public:
    Text(Json const& json, Colour colour) : json_(json), colour_(colour) {}

    std::string all() {
        head();
        request();
        order();
        excluded();
        affinity();
        limits();
        return std::move(out_);
    }

private:
    template <class... Values>
    void add(fmt::format_string<Values...> format, Values&&... values) {
        fmt::format_to(std::back_inserter(out_), format, std::forward<Values>(values)...);
    }
    std::string bold(std::string const& text) const { return painted("1", text); }
    std::string painted(char const* code, std::string const& text) const {
        return colour_ == Colour::ansi ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
    }
    static std::string joined(Json const& list) {
        std::string text;
        for (auto const& one : list) text += (text.empty() ? "" : ", ") + one.get<std::string>();
        return text;
    }

    void head();
    void request();
    void classifier(Json const& asked);
    void order();
    void excluded();
    void affinity();
    void limits();
    static std::string limit(Json const& limit);
    static std::string at_most(Json const& call);
    static std::string figures(Json const& figures);

    Json const& json_;
    Colour colour_;
    std::string out_;
};

void Text::head() {
    auto const model = json_.value("model", "");
    add("model     {}", bold(model));
    if (auto const asked = json_.value("requested_model", ""); asked != model) add("  (asked for as {})", asked);
    if (json_.contains("rule")) {
        add("  by rule {} of {}", json_["rule"].value("number", 0), json_["rule"].value("of", ""));
    }
    add("\npolicy    {}\n", json_.value("policy", ""));
    add("key       {}\n", json_.value("key", "(none: may do everything)"));
    add("seed      {}\n", json_.value("seed", std::uint64_t{0}));
}

void Text::request() {
    auto const& facts = json_["facts"];
    add("request   about {} tokens in", facts.value("input_tokens", std::int64_t{0}));
    if (facts.contains("output_tokens")) add(", at most {} out", facts.value("output_tokens", std::int64_t{0}));
    add(", {}, complexity {}", facts.value("stream", false) ? "streamed" : "not streamed",
        facts.value("complexity", 0));
    if (!facts["needs"].empty()) add(", needs {}", joined(facts["needs"]));
    out_ += '\n';
    if (json_.contains("classifier")) classifier(json_["classifier"]);
    for (auto const& [name, title] :
         {std::pair("steering", "client"), {"key_filter", "key"}, {"model_filter", "model"}}) {
        if (json_.contains(name)) add("{:<10}{}\n", std::string(title) + ":", json_[name].dump());
    }
    if (json_.value("steering_ignored", false)) out_ += "client:   says more about the choice than its key may\n";
}

void Text::classifier(Json const& asked) {
    auto const target = asked.value("target", "");
    if (asked.value("complexity_from", "facts") == "session") {
        add("classifier {} said this complexity of the session's first request\n", target);
    } else if (asked.value("asked_when_served", false)) {
        add("classifier {} is asked when this is served; it can't be here, so facts decide\n", target);
    } else {
        add("classifier {} is not asked about this request: facts decide\n", target);
    }
}

/// "$0.000012  first token 240/600 ms  failed 1 of 300 ..."
std::string Text::figures(Json const& figures) {
    std::string text;
    auto const add = [&text](std::string const& one) { text += (text.empty() ? "" : "  ") + one; };
    if (figures.contains("expected_cost_usd")) add("$" + figures.value("expected_cost_usd", ""));
    for (auto const& [name, title] : {std::pair("first_token_ms", "first token"), {"answer_ms", "answer"}}) {
        if (!figures.contains(name)) continue;
        auto const& times = figures[name];
        add(fmt::format("{} {:.0f} ms (p95 {:.0f})", title, times.value("p50", 0.0), times.value("p95", 0.0)));
    }
    if (figures.contains("tokens_per_second")) add(fmt::format("{} tokens/s", figures.value("tokens_per_second", 0)));
    if (figures.contains("requests")) {
        add(fmt::format("failed {} of {}", figures.value("failures", 0), figures.value("requests", 0)));
    }
    if (figures.contains("headroom_percent"))
        add(fmt::format("headroom {:.1f} %", figures.value("headroom_percent", 0.0)));
    if (auto const busy = figures.value("in_flight", 0); busy > 0) add(fmt::format("{} in flight", busy));
    if (auto const breaker = figures.value("breaker", "closed"); breaker != "closed") add("breaker " + breaker);
    return text.empty() ? "nothing measured yet" : text;
}

void Text::order() {
    out_ += bold("\norder\n");
    int place = 0;
    for (auto const& target : json_["order"]) {
        auto const name = fmt::format("{:<36}", target.value("target", ""));
        add("{:>3}  {} {}  (score {})\n", ++place, painted("32", name), target.value("reason", ""),
            target.value("score", std::int64_t{0}));
        add("     {}\n", figures(target["figures"]));
        if (target.contains("at_most")) add("     {}\n", at_most(target["at_most"]));
    }
    if (place > 0) return;
    auto const& error = json_["error"];
    auto const message = error.value("message", "");
    add("  no target: {}{}\n", error.value("code", ""), message.empty() ? "" : ": " + message);
}

void Text::excluded() {
    if (json_["excluded"].empty()) return;
    out_ += bold("\nexcluded\n");
    for (auto const& target : json_["excluded"]) {
        auto const name = fmt::format("{:<36}", target.value("target", ""));
        add("  -  {} {}\n", painted("31", name), target.value("why", ""));
    }
}

void Text::affinity() {
    auto const& affinity = json_["affinity"];
    if (json_.value("panic", false)) out_ += "\nall breakers are open: one target is tried all the same\n";
    if (!affinity.value("session", false)) return;
    if (!affinity.contains("bound_to")) {
        out_ += "\nsession: not seen lately, goes where the order says\n";
        return;
    }
    add("\nsession: was at {}, about {} tokens in its cache{}\n", affinity.value("bound_to", ""),
        affinity.value("cached_tokens", std::int64_t{0}), affinity.value("moved", false) ? "; put in front" : "");
}

/// "at most $0.0134 (300 tokens in, 100 out)", and what limits say to that.
std::string Text::at_most(Json const& call) {
    auto const cost = call.contains("cost_usd") ? "$" + call.value("cost_usd", "") : std::string("an unknown price");
    auto text = fmt::format("at most {} ({} tokens in, {} out)", cost, call.value("input_tokens", std::int64_t{0}),
                            call.value("output_tokens", std::int64_t{0}));
    if (call.contains("bounded_to")) text += ", bounded to what the budget has left";
    if (call.value("metered", false)) text += ", more as it streams";
    if (call.contains("error")) text += ": " + call["error"].value("message", "");
    if (call.value("needs_lease", false)) text += ", if the other replicas leave so much";
    return text;
}

/// "5 USD per day: 1.25 used, 0.5 reserved, 3.25 left until 2026-11-27T00:00:00Z"
std::string Text::limit(Json const& limit) {
    bool const is_money = limit.value("of", "") == "money";
    auto const amount = [&limit, is_money](char const* name) {
        auto const count = limit.value(name, std::int64_t{0});
        return is_money ? to_usd(NanoUsd{count}) : std::to_string(count);
    };
    auto const name = limit.contains("key") ? limit.value("key", "") : limit.value("name", "");
    auto text = fmt::format("{} {:<24} {}: {} used, {} reserved, {} left", limit.value("kind", ""), name,
                            limit.value("text", ""), amount("settled"), amount("reserved"), amount("room"));
    if (limit.contains("resets_at")) text += ", anew " + limit.value("resets_at", "");
    return text;
}

void Text::limits() {
    if (!json_.contains("admission")) return;
    out_ += bold("\nlimits\n");
    if (json_["limits"].empty()) out_ += "  none that concern this request\n";
    for (auto const& each : json_["limits"]) add("  {}\n", limit(each));
    auto const& admission = json_["admission"];
    auto const counts = fmt::format("one request, {} tokens", admission.value("tokens", std::int64_t{0}));
    if (admission.value("admitted", false)) {
        add("  {}: {}\n", painted("32", "admitted"), counts);
    } else if (admission.contains("error")) {
        auto const& error = admission["error"];
        add("  {}: {}: {}\n", painted("31", "refused"), error.value("code", ""), error.value("message", ""));
    } else {
        add("  {}, if the other replicas leave so much\n", counts);
    }
}

}  // namespace

std::string to_text(std::string_view json, Colour colour) {
    auto const root = Json::parse(json, nullptr, false);
    if (!root.is_object() || !root.contains("order")) return {};
    return Text(root, colour).all();
}

}  // namespace sluice::explain
