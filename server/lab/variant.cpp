#include "server/lab/variant.hpp"

#include <algorithm>

namespace sluice::lab {

Options const& choose_variant(Options const& options, std::string_view bearer, unsigned attempt, Random& random) {
    static Options const denied = [] {
        Options out;
        out.status = 401;
        return out;
    }();
    if (!options.accept_keys.empty() && std::ranges::find(options.accept_keys, bearer) == options.accept_keys.end())
        return denied;
    if (auto own = options.keys.find(std::string(bearer)); own != options.keys.end()) return *own->second;
    bool fails = attempt <= options.fail_first || (options.fail_ratio > 0 && random.unit() < options.fail_ratio);
    return fails && options.failure ? *options.failure : options;
}

}  // namespace sluice::lab
