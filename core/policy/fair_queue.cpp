#include "core/policy/fair_queue.hpp"

namespace sluice {

FairQueue::Number FairQueue::push(std::string_view team) {
    auto found = teams_.find(team);
    if (found == teams_.end()) {
        found = teams_.try_emplace(std::string(team)).first;
        found->second.turn = turns_.insert(turns_.end(), found);
    }
    found->second.waiting.insert(++last_);
    ++size_;
    return last_;
}

std::optional<FairQueue::Number> FairQueue::front() const {
    if (turns_.empty()) return std::nullopt;
    return *turns_.front()->second.waiting.begin();
}

void FairQueue::pop() {
    auto const team = turns_.front();
    team->second.waiting.erase(team->second.waiting.begin());
    --size_;
    turns_.splice(turns_.end(), turns_, turns_.begin());
    drop_if_empty(team);
}

void FairQueue::remove(std::string_view team, Number number) {
    auto const found = teams_.find(team);
    if (found == teams_.end() || found->second.waiting.erase(number) == 0) return;
    --size_;
    drop_if_empty(found);
}

void FairQueue::drop_if_empty(Teams::iterator team) {
    if (!team->second.waiting.empty()) return;
    turns_.erase(team->second.turn);
    teams_.erase(team);
}

}  // namespace sluice
