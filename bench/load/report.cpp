#include "report.hpp"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <string_view>

namespace sluice::bench {
namespace {

double microseconds(std::chrono::nanoseconds duration) { return static_cast<double>(duration.count()) / 1e3; }

std::string quantiles(Histogram const& histogram) {
    return fmt::format(R"({{"count":{},"p50":{:.2f},"p90":{:.2f},"p99":{:.2f},"p999":{:.2f},"max":{:.2f}}})",
                       histogram.count(), microseconds(histogram.quantile(0.5)), microseconds(histogram.quantile(0.9)),
                       microseconds(histogram.quantile(0.99)), microseconds(histogram.quantile(0.999)),
                       microseconds(histogram.max()));
}

/// A map as an object. Keys are ours or numbers: nothing to escape.
template <class Map>
std::string counts(Map const& map) {
    std::string text = "{";
    for (auto const& [key, count] : map) {
        fmt::format_to(std::back_inserter(text), "{}\"{}\":{}", text.size() > 1 ? "," : "", key, count);
    }
    return text += "}";
}

/// At most a few of the digests: what differs from stream to stream by design is no use to a reader.
std::string contents(StreamTally const& streams) {
    constexpr std::size_t shown = 4;
    std::map<std::string, std::uint64_t> some;
    for (auto const& [digest, count] : streams.contents) {
        if (some.size() == shown) break;
        some[fmt::format("{:016x}", digest)] = count;
    }
    return fmt::format(R"({{"distinct":{},"streams":{}}})", streams.contents.size(), counts(some));
}

std::string by_status(std::map<int, Histogram> const& latencies) {
    std::string text = "{";
    for (auto const& [status, latency] : latencies) {
        fmt::format_to(std::back_inserter(text), "{}\"{}\":{}", text.size() > 1 ? "," : "", status, quantiles(latency));
    }
    return text += "}";
}

std::string stream_members(StreamTally const& streams, double seconds) {
    return fmt::format(
        R"("events":{},"events_per_second":{:.1f},"deltas":{},"numbered":{},"contents":{},)"
        R"("comments":{},"lost":{},"repeated":{},)"
        R"("reordered":{},"error_events":{},"first_event_us":{},"between_events_us":{},"transit_us":{},)",
        streams.events, static_cast<double>(streams.events) / seconds, streams.deltas, streams.numbered,
        contents(streams), streams.comments, streams.lost, streams.repeated, streams.reordered, streams.error_events,
        quantiles(streams.first_event), quantiles(streams.between_events), quantiles(streams.transit));
}

}  // namespace

std::string report(Options const& options, Tally const& tally) {
    constexpr std::string_view modes[] = {"json", "stream", "hold"};
    std::uint64_t errors = 0;
    for (auto const& [reason, count] : tally.errors) errors += count;
    double const seconds = static_cast<double>(tally.elapsed.count()) / 1e9;
    std::size_t const smallest = tally.answers == 0 ? 0 : tally.smallest_answer;

    auto text =
        fmt::format(R"({{"mode":"{}","connections":{},"requests":{},"errors":{},"error_kinds":{},"mismatched":{},)",
                    modes[static_cast<std::size_t>(options.mode)], options.connections, tally.answers, errors,
                    counts(tally.errors), tally.mismatched);
    if (options.mode != Mode::json) text += stream_members(tally.streams, seconds);
    return text + fmt::format(R"("seconds":{:.6f},"requests_per_second":{:.1f},"statuses":{},"reconnects":{},)"
                              R"("bytes":{},"answer_bytes":[{},{}],"told_when":{},"late":{},)"
                              R"("latency_by_status_us":{},"latency_us":{}}})",
                              seconds, static_cast<double>(tally.answers) / seconds, counts(tally.statuses),
                              tally.reconnects, tally.bytes_received, smallest, tally.largest_answer, tally.told_when,
                              tally.late, by_status(tally.latency_by_status), quantiles(tally.latency));
}

}  // namespace sluice::bench
