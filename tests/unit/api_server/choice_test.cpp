#include "server/api/choice.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "server/api/chat_request_reader.hpp"
#include "server/api/own_keys.hpp"

using namespace sluice;
using namespace sluice::api;

namespace {

Settings settings() {
    Settings all;
    all.providers["plain"].name = "plain";
    all.providers["router"].name = "router";
    all.providers["router"].is_router = true;
    auto const model = [](std::string name, std::string provider, std::string upstream) {
        ModelSettings made;
        made.name = std::move(name);
        made.targets = {{.provider = std::move(provider), .model = std::move(upstream)}};
        return made;
    };
    all.models = {model("fast", "plain", "fast-1"), model("exact:free", "plain", "x"), model("exact", "plain", "y"),
                  model("routed/*", "router", "*"), model("any/*", "plain", "*")};
    return all;
}

struct Asked {
    ChatRequest chat;
    Result<Choice> choice;
};

class Fixture {
public:
    explicit Fixture(Settings all = settings()) : snapshot_(Snapshot::make(std::move(all), health_)) {}

    Asked ask(std::string const& model, Caller const& caller = {},
              std::map<std::string, std::string> const& fields = {}, std::string const& members = "") {
        body_ = R"({"model":")" + model + R"(","messages":[{"role":"user","content":"hi"}])" + members + "}";
        auto chat = read_chat_request(body_, {});
        REQUIRE(chat);
        ChoiceHeaders headers;
        for (auto const& [name, value] : fields) headers.note(name, value);
        auto choice = read_choice(*chat, headers, caller, *snapshot_);
        return {*chat, std::move(choice)};
    }

private:
    HealthRegistry health_;
    std::shared_ptr<Snapshot const> snapshot_;
    std::string body_;
};

}  // namespace

TEST_CASE("a suffix is cut where no model has that very name", "[choice]") {
    auto const [asked, name, suffix] = GENERATE(table<std::string, std::string, std::string>({
        {"fast:nitro", "fast", ":nitro"},
        {"fast:free", "fast", ":free"},
        {"exact:free", "exact:free", ""},
        {"exact:floor", "exact", ":floor"},
        {"any/x:nitro", "any/x", ":nitro"},
        {"routed/x:nitro", "routed/x:nitro", ""},
        {"nobody:nitro", "nobody:nitro", ""},
        {"fast", "fast", ""},
    }));
    auto const [chat, choice] = Fixture().ask(asked);
    REQUIRE(choice);
    CHECK(chat.requested_model == asked);
    CHECK((choice->model.empty() ? asked : choice->model) == name);
    CHECK(chat.model_suffix == suffix);
}

TEST_CASE("who may not steer keeps the bounds they set", "[choice]") {
    std::string const members = R"(,"provider":{"only":["plain"],"zdr":true})";
    auto const [chat, choice] = Fixture().ask("fast:nitro", Caller{.may_steer = false}, {}, members);
    REQUIRE(choice);
    CHECK(choice->model == "fast");
    CHECK(chat.steering_ignored);
    CHECK(*choice->steering == Steering{.filter = {.zero_retention = true}});
    CHECK_FALSE(
        Fixture().ask("fast", Caller{.may_steer = false}, {}, R"(,"provider":{"zdr":true})").chat.steering_ignored);
}

TEST_CASE("own keys need permission, and name a provider", "[choice][keys]") {
    std::map<std::string, std::string> const fields{{"x-provider-auth", "plain=sk-1, router = sk=2"}};
    auto refused = Fixture().ask("fast", {}, fields);
    REQUIRE_FALSE(refused.choice);
    CHECK(refused.choice.error().kind == ErrorKind::permission_denied);
    auto open = settings();
    open.anybody_may_bring_keys = true;
    auto const taken = Fixture(open).ask("fast", {}, fields);
    REQUIRE(taken.choice);
    REQUIRE(taken.choice->own_keys.size() == 2);
    CHECK(taken.choice->own_keys[0].credential.value.expose() == "sk-1");
    CHECK(taken.choice->own_keys[1].provider == "router");
    CHECK(taken.choice->own_keys[1].credential.value.expose() == "sk=2");
    auto const unknown = Fixture(open).ask("fast", {}, {{"x-provider-auth", "nobody=sk-1"}});
    REQUIRE_FALSE(unknown.choice);
    CHECK(unknown.choice.error().kind == ErrorKind::invalid_value);
    auto keyed = settings();
    keyed.server.auth = AuthMode::keys;
    CHECK(Fixture(keyed).ask("fast", Caller{.may_bring_keys = true}, fields).choice);
    CHECK_FALSE(Fixture(keyed).ask("fast", {}, fields).choice);
}

TEST_CASE("a wrong list of keys is refused without repeating it", "[keys]") {
    auto const header = GENERATE("sk-secret", "a=1,a=2", "=sk-secret", "plain=", "sk secret=plain");
    auto const read = read_own_keys(header);
    REQUIRE_FALSE(read);
    CHECK(read.error().message.find("secret") == std::string::npos);
}
