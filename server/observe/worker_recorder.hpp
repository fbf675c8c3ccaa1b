#pragma once

#include "core/pipeline/ports.hpp"
#include "server/observe/access_log.hpp"
#include "server/observe/metrics_shard.hpp"

namespace sluice::observe {

/// Where one worker's finished requests go: its shard of the metrics and its end of the access log.
class WorkerRecorder : public Recorder {
public:
    WorkerRecorder(MetricsShard& metrics, AccessLogShard& access_log) : metrics_(metrics), access_log_(access_log) {}

    void record(Outcome const& outcome) override {
        metrics_.record(outcome);
        access_log_.write(outcome);
    }

private:
    MetricsShard& metrics_;
    AccessLogShard& access_log_;
};

}  // namespace sluice::observe
