#include <nlohmann/json.hpp>

#include "config/catalogue.hpp"
#include "config/documents.hpp"
#include "config/schema.hpp"
#include "config/written_json.hpp"

namespace sluice::config {
namespace {

using Json = nlohmann::ordered_json;

Json object_of(Section const& section);
Json scalar_of(Field const& field);

/// A text that holds a variable may stand wherever a value may: what it will be is known only later.
Json or_variable(Json json) {
    Json const variable{{"$ref", "#/$defs/variable"}};
    return Json{{"anyOf", Json::array({std::move(json), variable})}};
}

Json pattern(std::string_view regex) { return Json{{"type", "string"}, {"pattern", regex}}; }

Json number_of(Field const& field) {
    Json json{{"type", "integer"}, {"minimum", field.least}};
    if (field.most != std::numeric_limits<std::int64_t>::max()) json["maximum"] = field.most;
    return json;
}

Json with_zero(std::string_view regex) {
    return Json{{"anyOf", Json::array({pattern(regex), Json{{"const", 0}}, Json{{"$ref", "#/$defs/variable"}}})}};
}

/// YAML reads an unquoted 429 as a number.
Json choices_of(Field const& field) {
    Json values = Json::array();
    for (std::string_view choice : field.choices) {
        values.push_back(choice);
        bool const is_number = choice.find_first_not_of("0123456789") == std::string_view::npos;
        if (is_number) values.push_back(std::stoi(std::string(choice)));
    }
    return or_variable(Json{{"enum", values}});
}

Json one_or_list(Json const& item) {
    return Json{{"anyOf", Json::array({item, Json{{"type", "array"}, {"items", item}}})}};
}

Json entry_of(Field const& field) {
    Section const& section = field.section();
    if (section.short_form.empty()) return object_of(section);
    for (Field const& each : section.fields) {
        if (each.key != section.short_form) continue;
        Json const plain = each.kind == Kind::targets ? one_or_list(Json{{"type", "string"}}) : scalar_of(each);
        return Json{{"anyOf", Json::array({plain, object_of(section)})}};
    }
    return object_of(section);
}

Json names_of_profiles() {
    Json names = Json::array();
    for (Profile const& profile : profiles()) names.push_back(profile.name);
    return or_variable(Json{{"enum", names}});
}

Json target_of(Field const& field) {
    return Json{{"anyOf", Json::array({Json{{"type", "string"}, {"minLength", 1}}, object_of(field.section())})}};
}

/// A rule for parameters; what belongs together is checked when it is read.
Json rule_schema() {
    Json const text{{"type", "string"}};
    Json const words = one_or_list(text);
    Json const number{{"type", "number"}};
    Json const any_map{{"type", "object"}, {"additionalProperties", Json::object()}};
    Json properties{{"use", text},
                    {"field", text},
                    {"models", words},
                    {"when", any_map},
                    {"unless", any_map},
                    {"do", {{"enum", {"keep", "drop", "reject", "clamp", "rename", "default", "force", "convert"}}}},
                    {"severity", {{"enum", {"exact", "minor", "lossy"}}}},
                    {"least", number},
                    {"most", number},
                    {"most_items", number},
                    {"to", text},
                    {"value", Json::object()},
                    {"map", any_map},
                    {"nearest", words},
                    {"as", text},
                    {"instruct", text},
                    {"why", text},
                    {"source", text}};
    return Json{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

Json store_url_of(Field const& field) {
    std::string schemes;
    for (auto const each : field.choices) schemes += (schemes.empty() ? "" : "|") + std::string(each);
    return or_variable(pattern("^((" + schemes + ")://.+)?$"));
}

Json scalar_of(Field const& field) {
    switch (field.kind) {
        case Kind::boolean:
            return or_variable(Json{{"type", "boolean"}});
        case Kind::integer:
            return or_variable(number_of(field));
        case Kind::count:
            return Json{{"anyOf", Json::array({number_of(field), pattern("^[0-9.]+ ?[kMG]?$"),
                                               Json{{"$ref", "#/$defs/variable"}}})}};
        case Kind::size:
            return with_zero("^[0-9.]+ ?(B|KiB|MiB|GiB|kB|MB|GB)$");
        case Kind::duration:
            return with_zero(field.choices.empty() ? "^[0-9.]+ ?(ms|s|m|h|d)$" : "^([0-9.]+ ?(ms|s|m|h|d)|none)$");
        case Kind::wait:
            return or_variable(pattern("^(p(50|75|90|95|99)|[0-9.]+ ?(ms|s|m|h|d)|none)$"));
        case Kind::hours:
            return or_variable(pattern("^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"));
        case Kind::number:
            return or_variable(Json{{"type", "number"}, {"minimum", 0}});
        case Kind::integers:
            return one_or_list(or_variable(number_of(field)));
        case Kind::usd:
            return or_variable(Json{{"type", "number"}, {"minimum", 0}});
        case Kind::period:
            return or_variable(pattern("^(day|week|month|total|[0-9.]+ ?(ms|s|m|h|d))$"));
        case Kind::percents:
            return one_or_list(or_variable(pattern("^[0-9]+%$")));
        case Kind::networks:
            return one_or_list(or_variable(pattern("^[0-9a-fA-F:.]+(/[0-9]+)?$")));
        case Kind::store_url:
            return store_url_of(field);
        case Kind::durations:
            return or_variable(pattern("^[0-9.]+ ?(ms|s|m|h|d)\\.\\.[0-9.]+ ?(ms|s|m|h|d)$"));
        case Kind::percent:
            return or_variable(pattern("^[0-9]+%$"));
        case Kind::choice:
            return choices_of(field);
        case Kind::choices:
            return one_or_list(choices_of(field));
        case Kind::texts:
            return one_or_list(Json{{"type", "string"}});
        case Kind::rules:
            return Json{{"type", "array"}, {"items", rule_schema()}};
        case Kind::text_map:
        case Kind::headers:
            return Json{{"type", "object"}, {"additionalProperties", {{"type", {"string", "number", "boolean"}}}}};
        case Kind::price:
            return or_variable(Json{{"type", "number"}, {"minimum", 0}});
        case Kind::secret:
            return Json{{"$ref", "#/$defs/secret"}};
        case Kind::hash:
            return or_variable(pattern("^sha256:[0-9a-f]{64}$"));
        case Kind::provider_type:
            return names_of_profiles();
        case Kind::url:
            return or_variable(pattern("^https?://[^@?# ]+$"));
        case Kind::proxy_url:
            return or_variable(pattern("^http://[^@?# ]+$"));
        case Kind::address:
            return or_variable(pattern("^[^ ]+:[0-9]+$"));
        case Kind::targets:
            return one_or_list(target_of(field));
        default:
            return Json{{"type", "string"}, {"minLength", 1}};
    }
}

Json default_of(Field const& field) {
    std::string const text(field.standard);
    if (field.kind == Kind::integer) return Json(std::stoll(text));
    if (field.kind == Kind::boolean) return Json(text == "true");
    if (field.kind == Kind::number) return Json(std::stod(text));
    bool const is_list = text.starts_with('[') && text.ends_with(']');
    if (!is_list) return Json(text);
    Json words = Json::array();
    if (field.kind == Kind::choices) words = Json(field.choices);
    return words;
}

Json property_of(Field const& field) {
    Json json;
    if (field.kind == Kind::object)
        json = entry_of(field);
    else if (field.kind == Kind::objects)
        json = one_or_list(entry_of(field));
    else if (field.kind == Kind::object_map)
        json = Json{{"type", "object"}, {"additionalProperties", entry_of(field)}};
    else if (field.kind == Kind::object_list)
        json = Json{{"type", "array"}, {"items", entry_of(field)}};
    else
        json = scalar_of(field);
    json["description"] = field.sentence;
    if (!field.standard.empty()) json["default"] = default_of(field);
    if (!field.example.empty()) json["examples"] = Json::array({field.example});
    return json;
}

Json object_of(Section const& section) {
    Json properties = Json::object();
    Json required = Json::array();
    for (Field const& field : section.fields) {
        if (field.presence == Presence::planned) continue;
        properties[std::string(field.key)] = property_of(field);
        if (field.presence == Presence::required) required.push_back(field.key);
    }
    Json json{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
    if (!required.empty()) json["required"] = std::move(required);
    return json;
}

Json secret_definition() {
    Json const word{{"type", "string"}, {"minLength", 1}};
    auto const one_key = [&word](char const* key) {
        Json properties = Json::object();
        properties[key] = word;
        return Json{{"type", "object"},
                    {"properties", properties},
                    {"required", Json::array({key})},
                    {"additionalProperties", false}};
    };
    return Json{{"anyOf", Json::array({word, one_key("env"), one_key("file")})}};
}

/// Where nothing is a variable.
Json without_variables(Json json) {
    if (!json.is_structured()) return json;
    for (auto& each : json) each = without_variables(std::move(each));
    if (!json.is_object() || !json.contains("anyOf")) return json;
    Json kept = Json::array();
    for (auto& each : json["anyOf"]) {
        if (each.value("$ref", "") != "#/$defs/variable") kept.push_back(std::move(each));
    }
    json["anyOf"] = std::move(kept);
    if (json["anyOf"].size() > 1) return json;
    Json alone = std::move(json["anyOf"][0]);
    json.erase("anyOf");
    alone.update(json);
    return alone;
}

}  // namespace

std::string written_schema(Section const& section) { return without_variables(object_of(section)).dump(); }

std::string json_schema() {
    Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "Sluice configuration"}};
    schema.update(object_of(root_section()));
    schema["$defs"]["variable"] = pattern("\\$\\{[A-Za-z_]");
    schema["$defs"]["secret"] = secret_definition();
    return schema.dump(2) + "\n";
}

}  // namespace sluice::config
