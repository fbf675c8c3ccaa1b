#include "config/binding.hpp"
#include "config/schema.hpp"

/// `storage` and `admin`.
namespace sluice::config {
namespace {

constexpr std::int64_t one_day = 86'400'000;

Section const& retention_section() {
    static Section const section{
        .title = "storage.retention",
        .fields = {{.key = "calls",
                    .kind = Kind::duration,
                    .standard = "400d",
                    .sentence = "How long the ledger keeps single calls; their sums by hour are kept for ever.",
                    .bind = bind<&StorageDraft::keep_calls>(),
                    .least = one_day,
                    .most = 36'500 * one_day}},
        .fresh = fresh<StorageDraft>(),
    };
    return section;
}

Section const& admin_token_section() {
    static Section const section{
        .title = "admin.tokens[]",
        .fields =
            {
                {.key = "name",
                 .kind = Kind::text,
                 .sentence = "For the log.",
                 .bind = bind<&AdminToken::name>(),
                 .presence = Presence::required,
                 .example = "search-lead"},
                {.key = "token",
                 .kind = Kind::secret,
                 .sentence = "`${VAR}`, `{env: VAR}`, `{file: PATH}`, or itself.",
                 .bind = bind<&AdminToken::token>(),
                 .presence = Presence::required,
                 .example = "{ env: SEARCH_ADMIN }"},
                {.key = "team",
                 .kind = Kind::text,
                 .sentence = "The team whose keys it manages, within that team's models; nothing else.",
                 .bind = bind<&AdminToken::team>(),
                 .presence = Presence::required,
                 .example = "search"},
            },
        .fresh = fresh<AdminToken>(),
    };
    return section;
}

}  // namespace

Section const& storage_section() {
    static Section const section{
        .title = "storage",
        .fields =
            {
                {.key = "database",
                 .kind = Kind::store_url,
                 .sentence = "Keys, teams and the ledger: `sqlite:///PATH` or `postgresql://...`. Unless given, "
                             "`DATABASE_URL`; without that, SQLite: `$SLUICE_DATA_DIR/sluice.db`, else "
                             "`/var/lib/sluice/sluice.db` if that directory can be written, else "
                             "`~/.local/share/sluice/sluice.db`.",
                 .bind = bind<&StorageDraft::database>(),
                 .choices = {"sqlite", "postgresql", "postgres"},
                 .example = "sqlite:///var/lib/sluice/sluice.db"},
                {.key = "shared_state",
                 .kind = Kind::store_url,
                 .sentence = "Limits that replicas share: `redis://HOST:PORT`; `REDIS_URL` unless given. Empty: this "
                             "process counts on its own.",
                 .bind = bind<&StorageDraft::shared_state>(),
                 .choices = {"redis"},
                 .example = "redis://redis.internal:6379"},
                {.key = "if_unavailable",
                 .kind = Kind::choice,
                 .standard = "deny",
                 .sentence = "While the database or the shared state is down: `deny` what would be charged, or `allow` "
                             "it and write it down later.",
                 .bind = bind_flag<&StorageDraft::allow_if_unavailable>(),
                 .choices = {"deny", "allow"}},
                {.key = "retention",
                 .kind = Kind::object,
                 .sentence = "How long things are kept.",
                 .bind = same_object(),
                 .section = retention_section},
            },
        .fresh = fresh<StorageDraft>(),
    };
    return section;
}

Section const& admin_section() {
    static Section const section{
        .title = "admin",
        .fields =
            {
                {.key = "token",
                 .kind = Kind::secret,
                 .sentence = "What the admin API asks for, but for health and metrics: `${VAR}`, `{env: VAR}`, `{file: "
                             "PATH}`, or itself. Without one it only explains.",
                 .bind = bind<&AdminSettings::token>(),
                 .example = "{ file: /run/secrets/sluice-admin }"},
                {.key = "tokens",
                 .kind = Kind::object_list,
                 .sentence = "Tokens with less power, each for the keys of one team.",
                 .bind = entries_of<&AdminSettings::tokens>(),
                 .section = admin_token_section},
                {.key = "warning_webhook",
                 .kind = Kind::secret,
                 .sentence = "URL that is told, in JSON by POST, when a budget passes one of its `warn_at`.",
                 .bind = bind<&AdminSettings::warning_webhook>(),
                 .example = "${BUDGET_WEBHOOK}"},
            },
        .fresh = fresh<AdminSettings>(),
    };
    return section;
}

}  // namespace sluice::config
