#include "config/documents.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "config/schema.hpp"
#include "config/values.hpp"

using namespace sluice::config;
using nlohmann::json;

namespace {

void for_each_section(Section const& section, std::set<Section const*>& seen, auto const& visit) {
    if (!seen.insert(&section).second) return;
    visit(section);
    for (Field const& field : section.fields) {
        if (field.section != nullptr) for_each_section(field.section(), seen, visit);
    }
}

void for_each_section(auto const& visit) {
    std::set<Section const*> seen;
    for_each_section(root_section(), seen, visit);
}

void check_strict(json const& schema, std::string const& path) {
    CAPTURE(path);
    if (schema.is_object() && schema.value("type", json()) == "object") {
        REQUIRE(schema.contains("additionalProperties"));
        bool const is_closed = schema["additionalProperties"] == false;
        bool const is_map = schema["additionalProperties"].is_object() && !schema.contains("properties");
        CHECK((is_closed || is_map));
        for (json const& key : schema.value("required", json::array()))
            CHECK(schema["properties"].contains(key.get<std::string>()));
    }
    if (!schema.is_structured()) return;
    for (auto const& [key, value] : schema.items()) check_strict(value, path + "/" + key);
}

}  // namespace

TEST_CASE("the defaults of the structs are those of the table", "[config]") {
    int compared = 0;
    for_each_section([&compared](Section const& section) {
        for (Field const& field : section.fields) {
            bool const has_value = field.bind.current != nullptr && field.presence == Presence::optional;
            if (!has_value || section.fresh == nullptr) continue;
            CAPTURE(section.title, field.key);
            CHECK(format_value(field, field.bind.current(section.fresh)) == field.standard);
            ++compared;
        }
    });
    CHECK(compared > 70);
}

TEST_CASE("a default in the table is a value that the table allows", "[config]") {
    for_each_section([](Section const& section) {
        for (Field const& field : section.fields) {
            if (field.standard.empty() || field.standard.starts_with('[')) continue;
            CAPTURE(section.title, field.key);
            auto const value = parse_value(field, field.standard);
            REQUIRE(value);
            CHECK(format_value(field, *value) == field.standard);
        }
    });
}

TEST_CASE("every row of the table is complete", "[config]") {
    for_each_section([](Section const& section) {
        std::set<std::string_view> keys;
        for (Field const& field : section.fields) {
            CAPTURE(section.title, field.key);
            CHECK(keys.insert(field.key).second);
            CHECK(field.sentence.ends_with('.'));
            CHECK_THAT(std::string(field.key), Catch::Matches("[a-z_]+"));
            if (field.presence == Presence::planned) continue;
            bool const is_object = field.kind == Kind::object;
            bool const has_entries = field.kind == Kind::object_map || field.kind == Kind::object_list ||
                                     field.kind == Kind::targets || field.kind == Kind::objects;
            CHECK((field.bind.child != nullptr) == is_object);
            CHECK((field.bind.entry != nullptr) == has_entries);
            CHECK((field.bind.assign != nullptr) == !(is_object || has_entries));
            bool const is_closed =
                field.kind != Kind::duration || field.most < std::numeric_limits<std::int64_t>::max();
            CHECK(is_closed);
        }
    });
}

TEST_CASE("the JSON Schema is closed everywhere and knows every live key", "[config]") {
    auto const schema = json::parse(json_schema());
    CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
    check_strict(schema, "");
    auto const& properties = schema["properties"];
    CHECK(schema["required"] == json::array({"version"}));
    CHECK(properties.contains("providers"));
    CHECK_FALSE(properties.contains("compat"));
    auto const& model = properties["models"]["additionalProperties"]["anyOf"];
    CHECK(model.size() == 2);
    CHECK(model[1]["properties"].contains("fallbacks"));
    CHECK_FALSE(model[1]["properties"].contains("cache"));
    auto const& route = model[1]["properties"]["route"]["anyOf"];
    CHECK(route[1]["properties"]["weights"]["properties"]["price"]["default"] == 0.6);
    CHECK(route[1]["properties"]["thresholds"]["anyOf"].size() == 2);
    CHECK(properties["defaults"]["properties"]["timeout"]["properties"]["connect"]["default"] == "2s");
    CHECK(properties["server"]["properties"]["listen"]["description"] != "");
    auto const& key = properties["keys"]["items"]["properties"];
    CHECK(key["budget"]["anyOf"][1]["items"]["required"] == json::array({"usd", "per"}));
    CHECK(key["rate"]["properties"]["windows"]["anyOf"].size() == 2);
}

TEST_CASE("the committed reference page is the generated one", "[config]") {
    std::ifstream in(std::string(SLUICE_SOURCE_DIR) + "/docs/reference/configuration.md");
    std::stringstream committed;
    committed << in.rdbuf();
    INFO("write it anew: sluice config reference > docs/reference/configuration.md");
    CHECK((committed.str() == reference_page()));
}
