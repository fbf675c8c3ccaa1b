#include "providers/openai/error_body.hpp"

#include <algorithm>

#include "core/json/json_index.hpp"
#include "providers/openai/durations.hpp"

namespace sluice::openai {
namespace {

using std::string_view;

/// A string as it is meant, a number as it stands.
std::string text_of(JsonValue value) {
    if (value.is(JsonType::string)) return value.unescaped();
    return value.is(JsonType::number) ? std::string(value.raw()) : std::string();
}

void add_label(ErrorBody& body, JsonValue value) {
    auto label = value.unescaped();
    if (!label.empty() && label.size() <= 128) body.labels.push_back(std::move(label));
}

void add_status(ErrorBody& body, JsonValue value) {
    auto const number = value.integer();
    if (number && *number >= 400 && *number <= 599 && !body.status) body.status = static_cast<int>(*number);
}

void read_availability(JsonValue availability, ErrorBody& body) {
    add_label(body, availability["code"]);
    if (auto const wait = availability["retry_after"]; wait) body.retry_after = read_duration(text_of(wait));
    if (auto const word = availability["retryable"]; word.is(JsonType::boolean)) body.retryable = word.is_true();
}

void read_metadata(JsonValue metadata, ErrorBody& body) {
    for (auto const& member : metadata.members()) {
        if (member.named("error_type") || member.named("provider_code") || member.named("limit_source")) {
            add_label(body, member.value);
        } else if (member.named("reasons") || member.named("flagged_input") || member.named("patterns")) {
            body.moderated |= member.value.has_value();
        } else if (member.named("raw")) {
            body.nested = member.value.unescaped();
        }
    }
}

/// Google's list of typed details.
void read_details(JsonValue details, ErrorBody& body) {
    for (auto const detail : details.elements()) {
        add_label(body, detail["reason"]);
        if (auto const delay = detail["retryDelay"]; delay) body.retry_after = read_duration(text_of(delay));
        for (auto const violation : detail["violations"].elements()) {
            auto const quota = text_of(violation["quotaId"]);
            if (quota.find("PerDay") != std::string::npos) body.labels.emplace_back("daily_quota");
        }
    }
}

void read_member(JsonMember const& member, ErrorBody& body) {
    auto const named = [&member](string_view name) { return member.named(name); };
    auto const value = member.value;
    if (named("message")) {
        body.message = text_of(value);
    } else if (named("code")) {
        body.code = text_of(value);
        add_label(body, value);
        add_status(body, value);
    } else if (named("param")) {
        body.param = text_of(value);
    } else if (named("type") || named("error_type") || named("reason") || named("finish_reason")) {
        add_label(body, value);
    } else if (named("status") || named("http_status")) {
        add_label(body, value);
        add_status(body, value);
    } else if (named("metadata")) {
        read_metadata(value, body);
    } else if (named("availability")) {
        read_availability(value, body);
    } else if (named("details")) {
        read_details(value, body);
    } else if (named("innererror")) {
        add_label(body, value["code"]);
    }
}

ErrorBody read_object(JsonValue object) {
    ErrorBody body;
    for (auto const& member : object.members()) read_member(member, body);
    return body;
}

/// FastAPI: a text, or a list of {loc, msg, type}; problem+json adds status and title beside it.
ErrorBody read_detail(JsonValue root) {
    auto body = read_object(root);
    auto const detail = root["detail"];
    if (detail.is(JsonType::string)) body.message = detail.unescaped();
    if (detail.is(JsonType::object)) body.message = text_of(detail["message"]);
    for (auto const item : detail.elements()) {
        std::string path;
        for (auto const step : item["loc"].elements()) {
            auto const name = text_of(step);
            if (name != "body") path += (path.empty() ? "" : ".") + name;
        }
        body.message += (body.message.empty() ? "" : "; ") + (path.empty() ? "" : path + ": ") + text_of(item["msg"]);
        if (body.param.empty()) body.param = path;
    }
    add_label(body, root["title"]);
    return body;
}

/// Edge proxies of the Apigee kind.
ErrorBody read_fault(JsonValue fault) {
    ErrorBody body;
    body.message = text_of(fault["faultstring"]);
    add_label(body, fault["detail"]["errorcode"]);
    return body;
}

bool looks_like_json(string_view text) {
    auto const first = text.find_first_not_of(" \n\r\t");
    return first != string_view::npos && (text[first] == '{' || text[first] == '[');
}

void add_nested(ErrorBody& body, string_view text) {
    auto const nested = parse_error_body(text);
    if (!nested) return;
    body.labels.insert(body.labels.end(), nested->labels.begin(), nested->labels.end());
    if (!body.status) body.status = nested->status;
    if (!body.retry_after) body.retry_after = nested->retry_after;
    body.moderated |= nested->moderated;
}

}  // namespace

bool ErrorBody::labelled(string_view label) const {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
}

ErrorBody read_error_value(JsonValue error) {
    if (!error.is(JsonType::object)) {
        ErrorBody body;
        body.message = text_of(error);
        return body;
    }
    return read_object(error);
}

std::optional<ErrorBody> read_error_body(JsonValue root) {
    if (auto const elements = root.elements(); !elements.empty()) root = *elements.begin();
    auto const error = root["error"];
    if (error.is(JsonType::object)) return read_object(error);
    if (error.is(JsonType::string)) {
        auto body = read_object(root);
        body.message = error.unescaped();
        return body;
    }
    if (auto const fault = root["fault"]; fault.is(JsonType::object)) return read_fault(fault);
    if (root["detail"].has_value()) return read_detail(root);
    if (root["message"].is(JsonType::string)) return read_object(root);
    if (root["Message"].is(JsonType::string)) return read_error_value(root["Message"]);
    return std::nullopt;
}

std::optional<ErrorBody> parse_error_body(string_view text) {
    constexpr std::size_t most = 256 * 1024;
    if (text.empty() || text.size() > most) return std::nullopt;
    JsonIndex index;
    auto const root = index.read(text, {.surrogates = Surrogates::any});
    return root ? read_error_body(*root) : std::nullopt;
}

void unwrap(ErrorBody& body) {
    if (looks_like_json(body.nested)) add_nested(body, body.nested);
    body.nested.clear();
    if (!looks_like_json(body.message)) return;
    add_nested(body, body.message);
    body.message.clear();
}

}  // namespace sluice::openai
