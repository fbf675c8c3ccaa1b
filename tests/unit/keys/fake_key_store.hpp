#pragma once

#include <algorithm>
#include <mutex>
#include <optional>

#include "server/store/ledger_store.hpp"

namespace sluice::testing {

/// Keys in memory. Fails while `down`. Thread: any.
class FakeKeyStore final : public store::KeyStore {
public:
    Result<std::int64_t> version() override {
        return locked<std::int64_t>([this] { return version_; });
    }
    Result<std::vector<store::StoredKey>> keys() override {
        return locked<std::vector<store::StoredKey>>([this] { return keys_; });
    }
    Result<std::vector<store::StoredTeam>> teams() override {
        return locked<std::vector<store::StoredTeam>>([this] { return teams_; });
    }
    Result<> put(store::StoredKey const& key) override {
        auto const done = locked<bool>([this, &key] { return replace(keys_, key, &store::StoredKey::id); });
        return done ? Result<>() : std::unexpected(done.error());
    }
    Result<> put(store::StoredTeam const& team) override {
        auto const done = locked<bool>([this, &team] { return replace(teams_, team, &store::StoredTeam::name); });
        return done ? Result<>() : std::unexpected(done.error());
    }
    Result<bool> remove_key(std::string const& id) override {
        return locked<bool>([this, &id] { return removed(keys_, id, &store::StoredKey::id); });
    }
    Result<bool> remove_team(std::string const& name) override {
        return locked<bool>([this, &name] { return removed(teams_, name, &store::StoredTeam::name); });
    }

    void set_down(bool down) {
        std::lock_guard const lock(mutex_);
        down_ = down;
    }

private:
    template <class T, class Work>
    Result<T> locked(Work work) {
        std::lock_guard const lock(mutex_);
        if (down_) return std::unexpected(Error{.kind = ErrorKind::ledger_unavailable, .detail = "down"});
        return work();
    }
    template <class T, class Member>
    bool replace(std::vector<T>& all, T const& each, Member member) {
        ++version_;
        auto const found = std::ranges::find(all, each.*member, member);
        if (found == all.end()) {
            all.push_back(each);
        } else {
            *found = each;
        }
        return true;
    }
    template <class T, class Member>
    bool removed(std::vector<T>& all, std::string const& name, Member member) {
        ++version_;
        return std::erase_if(all, [&name, member](T const& each) { return each.*member == name; }) > 0;
    }

    std::mutex mutex_;
    std::vector<store::StoredKey> keys_;
    std::vector<store::StoredTeam> teams_;
    std::int64_t version_ = 0;
    bool down_ = false;
};

}  // namespace sluice::testing
