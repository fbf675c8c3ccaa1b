#include "server/explain/limit_json.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/pipeline/limit_error.hpp"
#include "server/keys/key_json.hpp"

namespace sluice::explain {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, static_cast<std::size_t>(Resource::count_)> resource_names{
    "money", "requests", "tokens", "concurrent"};

/// For people; what is exact stands beside it.
double usd(std::int64_t nano) { return static_cast<double>(nano) / 1e9; }

}  // namespace

Json json_of(LimitStatus const& status, std::string const& key_name) {
    auto const resource = status.limit.of;
    Json json{{"kind", to_text(status.payer.kind)}, {"name", status.payer.name}};
    if (status.payer.kind == PayerKind::key) json["key"] = key_name;
    json["of"] = resource_names[static_cast<std::size_t>(resource)];
    if (resource != Resource::concurrent) {
        json["per"] = keys::to_text(status.limit.per);
        json["rolling"] = status.limit.per.kind == LimitPeriod::Kind::rolling;
    }
    json["most"] = status.limit.most;
    json["settled"] = status.settled;
    json["reserved"] = status.reserved;
    if (resource == Resource::money) {
        json["usd"] = Json{
            {"most", usd(status.limit.most)}, {"settled", usd(status.settled)}, {"reserved", usd(status.reserved)}};
    }
    if (resource != Resource::concurrent && status.window_began.time_since_epoch().count() > 0)
        json["window_began"] = keys::iso_time(status.window_began);
    if (status.resets_at) json["resets_at"] = keys::iso_time(*status.resets_at);
    return json;
}

}  // namespace sluice::explain
