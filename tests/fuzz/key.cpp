// Who a request comes from, by any fields. Nobody is let in but by the exact key, given once or alike several times,
// and the ways to give it are those of the second, simpler reading below.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "config/text.hpp"
#include "server/api/keyring.hpp"
#include "tests/fuzz/cuts.hpp"

namespace {

using namespace sluice;

constexpr std::string_view first_key = "sk-sluice-first-0123456789";
constexpr std::string_view old_key = "sk-sluice-old-0123456789";

KeySettings key(std::string name, std::string_view value) {
    KeySettings settings;
    settings.caller.name = std::move(name);
    settings.sha256_hex = config::sha256_hex(value);
    return settings;
}

api::Keyring make_ring() {
    auto old = key("old", old_key);
    old.expires = std::chrono::sys_seconds(std::chrono::seconds(1000));
    return api::Keyring::from({key("first", first_key), old}, AuthMode::keys).value();
}

api::Keyring const& ring() {
    static api::Keyring const keys = make_ring();
    return keys;
}

std::string small(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return out;
}

/// The one key that the fields give; nothing if there is none, an empty one or two different ones.
std::optional<std::string> given(std::vector<http::Field> const& fields) {
    std::set<std::string> keys;
    for (auto const& field : fields) {
        auto const name = small(field.name);
        if (name == "api-key" || name == "x-api-key" || name == "x-goog-api-key") keys.emplace(field.value);
        if (name != "authorization") continue;
        bool const bearer = small(field.value.substr(0, 7)) == "bearer ";
        auto const token = bearer ? field.value.substr(7) : std::string_view();
        keys.emplace(token.substr(std::min(token.find_first_not_of(' '), token.size())));
    }
    return keys.size() == 1 && !keys.begin()->empty() ? std::optional(*keys.begin()) : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(bytes), size);
    http::RequestHeadParser parser;
    std::string const request = "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(text) + "\r\n\r\n";
    if (parser.parse(request) != http::HeadState::complete) return 0;
    auto const& head = parser.head();
    auto const key = given(head.fields);
    for (int const second : {999, 1000}) {
        auto const caller = ring().identify(head, std::chrono::sys_seconds(std::chrono::seconds(second)));
        bool const first = key == first_key;
        bool const old = key == old_key && second < 1000;
        fuzz::require(caller.has_value() == (first || old), "the right key, and no other");
        if (caller) fuzz::require((*caller)->name == (first ? "first" : "old"), "the caller is whose key it is");
        if (!caller) {
            bool const same = caller.error() == Error{.kind = ErrorKind::invalid_api_key};
            fuzz::require(same, "every refusal is the same one");
        }
    }
    return 0;
}
