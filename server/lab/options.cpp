#include "server/lab/options.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string_view>

namespace sluice::lab {
namespace {

using nlohmann::json;
using Names = std::span<std::string_view const>;

// In the order of the enumerations.
constexpr std::array<std::string_view, 9> usage_names{"normal", "always", "missing", "duplicate", "every",
                                                      "finish", "choice", "null",    "groq"};
constexpr std::array<std::string_view, 3> line_end_names{"lf", "crlf", "cr"};
constexpr std::array<std::string_view, 4> framing_names{"automatic", "chunked", "length", "close"};
constexpr std::array<std::string_view, 19> shape_names{
    "openai",       "openrouter", "availability", "alibaba",       "moonshot", "flat",  "detail",
    "detail_array", "problem",    "array",        "code_and_text", "text",     "fault", "novita",
    "anthropic",    "message",    "nested",       "html",          "empty"};
constexpr std::array<std::string_view, 5> frame_names{"openrouter", "plain", "text", "ndjson", "event"};
constexpr std::array<std::string_view, 8> retry_names{"none", "seconds", "decimal", "date",
                                                      "ms",   "x_ms",    "body",    "reset"};
constexpr std::array<std::string_view, 7> quirk_names{"none",        "no_index", "index_zero", "empty_id",
                                                      "repeat_name", "whole",    "object"};
constexpr std::array<std::string_view, 4> form_names{"field", "parts", "tags", "hidden"};
constexpr std::array<std::string_view, 12> extra_names{
    "chunk", "first_chunk", "finish_chunk",  "usage_chunk", "choice",  "delta",
    "usage", "tool_call",   "finish_choice", "answer",      "message", "first_tool_call"};
constexpr std::array<std::string_view, 22> fault_names{"none",
                                                       "two_lengths",
                                                       "length_and_chunked",
                                                       "bad_chunk_size",
                                                       "huge_chunk_size",
                                                       "missing_chunk_end",
                                                       "negative_length",
                                                       "nul_in_header",
                                                       "folded_header",
                                                       "space_before_colon",
                                                       "no_colon",
                                                       "huge_header",
                                                       "many_headers",
                                                       "bad_status_line",
                                                       "bad_version",
                                                       "bare_lf",
                                                       "switching_protocols",
                                                       "extra_bytes",
                                                       "extra_answer",
                                                       "cut_in_header",
                                                       "gzip",
                                                       "two_codings"};

std::string listed(Names names) {
    std::string text;
    for (auto name : names) text += (text.empty() ? "" : ", ") + std::string(name);
    return text;
}

/// Takes members out of one JSON object, remembers which it was asked for, and keeps the first thing that was wrong.
class Reader {
public:
    explicit Reader(json const& object) : object_(object) {}

    void read(char const* key, bool& out) {
        take(key, "true or false", &json::is_boolean, [&out](json const& value) { out = value.get<bool>(); });
    }
    void read(char const* key, unsigned& out) {
        take(key, "a whole number", &json::is_number_unsigned,
             [&out](json const& value) { out = static_cast<unsigned>(value.get<std::uint64_t>()); });
    }
    void read(char const* key, double& out) {
        take(key, "a number", &json::is_number, [&out](json const& value) { out = value.get<double>(); });
    }
    void read(char const* key, std::string& out) {
        take(key, "a text", &json::is_string, [&out](json const& value) { out = value.get<std::string>(); });
    }
    void read(char const* key, std::size_t& out) {
        parsed(key, [&out](std::string_view text) { return assign(parse_size(text), out); });
    }
    void read(char const* key, Duration& out) {
        parsed(key, [&out](std::string_view text) { return assign(parse_duration(text), out); });
    }
    void read(char const* key, Distribution& out) {
        parsed(key, [&out](std::string_view text) { return assign(parse_distribution(text), out); });
    }
    template <class T>
    void read(char const* key, std::optional<T>& out) {
        T value{};
        auto before = problem_;
        read(key, value);
        if (object_.contains(key) && problem_ == before) out = std::move(value);
    }
    template <class E>
    void read(char const* key, E& out, Names names) {
        take(key, "a text", &json::is_string, [this, &out, key, names](json const& value) {
            auto found = std::ranges::find(names, value.get<std::string>());
            if (found == names.end()) return complain(key, "one of " + listed(names));
            out = static_cast<E>(found - names.begin());
        });
    }
    /// The member as JSON text, whatever it is.
    void read_json(char const* key, std::optional<std::string>& out) {
        asked_.insert(key);
        if (object_.contains(key)) out = object_[key].dump();
    }
    json const* find(char const* key) {
        asked_.insert(key);
        return object_.contains(key) ? &object_[key] : nullptr;
    }
    void complain(char const* key, std::string const& wanted) {
        if (problem_.empty()) problem_ = "lab option `" + std::string(key) + "`: must be " + wanted;
    }
    std::string finish() {
        for (auto const& [key, value] : object_.items())
            if (problem_.empty() && !asked_.contains(key)) problem_ = "unknown lab option `" + key + "`";
        return std::move(problem_);
    }

private:
    template <class Use>
    void take(char const* key, char const* wanted, bool (json::*is)() const noexcept, Use use) {
        asked_.insert(key);
        auto found = object_.find(key);
        if (found == object_.end()) return;
        if (((*found).*is)()) return use(*found);
        complain(key, wanted);
    }
    template <class Parse>
    void parsed(char const* key, Parse parse) {
        asked_.insert(key);
        auto found = object_.find(key);
        if (found == object_.end()) return;
        auto wrong = parse(found->is_string() ? found->get<std::string>() : found->dump());
        if (!wrong.empty()) complain(key, "a quantity: " + wrong);
    }
    template <class T>
    static std::string assign(std::expected<T, std::string> value, T& out) {
        if (!value) return std::move(value.error());
        out = *value;
        return {};
    }

    json const& object_;
    std::set<std::string> asked_;
    std::string problem_;
};

void read_content(Reader& in, Options& out) {
    in.read("header_delay", out.header_delay);
    in.read("ttft", out.ttft);
    in.read("per_token", out.per_token);
    if (double rate = 0; in.read("rate", rate), rate > 0)
        out.per_token = Distribution{.low = Duration(static_cast<Duration::rep>(1e6 / rate))};
    in.read("text", out.text);
    in.read("echo", out.echo);
    in.read("tokens", out.tokens);
    in.read("answer_bytes", out.answer_bytes);
    in.read("chunk_bytes", out.chunk_bytes);
    in.read("tokens_per_chunk", out.tokens_per_chunk);
    in.read("reasoning", out.reasoning);
    in.read("reasoning_field", out.reasoning_field);
    in.read("reasoning_form", out.reasoning_form, form_names);
    in.read("reasoning_open", out.reasoning_open);
    in.read("reasoning_close", out.reasoning_close);
    in.read("reasoning_details", out.reasoning_details);
    in.read("tool_calls", out.tool_calls);
    in.read_json("tool_arguments", out.tool_arguments);
    in.read("tool_quirk", out.tool_quirk, quirk_names);
    in.read("tool_id", out.tool_id);
    in.read("finish_reason", out.finish_reason);
    if (json const* reasons = in.find("finish_reasons"))
        for (auto const& [ours, theirs] : reasons->items())
            if (theirs.is_string()) out.finish_reasons[ours] = theirs.get<std::string>();
    in.read("report_model", out.report_model);
    in.read("provider", out.provider);
    in.read("empty", out.empty);
    in.read("refusal", out.refusal);
    in.read("obfuscation", out.obfuscation);
    in.read("precomputed", out.precomputed);
}

void read_decoration(Reader& in, Options& out) {
    unsigned cached = 0;
    in.read("cached", cached);
    out.cached = cached;
    in.read("omit_nulls", out.omit_nulls);
    in.read("cumulative", out.cumulative);
    if (json const* paths = in.find("omit"))
        for (auto const& path : *paths)
            if (path.is_string()) out.omit.push_back(path.get<std::string>());
    in.read_json("chunks_first", out.chunks_first);
    in.read_json("extra", out.extra);
    json const* extra = in.find("extra");
    if (!extra) return;
    if (!extra->is_object()) return in.complain("extra", "an object");
    for (auto const& [where, members] : extra->items())
        if (std::ranges::find(extra_names, where) == extra_names.end() || !members.is_object())
            in.complain("extra", "objects under " + listed(extra_names));
}

void read_stream(Reader& in, Options& out) {
    in.read("line_end", out.line_end, line_end_names);
    in.read("bom", out.bom);
    in.read("data_space", out.data_space);
    in.read("done_space", out.done_space);
    in.read("done", out.done);
    in.read("finish", out.finish);
    in.read("multi_line", out.multi_line);
    in.read("event_lines", out.event_lines);
    in.read("id_lines", out.id_lines);
    in.read("placeholder", out.placeholder);
    in.read("last_blank", out.last_blank);
    in.read("comment", out.comment);
    in.read("comments_first", out.comments_first);
    in.read("comment_every", out.comment_every);
    in.read("comment_interval", out.comment_interval);
    in.read("usage", out.usage, usage_names);
    in.read("huge_event", out.huge_event);
    in.read("huge_event_at", out.huge_event_at);
    in.read("bad_json_after", out.bad_json_after);
    in.read("bad_utf8_after", out.bad_utf8_after);
    in.read("blank_first", out.blank_first);
    in.read_json("events", out.events);
}

void read_errors(Reader& in, Options& out) {
    in.read("status", out.status);
    in.read("error_shape", out.error_shape, shape_names);
    in.read("error_message", out.error_message);
    in.read("error_type", out.error_type);
    in.read_json("error_code", out.error_code);
    in.read("error_param", out.error_param);
    in.read("ok_error", out.ok_error);
    in.read("error_after", out.error_after);
    in.read("error_frame", out.error_frame, frame_names);
    in.read("error_then_done", out.error_then_done);
    in.read("retry_form", out.retry_form, retry_names);
    in.read("retry_after", out.retry_after);
    in.read("redirect", out.redirect);
    if (out.status < 200 || out.status > 999) in.complain("status", "from 200 to 999");
}

void read_http(Reader& in, Options& out) {
    if (json const* headers = in.find("headers")) {
        for (auto const& [name, value] : headers->items())
            out.headers.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
    if (json const* type = in.find("content_type"); type && type->is_null()) out.no_content_type = true;
    if (!out.no_content_type) in.read("content_type", out.content_type);
    in.read("framing", out.framing, framing_names);
    in.read("http_chunk_bytes", out.http_chunk_bytes);
    in.read("interim", out.interim);
    in.read("interim_status", out.interim_status);
    in.read("http_fault", out.http_fault, fault_names);
    in.read("http_fault_at", out.http_fault_at);
    in.read("extra_wait", out.extra_wait);
    if (json const* body = in.find("body"); body && !body->is_string())
        out.body = body->dump();
    else
        in.read("body", out.body);
    in.read("raw", out.raw);
}

void read_transport(Reader& in, Options& out) {
    in.read("cut_at", out.cut_at);
    in.read("reset_at", out.reset_at);
    in.read("cut_after_events", out.cut_after_events);
    in.read("reset_after_events", out.reset_after_events);
    in.read("stall_after_bytes", out.stall_after_bytes);
    in.read("stall_after_events", out.stall_after_events);
    in.read("stall", out.stall);
    in.read("drip_bytes", out.drip_bytes);
    in.read("drip_interval", out.drip_interval);
    in.read("header_drip", out.header_drip);
    in.read("write_size", out.write_size);
    in.read("write_interval", out.write_interval);
    in.read("max_requests", out.max_requests);
    in.read("silent_close_after", out.silent_close_after);
    in.read("idle_close", out.idle_close);
    in.read("die_on_request", out.die_on_request);
    in.read("die_with_reset", out.die_with_reset);
}

/// `base` without the members that choose between variants, with `over` on top.
std::shared_ptr<Options const> variant(Reader& in, char const* key, json const& base, json const& over) {
    json merged = base;
    for (char const* chooser : {"fail_first", "fail_ratio", "fail_with", "keys", "accept_keys"}) merged.erase(chooser);
    if (!over.is_object()) return in.complain(key, "an object of lab options"), nullptr;
    merged.update(over);
    auto options = read_options(merged);
    if (!options) return in.complain(key, "valid; " + options.error()), nullptr;
    return std::make_shared<Options const>(*std::move(options));
}

void read_choice(Reader& in, json const& object, Options& out) {
    in.read("key", out.key);
    in.read("fail_first", out.fail_first);
    in.read("fail_ratio", out.fail_ratio);
    json const* fail_with = in.find("fail_with");
    if (fail_with || out.fail_first > 0 || out.fail_ratio > 0)
        out.failure = variant(in, "fail_with", object, fail_with ? *fail_with : json{{"status", 500U}});
    if (json const* accepted = in.find("accept_keys"))
        for (auto const& value : *accepted)
            if (value.is_string()) out.accept_keys.push_back(value.get<std::string>());
    if (json const* keys = in.find("keys"))
        for (auto const& [name, over] : keys->items()) out.keys[name] = variant(in, "keys", object, over);
    in.find("scenario");  // used before the options are read, to find what they are laid over
    in.find("note");      // free text for the reader of a scenario file
}

}  // namespace

bool Options::is_random() const {
    return fail_ratio > 0 || header_delay.is_random() || ttft.is_random() || per_token.is_random();
}

std::expected<Options, std::string> read_options(json const& object) {
    if (!object.is_object()) return std::unexpected("lab options must be a JSON object");
    Options out;
    Reader in(object);
    read_content(in, out);
    read_decoration(in, out);
    read_stream(in, out);
    read_errors(in, out);
    read_http(in, out);
    read_transport(in, out);
    read_choice(in, object, out);
    if (auto problem = in.finish(); !problem.empty()) return std::unexpected(std::move(problem));
    return out;
}

}  // namespace sluice::lab
