#include "server/api/keyring.hpp"

#include <openssl/sha.h>

#include <array>
#include <catch2/catch.hpp>

namespace sluice::api {
namespace {

using http::Field;
using Fields = std::vector<Field>;

std::string sha256(std::string_view text) {
    std::array<unsigned char, 32> digest{};
    SHA256(reinterpret_cast<unsigned char const*>(text.data()), text.size(), digest.data());
    std::string hex;
    for (unsigned char byte : digest) {
        hex += "0123456789abcdef"[byte / 16];
        hex += "0123456789abcdef"[byte % 16];
    }
    return hex;
}

std::chrono::sys_seconds const now{std::chrono::seconds(1'800'000'000)};

Keyring ring() {
    std::vector<KeySettings> const keys{
        {.caller = {.name = "alice", .models = {"gpt-*"}}, .sha256_hex = sha256("sk-alice"), .expires = {}},
        {.caller = {.name = "bob"}, .sha256_hex = sha256("sk-bob"), .expires = now + std::chrono::seconds(10)},
        {.caller = {.name = "dora"}, .sha256_hex = sha256("sk-dora"), .expires = {}, .disabled = true}};
    return Keyring::from(keys, AuthMode::keys).value();
}

Result<Caller const*> identify(Keyring const& keys, Fields fields, std::chrono::system_clock::time_point at = now) {
    http::RequestHead head;
    head.fields = std::move(fields);
    return keys.identify(head, at);
}

TEST_CASE("a key is found in every field that SDKs use", "[keyring]") {
    auto const field = GENERATE(Field{"authorization", "Bearer sk-alice"}, Field{"Authorization", "bearer sk-alice"},
                                Field{"AUTHORIZATION", "BEARER   sk-alice"}, Field{"api-key", "sk-alice"},
                                Field{"x-api-key", "sk-alice"}, Field{"X-Goog-Api-Key", "sk-alice"});
    CAPTURE(field.name, field.value);
    auto const keys = ring();
    auto const caller = identify(keys, {{"host", "h"}, field});
    REQUIRE(caller);
    CHECK((*caller)->name == "alice");
    CHECK((*caller)->models == std::vector<std::string>{"gpt-*"});
}

TEST_CASE("everything else is refused with the same error", "[keyring]") {
    auto const fields = GENERATE(values<Fields>({
        {},
        {{"authorization", ""}},
        {{"authorization", "Bearer"}},
        {{"authorization", "Bearer "}},
        {{"authorization", "Bearer sk-unknown"}},
        {{"authorization", "Bearer sk-dora"}},
        {{"authorization", "Bearer sk-alic"}},
        {{"authorization", "Bearer sk-alice2"}},
        {{"authorization", "Bearer sk-ALICE"}},
        {{"authorization", "sk-alice"}},
        {{"authorization", "Basic c2stYWxpY2U="}},
        {{"authorization", "Basic c2stYWxpY2U="}, {"api-key", "sk-alice"}},
        {{"authorization", "Bearer sk-alice"}, {"authorization", "Bearer sk-bob"}},
        {{"authorization", "Bearer sk-alice"}, {"Authorization", "Bearer sk-unknown"}},
        {{"authorization", "Bearer sk-unknown"}, {"api-key", "sk-alice"}},
        {{"api-key", "sk-alice"}, {"api-key", "sk-bob"}},
        {{"x-api-key", "sk-alice"}, {"api-key", "sk-bob"}},
        {{"cookie", "key=sk-alice"}},
        {{"x-key", "sk-alice"}},
    }));
    std::string shown;
    for (auto const& field : fields) shown.append(field.name).append(": ").append(field.value).append("; ");
    CAPTURE(shown);
    auto const keys = ring();
    auto const caller = identify(keys, fields);
    REQUIRE_FALSE(caller);
    CHECK(caller.error() == Error{.kind = ErrorKind::invalid_api_key});
}

TEST_CASE("the same key said twice is one key", "[keyring]") {
    auto const fields =
        GENERATE(values<Fields>({{{"authorization", "Bearer sk-alice"}, {"authorization", "Bearer sk-alice"}},
                                 {{"authorization", "Bearer sk-alice"}, {"api-key", "sk-alice"}},
                                 {{"x-api-key", "sk-alice"}, {"api-key", "sk-alice"}}}));
    auto const keys = ring();
    CHECK(identify(keys, fields));
}

TEST_CASE("a key is good until the second in which it expires", "[keyring]") {
    auto const keys = ring();
    Fields const bob{{"authorization", "Bearer sk-bob"}};
    CHECK(identify(keys, bob, now + std::chrono::milliseconds(9'999)));
    CHECK_FALSE(identify(keys, bob, now + std::chrono::seconds(10)));
    CHECK_FALSE(identify(keys, bob, now + std::chrono::hours(10'000)));
}

TEST_CASE("without keys everybody is the same nameless caller", "[keyring]") {
    auto const keys = Keyring::from({}, AuthMode::none).value();
    auto const fields = GENERATE(values<Fields>({{}, {{"authorization", "Bearer whatever"}}, {{"api-key", "x"}}}));
    auto const caller = identify(keys, fields);
    REQUIRE(caller);
    CHECK((*caller)->name.empty());
    CHECK((*caller)->models.empty());
}

TEST_CASE("where keys are asked for and there are none, nobody is let in", "[keyring]") {
    auto const keys = Keyring::from({}, AuthMode::keys).value();
    auto const fields = GENERATE(values<Fields>({{}, {{"authorization", "Bearer whatever"}}, {{"api-key", "x"}}}));
    auto const caller = identify(keys, fields);
    REQUIRE_FALSE(caller);
    CHECK(caller.error() == Error{.kind = ErrorKind::invalid_api_key});
}

TEST_CASE("a good key is good for its endpoints, with what is below them", "[keyring]") {
    auto const may_use = [](std::vector<std::string> endpoints, std::string_view route) {
        return Keyring::check_use(Caller{.endpoints = std::move(endpoints)}, route, "10.0.0.1").has_value();
    };
    CHECK(may_use({}, "/v1/models"));
    CHECK(may_use({"/v1/models"}, "/v1/models"));
    CHECK(may_use({"/v1/models"}, "/v1/models/{id}"));
    CHECK_FALSE(may_use({"/v1/models"}, "/v1/chat/completions"));
    CHECK_FALSE(may_use({"/v1/models"}, "/v1/models2"));
    auto const refused = Keyring::check_use(Caller{.endpoints = {"/v1/models"}}, "/v1/chat/completions", "10.0.0.1");
    CHECK(refused.error().kind == ErrorKind::permission_denied);
}

TEST_CASE("a good key is good from its networks", "[keyring]") {
    Caller const caller{.networks = {"10.0.0.0/8", "2001:db8::/32"}};
    auto const may_come = [&caller](std::string_view peer) {
        return Keyring::check_use(caller, "/v1/models", peer).has_value();
    };
    CHECK(may_come("10.1.2.3"));
    CHECK(may_come("2001:db8::5"));
    CHECK_FALSE(may_come("192.0.2.1"));
    CHECK_FALSE(may_come(""));
    CHECK(Keyring::check_use(Caller(), "/v1/models", "").has_value());
}

TEST_CASE("what is no SHA-256 in hexadecimal is refused by the key's name, not by its text", "[keyring]") {
    auto const hex =
        GENERATE(std::string(), std::string("abc"), std::string(63, 'a'), std::string(65, 'a'),
                 std::string(63, 'a') + "g", "+" + std::string(63, 'a'), std::string(64, ' '), std::string("sk-alice"));
    CAPTURE(hex);
    auto const keys = Keyring::from({{.caller = {.name = "carol"}, .sha256_hex = hex, .expires = {}}}, AuthMode::keys);
    REQUIRE_FALSE(keys);
    CHECK(keys.error().detail.find("carol") != std::string::npos);
    CHECK((hex.empty() || keys.error().detail.find(hex) == std::string::npos));
}

TEST_CASE("upper case digits are hexadecimal, too", "[keyring]") {
    auto hex = sha256("sk-alice");
    for (char& c : hex) {
        if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
    }
    auto const keys = Keyring::from({{.caller = {.name = "alice"}, .sha256_hex = hex, .expires = {}}}, AuthMode::keys);
    REQUIRE(keys);
    CHECK(identify(*keys, {{"authorization", "Bearer sk-alice"}}));
}

}  // namespace
}  // namespace sluice::api
