#pragma once

#include <string_view>

#include "server/net/connection.hpp"
#include "server/observe/log.hpp"

namespace sluice {

/// Connections that nobody counts; only those that end by a bug are logged.
class ConnectionLog final : public net::ConnectionObserver {
public:
    explicit ConnectionLog(observe::Log& log) : log_(log) {}
    void connection_opened() override {}
    void connection_closed() override {}
    void connection_failed(std::string_view what) override {
        log_.error("SL9001", "an admin connection ended by an exception", {{"what", what}});
    }

private:
    observe::Log& log_;
};

}  // namespace sluice
