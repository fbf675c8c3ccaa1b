#include <algorithm>
#include <set>

#include "config/addresses.hpp"
#include "config/resolve.hpp"
#include "config/schema.hpp"
#include "config/text.hpp"
#include "config/values.hpp"

/// The database, shared state, and the admin API's tokens.
namespace sluice::config {
namespace {

constexpr std::string_view file_name = "/sluice.db";

std::string variable(Reader const& reader, std::string_view name) {
    return reader.environment() ? reader.environment()(name).value_or("") : std::string();
}

/// Where the database is when nobody says so. Empty: there is no place for it.
std::string usual_database(Reader const& reader, Files const& files) {
    auto const inside = [](std::string const& directory) {
        return directory.starts_with('/') ? "sqlite://" + directory + std::string(file_name) : std::string();
    };
    if (auto const directory = variable(reader, "SLUICE_DATA_DIR"); !directory.empty()) return inside(directory);
    std::string const system = "/var/lib/sluice";
    if (files.may_write && files.may_write(system)) return inside(system);
    auto const home = variable(reader, "HOME");
    return home.empty() ? std::string() : inside(home + "/.local/share/sluice");
}

Field const& field_of(std::string_view key) { return *std::ranges::find(storage_section().fields, key, &Field::key); }

/// What an environment that serves several programs says, where the file says nothing.
Secret from_environment(std::string const& name, std::string_view key, Reader& reader) {
    auto const text = variable(reader, name);
    auto const value = parse_value(field_of(key), text);
    if (value) return std::get<SecretText>(*value).value;
    reader.error(reader.place("storage"), "environment variable " + name + " " + value.error() +
                                              ", or write `storage." + std::string(key) + "`");
    return {};
}

bool limits_money(Settings const& settings) {
    return std::ranges::any_of(settings.limits, [](LimitRule const& rule) {
        return std::ranges::find(rule.limits, Resource::money, &Limit::of) != rule.limits.end();
    });
}

void check_token(Secret const& token, std::string const& path, std::set<std::string_view>& seen, Reader& reader) {
    constexpr std::size_t long_enough = 16;
    if (token.empty()) return;  // said already
    if (token.expose().size() < long_enough)
        reader.error(reader.place(path), "this token is shorter than 16 characters, and can be guessed");
    if (!seen.insert(token.expose()).second) reader.error(reader.place(path), "this token stands here twice");
}

void check_webhook(Secret const& url, Reader& reader) {
    if (url.empty()) return;
    auto const text = url.expose();
    auto const base = check_base_url(text.substr(0, text.find_first_of("?#")));
    if (base) return;
    reader.error(reader.place("admin.warning_webhook"), "this URL " + base.error());
}

void resolve_admin(Draft const& draft, Settings& settings, Reader& reader) {
    settings.admin = draft.admin;
    std::set<std::string_view> tokens;
    std::set<std::string_view> names;
    check_token(settings.admin.token, "admin.token", tokens, reader);
    for (std::size_t i = 0; i < settings.admin.tokens.size(); ++i) {
        AdminToken const& token = settings.admin.tokens[i];
        std::string const path = "admin.tokens[" + std::to_string(i) + "]";
        check_token(token.token, path + ".token", tokens, reader);
        if (!token.name.empty() && !names.insert(token.name).second)
            reader.error(reader.place(path + ".name"), "duplicate name `" + clipped(token.name) + "`");
    }
    check_webhook(settings.admin.warning_webhook, reader);
}

}  // namespace

void resolve_storage(Draft const& draft, Settings& settings, Reader& reader, Files const& files) {
    resolve_admin(draft, settings, reader);
    StorageSettings& storage = settings.storage;
    bool const is_administrated = !settings.admin.token.empty() || !settings.admin.tokens.empty();
    storage.enabled = draft.storage.written || limits_money(settings) || is_administrated;
    storage.allow_if_unavailable = draft.storage.allow_if_unavailable;
    storage.keep_calls = std::chrono::duration_cast<std::chrono::hours>(draft.storage.keep_calls);
    if (!storage.enabled) return;
    storage.database = draft.storage.database.value;
    storage.shared_state = draft.storage.shared_state.value;
    if (!reader.has("storage.database")) storage.database = from_environment("DATABASE_URL", "database", reader);
    if (!reader.has("storage.shared_state"))
        storage.shared_state = from_environment("REDIS_URL", "shared_state", reader);
    if (storage.database.empty() && !reader.has_errors()) storage.database = Secret(usual_database(reader, files));
    if (storage.database.empty() && !reader.has_errors()) {
        reader.error(reader.place("storage"),
                     "there is no place for the database: write `storage.database`, or set SLUICE_DATA_DIR to an "
                     "absolute path");
    }
}

}  // namespace sluice::config
