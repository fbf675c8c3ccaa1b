#pragma once
#include <string>

#include "server/lab/options.hpp"

namespace sluice::lab {

/// Adds to the JSON of one answer, and takes out of it, what `extra`, `omit` and their like ask for: the members in
/// which providers differ. `options` must outlive it.
class Decorator {
public:
    explicit Decorator(Options const& options) : options_(options) {}

    /// The chunks of a stream in their order.
    std::string chunk(std::string json);
    /// A whole answer.
    std::string answer(std::string json);

private:
    Options const& options_;
    bool has_begun_ = false, has_called_ = false;
    std::string said_;  ///< so far, for `cumulative`
};

}  // namespace sluice::lab
