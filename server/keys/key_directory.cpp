#include "server/keys/key_directory.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "core/policy/allowed_models.hpp"
#include "server/keys/key_json.hpp"

namespace sluice::keys {
namespace {

std::unexpected<Error> both(std::string_view what, std::string const& name) {
    auto message = std::string(what) + " `" + name +
                   "` is in the configuration and in the database; the configuration is the truth: rename it there, or "
                   "remove the other (sluice " +
                   (what == "key" ? "keys" : "teams") + " delete)";
    return std::unexpected(Error{.kind = ErrorKind::invalid_value, .message = message, .detail = message});
}

Result<> check_names(Settings const& file, StoredKeys const& stored) {
    std::set<std::string_view> names;
    std::set<std::string_view> texts;
    for (auto const& key : file.keys) {
        names.insert(key.caller.name);
        texts.insert(key.sha256_hex);
    }
    for (auto const& key : stored.keys) {
        if (names.contains(key.name) || texts.contains(key.sha256_hex)) return both("key", key.name);
    }
    std::set<std::string_view> teams;
    for (auto const& team : file.teams) teams.insert(team.name);
    for (auto const& team : stored.teams) {
        if (teams.contains(team.name)) return both("team", team.name);
    }
    return {};
}

/// A key gets its team's tags, and no more than its team's models.
void join(TeamSettings const& team, Caller& caller) {
    caller.models = models_within(caller.models, team.models);
    caller.tags.insert(team.tags.begin(), team.tags.end());
}

std::string reason_of(Error const& error) {
    return error.message.empty() ? std::string(describe(error.kind).message) : error.message.str();
}

class Combiner {
public:
    Combiner(Settings const& file, KeyView& view) : file_(file), view_(view) {
        view_.keys = file.keys;
        view_.teams = file.teams;
        view_.limits = file.limits;
    }

    void run() {
        for (auto const& stored : view_.stored_teams) add(stored);
        for (auto& key : view_.keys) {
            bool const is_files =
                std::ranges::find(file_.teams, key.caller.team, &TeamSettings::name) != file_.teams.end();
            auto const* const team = is_files ? nullptr : view_.find_team(key.caller.team);
            if (team != nullptr) join(*team, key.caller);
        }
        for (auto const& stored : view_.stored_keys) add(stored);
        for (auto& [account, key] : newest_) {
            if (!key.second.empty())
                view_.limits.push_back({.kind = PayerKind::key, .name = account, .limits = std::move(key.second)});
        }
    }

private:
    void add(store::StoredTeam const& stored) {
        auto team = to_settings(stored);
        if (!team) return complain("team", stored.name, reason_of(team.error()));
        if (!team->limits.empty())
            view_.limits.push_back({.kind = PayerKind::team, .name = team->name, .limits = team->limits});
        view_.teams.push_back(*std::move(team));
    }

    void add(store::StoredKey const& stored) {
        auto key = to_settings(stored);
        if (!key) {
            complain("key", stored.name, reason_of(key.error()));
            KeySettings useless;
            useless.caller.id = account_of(stored);
            useless.caller.name = stored.name;
            useless.sha256_hex = stored.sha256_hex;
            useless.disabled = true;
            return view_.keys.push_back(std::move(useless));
        }
        if (auto const& name = key->caller.team; !name.empty()) {
            auto const* const team = view_.find_team(name);
            if (team != nullptr) {
                join(*team, key->caller);
            } else {  // its bounds are unknown
                complain("key", stored.name, "there is no team `" + name + "`");
                key->disabled = true;
            }
        }
        remember_limits(stored, *key);
        view_.keys.push_back(*std::move(key));
    }

    /// Keys that were rotated share an account; the newest says what it may use.
    void remember_limits(store::StoredKey const& stored, KeySettings const& key) {
        auto& [created, limits] = newest_[key.caller.id];
        if (stored.created < created) return;
        created = stored.created;
        limits = key.limits;
    }

    void complain(std::string_view what, std::string const& name, std::string const& reason) {
        view_.complaints.push_back(std::string(what) + " `" + name + "` can't be used: " + reason);
    }

    Settings const& file_;
    KeyView& view_;
    std::map<std::string, std::pair<WallTime, std::vector<Limit>>> newest_{};  ///< by account
};

}  // namespace

TeamSettings const* KeyView::find_team(std::string_view name) const {
    auto const found = std::ranges::find(teams, name, &TeamSettings::name);
    return found == teams.end() ? nullptr : &*found;
}

store::StoredKey const* KeyView::find_stored(std::string_view id_or_name) const {
    for (auto const& key : stored_keys)
        if (key.id == id_or_name) return &key;
    for (auto const& key : stored_keys)
        if (key.name == id_or_name) return &key;
    return nullptr;
}

Result<std::shared_ptr<KeyView const>> combine(Settings const& file, StoredKeys stored) {
    SLUICE_CHECK(check_names(file, stored));
    auto view = std::make_shared<KeyView>();
    view->stored_keys = std::move(stored.keys);
    view->stored_teams = std::move(stored.teams);
    view->version = stored.version;
    Combiner(file, *view).run();
    return view;
}

/// The version first: what changes meanwhile is seen again.
Result<StoredKeys> KeyDirectory::read() const {
    StoredKeys stored;
    if (store_ == nullptr) return stored;
    SLUICE_TRY(stored.version, store_->version());
    SLUICE_TRY(stored.teams, store_->teams());
    SLUICE_TRY(stored.keys, store_->keys());
    return stored;
}

Result<KeyDirectory::View> KeyDirectory::preview(Settings const& file) const {
    SLUICE_TRY(auto stored, read());
    return combine(file, std::move(stored));
}

void KeyDirectory::adopt(Settings const& file, View view) {
    std::lock_guard const lock(mutex_);
    file_ = std::make_shared<Settings const>(file);
    view_ = std::move(view);
}

KeyDirectory::View KeyDirectory::view() const {
    std::lock_guard const lock(mutex_);
    return view_;
}

std::shared_ptr<Settings const> KeyDirectory::file() const {
    std::lock_guard const lock(mutex_);
    return file_;
}

Result<KeyDirectory::View> KeyDirectory::refresh() {
    std::lock_guard const one(refreshing_);
    for (;;) {
        std::unique_lock lock(mutex_);
        auto const file = file_;
        lock.unlock();
        if (!file) return std::unexpected(Error{.kind = ErrorKind::internal, .detail = "no keys are in force yet"});
        SLUICE_TRY(auto view, preview(*file));
        lock.lock();
        if (file_ != file) continue;  // a reload came between
        view_ = view;
        auto const changed = changed_;
        lock.unlock();
        if (changed) changed(view);
        return view;
    }
}

void KeyDirectory::watch(OnChange changed, OnState state, milliseconds every) {
    {
        std::lock_guard const lock(mutex_);
        changed_ = std::move(changed);
    }
    state_ = std::move(state);
    if (store_ != nullptr) thread_ = std::thread([this, every] { look(every); });
}

void KeyDirectory::stop() {
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void KeyDirectory::look(milliseconds every) {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, every, [this] { return stopping_; })) {
        if (!view_) continue;
        auto const known = view_->version;
        lock.unlock();
        auto const version = store_->version();
        Result<> result;
        if (!version) {
            result = std::unexpected(version.error());
        } else if (*version != known) {
            if (auto const view = refresh(); !view) result = std::unexpected(view.error());
        }
        note(result);
        lock.lock();
    }
}

/// Once for each change, not once a second.
void KeyDirectory::note(Result<> const& result) {
    bool const fails = !result.has_value();
    if (fails != failing_ && state_) state_(result);
    failing_ = fails;
}

}  // namespace sluice::keys
