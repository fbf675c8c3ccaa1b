#include "server/books.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "core/pipeline/answer_headers.hpp"
#include "core/pipeline/limit_error.hpp"
#include "server/cli/http_client.hpp"
#include "server/store/ledger_check.hpp"
#include "server/store/postgres_store.hpp"

namespace sluice {
namespace {

constexpr seconds look_interval{1};
/// Looks at other processes on the ledger: for whether there is one, and at what it does.
constexpr milliseconds follow_interval{100};
constexpr milliseconds follow_closely_interval{20};
constexpr seconds check_interval{10};
constexpr std::chrono::hours forget_interval{1};
constexpr seconds webhook_timeout{5};

/// Since when the sums of single hours matter: for the longest period that has a beginning.
WallTime earliest_window(std::vector<LimitRule> const& rules, WallTime now) {
    seconds longest = std::chrono::days(32);
    for (auto const& rule : rules) {
        for (auto const& limit : rule.limits) longest = std::max(longest, limit.per.length + std::chrono::hours(1));
    }
    return now - longest;
}

/// Where a process keeps its journal. It belongs to one database, whose name is therefore part of the folder's.
std::string journal_folder(std::string_view database, config::Environment const& environment) {
    constexpr std::string_view sqlite = "sqlite://";
    if (database.starts_with(sqlite)) return std::string(database.substr(sqlite.size())) + "-journals";
    auto folder = std::filesystem::temp_directory_path() / "sluice";
    for (auto const* const name : {"STATE_DIRECTORY", "SLUICE_DATA_DIR"}) {
        auto const given = environment ? environment(name).value_or("") : std::string();
        if (!given.empty()) folder = given;
    }
    std::string name(database.substr(database.find("://") + 3));
    name.erase(0, name.rfind('@') + 1);  // no password, which may change
    name.erase(std::min(name.find('?'), name.size()));
    std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '-'; }, '_');
    return folder / (name + "-journals");
}

}  // namespace

Result<> Books::open(Settings const& settings, config::Environment const& environment,
                     std::function<std::int64_t()> served) {
    served_ = std::move(served);
    if (settings.storage.enabled) {
        auto const database = settings.storage.database.expose();
        SLUICE_TRY(store_, store::open_store(database, store::OpenedBy::gateway));
        bool const is_shared = store::names_postgres(database);
        store::LedgerWriterOptions options{
            .recorded_in = is_shared ? store::RecordedIn::store : store::RecordedIn::journal,
            .journal_folder = journal_folder(database, environment)};
        options.allow_if_unavailable = settings.storage.allow_if_unavailable;
        options.on_change = [this](Error const* failure) {
            if (failure == nullptr) return log_.info("the ledger works again");
            log_.error("SL5001", "the ledger fails", {{"reason", failure->detail.str()}});
        };
        writer_ = std::make_unique<store::LedgerWriter>(*store_, std::move(options));
        SLUICE_CHECK(writer_->start());
        if (!writer_->journal_lasts()) {
            log_.warning("SL5013",
                         "no folder for the ledger's journal: should the database be away when this process ends, what "
                         "it lacks is lost");
        }
    }
    SLUICE_CHECK(share_limits(settings.storage));
    if (store_ != nullptr && broker_ == nullptr) {
        predecessor_ = std::make_unique<PredecessorCalls>(*store_, writer_->epoch(), limits_);
    }
    keeper_ = std::thread([this] { keep(); });
    return {};
}

/// With replicas the broker knows what was used before, by all of them.
Result<> Books::share_limits(StorageSettings const& storage) {
    auto const database = storage.database.expose();
    if (storage.shared_state.empty()) {
        if (store::names_postgres(database)) {
            log_.warning("SL5008", "limits are this process's alone: replicas share them through storage.shared_state");
        }
        return {};
    }
    SLUICE_TRY(shared_use_, store::open_shared_use(database));
    if (auto wrong = store::check_redis_url(storage.shared_state)) {
        return std::unexpected(Error{.kind = ErrorKind::invalid_value, .detail = "storage.shared_state: " + *wrong});
    }
    using store::WithoutRedis;
    broker_ = std::make_unique<store::LeaseBroker>(
        limits_, *shared_use_, storage.shared_state,
        store::LeaseBroker::Options{
            .epoch = writer_->epoch(),
            .without_redis = storage.allow_if_unavailable ? WithoutRedis::alone : WithoutRedis::refuse,
            .now = now,
            .tell = [this](std::string_view what, std::string const& message) {
                log_.warning("SL5012", message, {{"what", what}});
            }});
    return {};
}

void Books::adopt(Settings const& settings, std::vector<LimitRule> rules) {
    {
        std::lock_guard const lock(mutex_);
        webhook_ = settings.admin.warning_webhook.expose();
        keep_calls_ = settings.storage.keep_calls;
    }
    auto const moment = now();
    auto const since = earliest_window(rules, moment);
    limits_.configure(std::move(rules));
    if (predecessor_ == nullptr) return;
    auto const held = store_->held_by_others(writer_->epoch(), moment);
    auto const sums = used_before(since, moment);
    if (!follower_.joinable()) follower_ = std::thread([this] { follow(); });
    if (!held || !sums) {
        return log_.error("SL5002", "what was used before is not known: limits begin anew",
                          {{"reason", (!held ? held : sums).error().detail.str()}});
    }
    for (auto const* const used : {&*held, &*sums}) {
        for (auto const& sum : *used) limits_.restore(sum.payer, sum.hour, sum.used, moment);
    }
    limits_.restored();
}

Result<std::vector<store::HourSum>> Books::used_before(WallTime since, WallTime moment) {
    if (!predecessor_->has_begun()) return predecessor_->begin(since, moment);
    predecessor_->hold_anew(moment);
    return store_->sums(since);
}

Result<> Books::close(Instant deadline) {
    stop_keeping();
    broker_.reset();
    return writer_ == nullptr ? Result<>() : writer_->close(deadline);
}

std::optional<std::string_view> Books::sharing() const {
    if (broker_ == nullptr) return std::nullopt;
    switch (broker_->state()) {
        case store::LeaseState::starting:
            return "starting";
        case store::LeaseState::shared:
            return "shared";
        case store::LeaseState::alone:
            return "alone";
        case store::LeaseState::closed:
            break;
    }
    return "closed";
}

observe::LedgerFacts Books::facts() const {
    if (writer_ == nullptr) return {};
    auto const status = writer_->status();
    return {.works = !status.failing,
            .waiting = static_cast<std::uint64_t>(status.waiting),
            .written = static_cast<std::uint64_t>(status.events_written),
            .failures = static_cast<std::uint64_t>(status.failures),
            .missing = missing_,
            .sharing = sharing()};
}

void Books::keep() {
    auto next_check = std::chrono::steady_clock::now() + check_interval;
    auto next_forget = next_check;
    std::unique_lock lock(mutex_);
    while (!bell_.wait_for(lock, look_interval, [this] { return ends_; })) {
        lock.unlock();
        warn();
        auto const now = std::chrono::steady_clock::now();
        if (store_ != nullptr && now >= next_check) {
            check();
            next_check = now + check_interval;
        }
        if (store_ != nullptr && now >= next_forget) {
            forget_old_calls();
            next_forget = now + forget_interval;
        }
        lock.lock();
    }
}

/// A thread of its own: a webhook that hangs must not keep it from looking.
void Books::follow() {
    std::unique_lock lock(mutex_);
    auto nap = follow_interval;
    while (!bell_.wait_for(lock, nap, [this] { return ends_; })) {
        lock.unlock();
        std::ignore = predecessor_->look(now());  // that the store fails, others say; the next look catches up
        bool const is_alone = predecessor_->is_alone();
        writer_->others_look(!is_alone);
        nap = is_alone ? follow_interval : follow_closely_interval;
        lock.lock();
    }
}

void Books::stop_keeping() {
    {
        std::lock_guard const lock(mutex_);
        ends_ = true;
    }
    bell_.notify_all();
    for (auto* const thread : {&keeper_, &follower_}) {
        if (thread->joinable()) thread->join();
    }
}

void Books::warn() {
    auto const warnings = limits_.take_warnings();
    if (warnings.empty()) return;
    std::string url;
    {
        std::lock_guard const lock(mutex_);
        url = webhook_;
    }
    for (auto const& warning : warnings) {
        log_.warning("SL5003", "a limit comes near its end",
                     {{"scope", to_text(warning.payer.kind)},
                      {"name", warning.payer.name},
                      {"limit", to_text(warning.limit)},
                      {"percent", warning.percent}});
        if (!url.empty()) send(url, warning);
    }
}

void Books::send(std::string const& url, LimitWarning const& warning) {
    bool const is_money = warning.limit.of == Resource::money;
    nlohmann::json const body{{"event", "limit_warning"},
                              {"scope", to_text(warning.payer.kind)},
                              {"name", warning.payer.name},
                              {"limit", to_text(warning.limit)},
                              {"percent", warning.percent},
                              {"used", is_money ? to_usd(NanoUsd{warning.used}) : std::to_string(warning.used)}};
    auto const answer = cli::call({.method = "POST",
                                   .url = url,
                                   .headers = {{"content-type", "application/json"}},
                                   .body = body.dump(),
                                   .timeout = webhook_timeout},
                                  [](std::string_view) {});
    if (answer && answer->status < 300) return;
    log_.error("SL5004", "the webhook for warnings did not take one",
               {{"reason", answer ? "status " + std::to_string(answer->status) : answer.error().detail.str()}});
}

/// What was served is read first: what comes later may have more.
void Books::check() {
    auto const served = served_();
    auto const told = writer_->counts();
    auto const written = store_->counts(writer_->epoch());
    if (!written) return;  // the store fails, which others say
    auto const fault = store::check_ledger(served, told, *written);
    if (!fault) return;
    missing_ = static_cast<std::uint64_t>(std::max<std::int64_t>(served - told.answered, 1));
    log_.error("SL5005", "the ledger lacks calls", {{"what", fault->what}});
}

void Books::forget_old_calls() {
    std::chrono::hours keep_for{};
    {
        std::lock_guard const lock(mutex_);
        keep_for = keep_calls_;
    }
    if (keep_for <= std::chrono::hours(0)) return;
    auto const forgotten = store_->forget(now() - keep_for);
    if (!forgotten)
        return log_.error("SL5006", "old calls are not forgotten", {{"reason", forgotten.error().detail.str()}});
    if (*forgotten > 0) log_.info("old calls are forgotten", {{"calls", *forgotten}});
}

}  // namespace sluice
