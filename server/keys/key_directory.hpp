#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/types/clock.hpp"
#include "core/types/result.hpp"
#include "core/types/settings.hpp"
#include "server/store/ledger_store.hpp"

namespace sluice::keys {

/// All keys and teams, those of the file and those of the store. Immutable.
struct KeyView {
    std::vector<KeySettings> keys{};  ///< the file's first; models and tags as their teams make them
    std::vector<TeamSettings> teams{};
    std::vector<LimitRule> limits{};  ///< Settings::limits, and those of stored keys and teams
    std::vector<store::StoredKey> stored_keys{};
    std::vector<store::StoredTeam> stored_teams{};
    /// Stored keys that are good for nothing, for a reason: each a sentence with its name. They are in `keys`,
    /// disabled.
    std::vector<std::string> complaints{};
    std::int64_t version = 0;  ///< KeyStore::version()

    TeamSettings const* find_team(std::string_view name) const;
    /// By its id or its name. Null: there is none.
    store::StoredKey const* find_stored(std::string_view id_or_name) const;
};

/// What the store holds, read at once.
struct StoredKeys {
    std::vector<store::StoredKey> keys{};
    std::vector<store::StoredTeam> teams{};
    std::int64_t version = 0;
};

/// Puts both together. The file is the truth for what it names: errors: invalid_value where a stored key or team has
/// the name or the text of one in the file.
Result<std::shared_ptr<KeyView const>> combine(Settings const& file, StoredKeys stored);

/// Keeps the view of all keys up to date: looks twice a second whether the store has changed, whoever changed it. While
/// the store does not answer, the keys that are known stay good. Thread: any.
class KeyDirectory {
public:
    using View = std::shared_ptr<KeyView const>;
    using OnChange = std::function<void(View const&)>;
    using OnState = std::function<void(Result<> const&)>;

    /// `store`: null, or it outlives this. Then only the file's keys are there.
    explicit KeyDirectory(store::KeyStore* store) : store_(store) {}
    KeyDirectory(KeyDirectory const&) = delete;
    KeyDirectory& operator=(KeyDirectory const&) = delete;
    ~KeyDirectory() { stop(); }

    /// What would be in force with `file`: changes nothing. Reads the store, and blocks. Errors: as combine();
    /// ledger_unavailable.
    Result<View> preview(Settings const& file) const;
    /// From now on `file` and `view`, which came from preview(), are in force.
    void adopt(Settings const& file, View view);
    /// Null before the first adopt(), like the next.
    View view() const;
    std::shared_ptr<Settings const> file() const;

    /// After a change of one's own: reads the store at once, and tells who watches. Blocks. Errors: as preview().
    Result<View> refresh();

    /// Begins to look, on a thread of its own. `changed` is called there, or by refresh() on its caller's thread, with
    /// each new view; `state` when the store begins to fail or to answer again.
    void watch(OnChange changed, OnState state, milliseconds every = milliseconds(500));
    void stop();

private:
    Result<StoredKeys> read() const;
    void look(milliseconds every);
    void note(Result<> const& result);

    store::KeyStore* const store_;
    std::mutex refreshing_;     ///< one refresh() at a time: views go in the order of versions
    std::mutex mutable mutex_;  ///< guards the next four
    std::shared_ptr<Settings const> file_;
    View view_;
    OnChange changed_;
    bool stopping_ = false;
    std::condition_variable wake_;
    OnState state_;         ///< the looking thread's
    bool failing_ = false;  ///< the looking thread's
    std::thread thread_;
};

}  // namespace sluice::keys
