#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

std::string const models = "models: { \"*\": openai/* }\n";
std::string const provider = "providers: { openai: { api_key: none } }\n";
std::string const main_file = "version: 1\ninclude: [conf.d/*.yaml]\n";

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("maps of included files are merged by key, and lists of keys are joined", "[config]") {
    auto const result = load_files({
        {"sluice.yaml",
         main_file + provider + "server: { drain: { delay: 1s } }\nkeys: [{ name: a, value: aaaaaaaaaaaaaaaaaaaa }]\n"},
        {"conf.d/10.yaml", "models: { fast: openai/a }\nserver: { drain: { timeout: 9s } }\n"},
        {"conf.d/20.yaml", "version: 1\nproviders: { groq: { api_key: none } }\nmodels: { slow: groq/b }\n"},
        {"conf.d/30.yaml", "keys: [{ name: b, value: bbbbbbbbbbbbbbbbbbbb }]\n"},
        {"conf.d/40.yaml", "# nothing yet\n"},
        {"conf.d/.hidden.yaml", "not: read\n"},
        {"conf.d/notes.txt", "not read"},
    });
    CHECK(lines_of(result) == Lines{});
    REQUIRE(result.settings);
    auto const& settings = *result.settings;
    CHECK(settings.providers.size() == 2);
    CHECK(settings.models.size() == 2);
    CHECK(settings.keys.size() == 2);
    CHECK(settings.server.drain_delay == sluice::seconds(1));
    CHECK(settings.server.drain_timeout == sluice::seconds(9));
    CHECK(result.watched_files ==
          Lines{"sluice.yaml", "conf.d/10.yaml", "conf.d/20.yaml", "conf.d/30.yaml", "conf.d/40.yaml"});
}

TEST_CASE("the same key in two files is an error with both places", "[config]") {
    auto const result = load_files({
        {"sluice.yaml", main_file + provider + "models: { a: openai/a }\nserver: { listen: 127.0.0.1:1 }\n"},
        {"conf.d/x.yaml", "models:\n  a: openai/b\nserver:\n  listen: 127.0.0.1:2\n"},
        {"conf.d/y.yaml", "version: 2\nproviders: { openai: { base_url: \"https://x\" } }\n"},
    });
    CHECK(lines_of(result) == Lines{
                                  "conf.d/x.yaml:2:3: `models.a` stands already at sluice.yaml:4",
                                  "conf.d/x.yaml:4:3: `server.listen` stands already at sluice.yaml:5",
                                  "conf.d/y.yaml:1:1: `version` differs from the including file's at sluice.yaml:1",
                                  "conf.d/y.yaml:2:14: `providers.openai` stands already at sluice.yaml:3",
                              });
}

TEST_CASE("files that include each other, or are not there, are errors", "[config]") {
    auto const result = load_files({
        {"sluice.yaml", "version: 1\ninclude: [a.yaml, missing.yaml, a.yaml, \"*/x.yaml\"]\n" + provider + models},
        {"a.yaml", "include: b.yaml\n"},
        {"b.yaml", "include: [sluice.yaml]\n"},
    });
    CHECK(lines_of(result) == Lines{
                                  "b.yaml:1:11: `sluice.yaml` includes itself",
                                  "2:19: can't read `missing.yaml`: No such file or directory",
                                  "2:33: `a.yaml` is included already",
                                  "2:41: only the last part of a path may hold `*`",
                              });
}

TEST_CASE("a problem in an included file is reported there, next to the others", "[config]") {
    auto const result = load_files({
        {"sluice.yaml", main_file + provider + "modles: {}\n" + models},
        {"conf.d/x.yaml", "telemetry: { log: { level: lod } }\n"},
        {"conf.d/y.yaml", "server: { listen: [\n"},
    });
    CHECK(lines_of(result) == Lines{"conf.d/y.yaml:2:1: `[` without its `]`, or a missing comma"});
    auto const without_syntax_error = load_files({
        {"sluice.yaml", main_file + provider + "modles: {}\n" + models},
        {"conf.d/x.yaml", "telemetry: { log: { level: lod } }\n"},
    });
    CHECK(lines_of(without_syntax_error) ==
          Lines{
              "conf.d/x.yaml:1:28: `lod` is not allowed; allowed: debug, info, warning, error",
              "4:1: unknown key `modles`; did you mean `models`?",
          });
    CHECK(without_syntax_error.problems[0].excerpt == "telemetry: { log: { level: lod } }");
}

TEST_CASE("paths are relative to the file that names them, and are watched", "[config]") {
    auto const result = load({
        .path = "/etc/sluice/sluice.yaml",
        .environment = environment_of({}),
        .files = files_of({
            {"/etc/sluice/sluice.yaml", "version: 1\ninclude: parts/p.yaml\n" + models},
            {"/etc/sluice/parts/p.yaml",
             "providers: { openai: { api_key: { file: secrets/openai } } }\nserver: { tls: { certificate: t.crt, key: "
             "/k } }\n"},
            {"/etc/sluice/parts/secrets/openai", "sk-1\r\n"},
            {"/etc/sluice/parts/t.crt", "x"},
            {"/k", "x"},
        }),
    });
    CHECK(lines_of(result) == Lines{});
    REQUIRE(result.settings);
    CHECK(result.settings->providers.at("openai").credentials.at(0).value.expose() == "sk-1");
    CHECK(result.settings->server.tls->certificate_file == "/etc/sluice/parts/t.crt");
    CHECK(result.watched_files == Lines{"/etc/sluice/sluice.yaml", "/etc/sluice/parts/p.yaml",
                                        "/etc/sluice/parts/secrets/openai", "/etc/sluice/parts/t.crt", "/k"});
}

TEST_CASE("a file that can't be read is one problem, and is watched", "[config]") {
    auto const result = load_files({});
    CHECK(lines_of(result) == Lines{"0:0: can't read the file: No such file or directory"});
    CHECK(result.watched_files == Lines{"sluice.yaml"});
}
