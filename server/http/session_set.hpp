#pragma once

#include <cstddef>
#include <unordered_set>

namespace sluice::http {

class Session;

/// The open sessions of one listener on one worker, for draining. Thread: the worker's.
class SessionSet {
public:
    void add(Session& session) { sessions_.insert(&session); }
    void remove(Session& session) { sessions_.erase(&session); }
    std::size_t size() const { return sessions_.size(); }
    std::size_t busy() const;

    /// From now on every answer says `connection: close`.
    void start_draining() { draining_ = true; }
    bool draining() const { return draining_; }
    void close_idle();
    void cancel_all();

private:
    std::unordered_set<Session*> sessions_;
    bool draining_ = false;
};

}  // namespace sluice::http
