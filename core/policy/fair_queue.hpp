#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace sluice {

/// Who waits, and whose turn it is: one of each team in turn, and inside a team the one that came first. So a team that
/// floods makes only itself wait. Pure.
class FairQueue {
public:
    using Number = std::uint64_t;  ///< of one that waits: rises with each push()

    Number push(std::string_view team);
    std::optional<Number> front() const;
    /// The next team comes to its turn. The queue must not be empty.
    void pop();
    /// Takes out one that gave up; it must still be waiting.
    void remove(std::string_view team, Number number);

    std::size_t size() const { return size_; }

private:
    struct Team;
    using Teams = std::map<std::string, Team, std::less<>>;
    struct Team {
        std::set<Number> waiting{};
        std::list<Teams::iterator>::iterator turn{};
    };

    void drop_if_empty(Teams::iterator team);

    Teams teams_;                       ///< those with somebody who waits
    std::list<Teams::iterator> turns_;  ///< all of them
    Number last_ = 0;
    std::size_t size_ = 0;
};

}  // namespace sluice
