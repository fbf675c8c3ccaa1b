#include "server/lab/example_value.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace sluice::lab {
namespace {

using json = nlohmann::ordered_json;
constexpr int deepest = 12;

json make(json const& schema, json const& root, int depth);

/// What `$ref` means, or `schema` itself. A pointer, since either must be one that lives.
json const* resolved(json const& schema, json const& root) {
    auto reference = schema.find("$ref");
    if (reference == schema.end() || !reference->is_string()) return &schema;
    auto text = reference->get<std::string>();
    if (text == "#") return &root;
    if (!text.starts_with("#/")) return &schema;
    json const* at = &root;
    for (std::size_t from = 2; from <= text.size();) {
        auto slash = std::min(text.find('/', from), text.size());
        auto found = at->find(text.substr(from, slash - from));
        if (found == at->end()) return &schema;
        at = &*found;
        from = slash + 1;
    }
    return at;
}

json make_object(json const& schema, json const& root, int depth) {
    json out = json::object();
    auto properties = schema.find("properties");
    if (properties == schema.end()) return out;
    for (auto const& [name, property] : properties->items()) out[name] = make(property, root, depth + 1);
    return out;
}

json make_array(json const& schema, json const& root, int depth) {
    json out = json::array();
    auto count = std::clamp<std::uint64_t>(schema.value("minItems", std::uint64_t{1}), 1, 100);
    if (depth >= deepest || !schema.contains("items")) return out;
    for (std::uint64_t i = 0; i < count; ++i) out.push_back(make(schema["items"], root, depth + 1));
    return out;
}

json make_string(json const& schema) {
    auto format = schema.value("format", std::string());
    if (format == "date") return "2026-01-01";
    if (format == "date-time") return "2026-01-01T00:00:00Z";
    if (format == "email") return "lab@example.com";
    if (format == "uuid") return "00000000-0000-4000-8000-000000000000";
    if (format == "uri") return "https://example.com/";
    std::string text = "example";
    auto least = std::min<std::size_t>(schema.value("minLength", std::size_t{0}), 100'000);
    if (text.size() < least) text.resize(least, 'x');
    if (auto most = schema.find("maxLength"); most != schema.end() && most->is_number_unsigned())
        text.resize(std::min(text.size(), most->get<std::size_t>()));
    return text;
}

std::string type_of(json const& schema) {
    auto type = schema.find("type");
    if (type == schema.end()) return schema.contains("properties") ? "object" : "string";
    if (type->is_string()) return type->get<std::string>();
    return type->is_array() && !type->empty() && type->front().is_string() ? type->front().get<std::string>()
                                                                           : "string";
}

json make(json const& given, json const& root, int depth) {
    if (!given.is_object() || depth > deepest) return nullptr;
    json const& schema = *resolved(given, root);
    if (schema.contains("const")) return schema["const"];
    if (auto values = schema.find("enum"); values != schema.end() && values->is_array() && !values->empty())
        return values->front();
    for (char const* choice : {"anyOf", "oneOf", "allOf"})
        if (auto found = schema.find(choice); found != schema.end() && found->is_array() && !found->empty())
            return make(found->front(), root, depth + 1);
    auto type = type_of(schema);
    if (type == "object") return make_object(schema, root, depth);
    if (type == "array") return make_array(schema, root, depth);
    if (type == "integer" || type == "number") {
        if (schema.contains("minimum")) return schema["minimum"];
        return type == "integer" ? json(42) : json(1.5);
    }
    if (type == "boolean") return true;
    if (type == "null") return nullptr;
    return make_string(schema);
}

}  // namespace

json example_value(json const& schema) {
    try {
        return make(schema, schema, 0);
    } catch (json::exception const&) {  // a keyword with a value of the wrong type: the schema was not a simple one
        return json::object();
    }
}

}  // namespace sluice::lab
