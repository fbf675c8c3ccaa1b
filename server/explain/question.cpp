#include "server/explain/question.hpp"

#include <nlohmann/json.hpp>

namespace sluice::explain {
namespace {

using Json = nlohmann::ordered_json;

std::unexpected<Error> invalid(std::string const& param, std::string const& what) {
    return std::unexpected(
        Error{.kind = ErrorKind::invalid_value, .message = "'" + param + "' " + what, .param = param});
}

std::string dumped(Json const& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

Result<> read_member(std::string const& name, Json const& value, Question& question) {
    if (name == "model" || name == "key") {
        if (!value.is_string()) return invalid(name, "must be a string");
        (name == "model" ? question.model : question.key) = value.get<std::string>();
    } else if (name == "headers") {
        if (!value.is_object()) return invalid(name, "must be an object of strings");
        for (auto const& [header, text] : value.items()) {
            if (!text.is_string()) return invalid(name, "must be an object of strings");
            question.headers[lower(header)] = text.get<std::string>();
        }
    } else if (name == "body") {
        if (!value.is_object()) return invalid(name, "must be a chat request");
        question.body = dumped(value);
    } else if (name == "seed") {
        if (!value.is_number_unsigned()) return invalid(name, "must be a whole number, 0 or more");
        question.seed = value.get<std::uint64_t>();
    } else {
        return invalid(name, "is unknown; known are model, key, headers, body and seed");
    }
    return {};
}

}  // namespace

Result<Question> read_question(std::string_view json) {
    auto const root = Json::parse(json, nullptr, false);
    if (!root.is_object()) {
        return std::unexpected(Error{.kind = ErrorKind::invalid_json, .message = "the body must be a JSON object"});
    }
    Question question;
    if (root.contains("messages")) {
        question.body = json;
        return question;
    }
    for (auto const& [name, value] : root.items()) {
        if (value.is_null()) continue;
        SLUICE_CHECK(read_member(name, value, question));
    }
    if (question.model.empty() && question.body.empty()) return invalid("model", "or 'body' is required");
    return question;
}

std::string to_json(Question const& question) {
    Json json = Json::object();
    if (!question.model.empty()) json["model"] = question.model;
    if (!question.key.empty()) json["key"] = question.key;
    for (auto const& [name, value] : question.headers) json["headers"][name] = value;
    if (!question.body.empty()) json["body"] = Json::parse(question.body, nullptr, false);
    if (question.seed) json["seed"] = *question.seed;
    return dumped(json);
}

Result<std::string> complete_body(Question const& question) {
    if (question.model.empty()) return question.body;
    auto body = question.body.empty() ? Json::object() : Json::parse(question.body, nullptr, false);
    if (!body.is_object()) {
        return std::unexpected(Error{.kind = ErrorKind::invalid_json, .message = "the body must be a JSON object"});
    }
    body["model"] = question.model;
    if (!body.contains("messages")) body["messages"] = {{{"role", "user"}, {"content", "hello"}}};
    return dumped(body);
}

}  // namespace sluice::explain
