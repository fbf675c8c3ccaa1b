#pragma once

#include "core/pipeline/health.hpp"
#include "server/api/idempotency.hpp"
#include "server/books.hpp"
#include "server/net/memory_guard.hpp"
#include "server/observe/access_log.hpp"
#include "server/observe/log.hpp"
#include "server/observe/metrics.hpp"

namespace sluice {

/// Whose figures the metrics page shows beside what workers count. All outlive the page's last reader.
struct MetricSources {
    HealthRegistry& health;
    Books& books;
    net::MemoryGuard& memory;
    api::IdempotencyTable& idempotency;
    observe::AccessLog& access_log;
    observe::Log& log;
};

void give_sources(observe::Metrics& metrics, MetricSources const& sources);

}  // namespace sluice
