#include "server/lab/provider_profile.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "server/lab/control.hpp"
#include "server/lab/provider_files.hpp"
#include "server/lab/yaml_json.hpp"

using namespace sluice::lab;
using nlohmann::json;

namespace {

constexpr char const* acme = R"(
path: /openai/v1/chat/completions
auth: { keys: [lab-key-acme] }
options: { error_shape: flat, extra: { usage: { cost: 1 } } }
models: { plain: {}, "think-*": { reasoning: 4 } }
answers:
  - { when: { thinking.type: [disabled] }, options: { reasoning: 0 } }
refuse:
  - { when: { n: "> 1" }, error: { message: "n of {model}", type: bad, code: n_too_large, param: n } }
  - { field: "messages[].tool_calls", when: { .reasoning_content: absent }, models: ["think-*"], status: 422, error: { message: lost } }
  - { unknown_members: [model, messages, n, thinking, stream], error: { message: "what is {member}?" } }
errors:
  quota: { status: 402, headers: { retry-after: "2" }, body: { error: broke } }
)";

ProviderProfile profile(std::string const& yaml) {
    auto read = ProviderProfile::read(parse_yaml(yaml).value());
    if (!read) FAIL(read.error());
    return *read;
}

std::string problem(std::string const& yaml) { return ProviderProfile::read(parse_yaml(yaml).value()).error(); }

json options_for(std::string body, std::string_view path = "/openai/v1/chat/completions",
                 std::string key = "Bearer lab-key-acme") {
    Request request;
    request.headers = {{"Authorization", std::move(key)}};
    request.body = std::move(body);
    return json::parse(profile(acme).judge(request, path).options);
}

}  // namespace

TEST_CASE("a request gets its provider's options, its model's and those of what it says", "[lab][provider]") {
    CHECK(options_for(R"({"model":"plain"})")["extra"]["usage"]["cost"] == 1);
    CHECK(options_for(R"({"model":"think-1"})")["reasoning"] == 4);
    CHECK(options_for(R"({"model":"think-1","thinking":{"type":"disabled"}})")["reasoning"] == 0);
    CHECK(options_for(R"({"model":"plain","lab":{"tokens":3}})")["tokens"] == 3);
}

TEST_CASE("what a provider refuses is an error in its shape", "[lab][provider]") {
    auto options = options_for(R"({"model":"plain","n":2})");
    CHECK(options["status"] == 400);
    CHECK(options["error_shape"] == "flat");
    CHECK(options["error_message"] == "n of plain");
    CHECK(options["error_code"] == "n_too_large");
    CHECK(options_for(R"({"model":"plain","n":1}")")["status"] == 400);  // not JSON
    CHECK_FALSE(options_for(R"({"model":"plain","n":1})").contains("status"));
    CHECK(options_for(R"({"model":"plain","zeta":1})")["error_message"] == "what is zeta?");
}

TEST_CASE("a history is judged message by message", "[lab][provider]") {
    auto with = R"({"model":"think-1","messages":[{"role":"assistant","tool_calls":[1],"reasoning_content":"x"}]})";
    auto without = R"({"model":"think-1","messages":[{"role":"assistant","tool_calls":[1]}]})";
    auto other = R"({"model":"plain","messages":[{"role":"assistant","tool_calls":[1]}]})";
    CHECK_FALSE(options_for(with).contains("status"));
    CHECK(options_for(without)["status"] == 422);
    CHECK_FALSE(options_for(other).contains("status"));
}

TEST_CASE("paths, keys and models are its own", "[lab][provider]") {
    CHECK(options_for(R"({"model":"plain"})", "/v1/chat/completions")["status"] == 404);
    CHECK(options_for(R"({"model":"plain"})", "/openai/v1/chat/completions", "Bearer other")["status"] == 401);
    CHECK(options_for(R"({"model":"nobody"})")["error_code"] == "model_not_found");
}

TEST_CASE("an error is asked for by name", "[lab][provider]") {
    auto quota = options_for(R"({"model":"error:quota"})");
    CHECK(quota["status"] == 402);
    CHECK(quota["body"]["error"] == "broke");
    CHECK(options_for(R"({"model":"error:rate-limit"})")["status"] == 429);
    CHECK(options_for(R"({"model":"error:nonsense"})")["status"] == 404);
}

TEST_CASE("a model may stand in the path", "[lab][provider]") {
    auto azure = profile(R"({ path: "/deployments/{model}/chat/completions", models: { "a/b": {} } })");
    Request request;
    request.body = R"({"model":"ignored"})";
    CHECK(azure.judge(request, "/deployments/a%2Fb/chat/completions?api-version=1").model == "a/b");
    CHECK(json::parse(azure.judge(request, "/deployments/x/y/chat/completions").options)["status"] == 404);
}

TEST_CASE("a provider does not see what it ignores", "[lab][provider]") {
    auto deaf = profile("ignores: [tool_choice]");
    Request request;
    request.body = R"({"model":"m","tool_choice":"required"})";
    CHECK(json::parse(deaf.judge(request, "/chat/completions").body) == json({{"model", "m"}}));
}

TEST_CASE("a mistake in a profile names its place", "[lab][provider]") {
    CHECK(problem("nonsense: 1").find("`nonsense`") != std::string::npos);
    CHECK(problem("models: { m: { tokenz: 1 } }").find("models.m") != std::string::npos);
    CHECK(problem("refuse: [{ when: { n: presnt } }]").find("refuse[0].n") != std::string::npos);
    CHECK(problem("errors: { e: { status: 400, error: { mesage: x } } }").find("errors.e") != std::string::npos);
}

TEST_CASE("a profile may be like another, and say what differs", "[lab][provider]") {
    auto folder = std::filesystem::temp_directory_path() / "sluice-lab-providers";
    for (auto const& [name, text] :
         {std::pair("base", acme), std::pair("kin", "like: base\nmodels: { plain: ~, new: {} }")}) {
        std::filesystem::create_directories(folder / name);
        std::ofstream(folder / name / "lab.yaml") << text;
    }
    auto providers = read_providers(folder.string());
    std::filesystem::remove_all(folder);
    if (!providers) FAIL(providers.error());
    CHECK(providers->at("base").models() == std::vector<std::string>{"plain"});
    CHECK(providers->at("kin").models() == std::vector<std::string>{"new"});
}

TEST_CASE("a provider's requests are under its name", "[lab][provider]") {
    auto route = route_of("/providers/acme/openai/v1/chat/completions?a=1");
    CHECK(route.to == Route::To::chat);
    CHECK(route.provider == "acme");
    CHECK(route.path == "/openai/v1/chat/completions?a=1");
    CHECK(route_of("/providers/acme/v1/models").to == Route::To::models);
    CHECK(route_of("/providers/acme/v1/elsewhere").provider == "acme");
}
