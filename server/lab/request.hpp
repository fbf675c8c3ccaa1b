#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::lab {

/// One request as it came.
struct Request {
    std::string method, target;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    bool keep_alive = true, http_1_0 = false, expects_continue = false;

    /// The first header of that name, in whatever case; empty if there is none.
    std::string_view header(std::string_view name) const;
};

}  // namespace sluice::lab
