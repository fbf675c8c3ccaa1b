#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace sluice {

/// Text that must not reach a log, a metric, an error or a client. It has no operator<<, and reading it is a call that
/// one can search for. Wiped when destroyed.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(Secret const&) = default;
    Secret(Secret&&) noexcept = default;
    Secret& operator=(Secret const&) = default;
    Secret& operator=(Secret&&) noexcept = default;
    ~Secret() {
        char volatile* bytes = value_.data();
        for (std::size_t i = 0; i < value_.size(); ++i) bytes[i] = 0;
    }

    std::string_view expose() const { return value_; }
    bool empty() const { return value_.empty(); }
    friend bool operator==(Secret const&, Secret const&) = default;

private:
    std::string value_;
};

}  // namespace sluice
