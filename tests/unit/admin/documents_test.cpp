#include "server/admin/documents.hpp"

#include <fstream>
#include <sstream>

#include "tests/unit/admin/admin_fixture.hpp"

using namespace sluice::admin;
using namespace sluice::admin::testing;

namespace {

void check_references(Json const& json, Json const& schemas) {
    if (!json.is_structured()) return;
    if (json.is_object() && json.contains("$ref")) {
        std::string const prefix = "#/components/schemas/";
        auto const name = json["$ref"].get<std::string>();
        CAPTURE(name);
        REQUIRE(name.starts_with(prefix));
        CHECK(schemas.contains(name.substr(prefix.size())));
    }
    for (auto const& each : json) check_references(each, schemas);
}

}  // namespace

TEST_CASE("the OpenAPI document holds every route, and all that it refers to", "[admin]") {
    auto const document = Json::parse(openapi());
    CHECK(document["openapi"] == "3.1.0");
    std::size_t operations = 0;
    for (auto const& path : document["paths"]) operations += path.size();
    CHECK(operations == routes().size());
    check_references(document, document["components"]["schemas"]);
    auto const& create = document["paths"]["/admin/keys"]["post"];
    CHECK(create["x-sluice-power"] == "team");
    CHECK(create["responses"].contains("201"));
    CHECK(document["paths"]["/admin/openapi.json"]["get"]["security"].empty());
    CHECK(document["components"]["schemas"]["Key"]["properties"].contains("budget"));
}

TEST_CASE("the committed page of the admin API is the generated one", "[admin]") {
    std::ifstream in(std::string(SLUICE_SOURCE_DIR) + "/docs/reference/admin-api.md");
    std::stringstream committed;
    committed << in.rdbuf();
    INFO("write it anew: sluice config admin-api > docs/reference/admin-api.md");
    CHECK((committed.str() == reference_page()));
}
