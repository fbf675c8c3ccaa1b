#pragma once
#include <expected>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "server/lab/request.hpp"

namespace sluice::lab {

/// What a provider makes of one request: lab options, in which a refusal is a status from 400 on.
struct Judgement {
    std::string model;
    std::string options;  ///< JSON
    std::string body;     ///< the request as this provider reads it: without what it ignores
};

/// One provider's habits and refusals, as its lab.yaml says: docs/guides/lab.md. Immutable. Thread: any.
class ProviderProfile {
public:
    /// Errors: an unknown key, a condition or an option with a mistake, and where.
    static std::expected<ProviderProfile, std::string> read(nlohmann::json document);

    /// `path`: the request's target behind the provider's name, with its query.
    Judgement judge(Request const& request, std::string_view path) const;

    /// The ids in its model list: those it knows that are no patterns.
    std::vector<std::string> models() const;

private:
    explicit ProviderProfile(std::shared_ptr<nlohmann::json const> document) : document_(std::move(document)) {}
    std::shared_ptr<nlohmann::json const> document_;
};

}  // namespace sluice::lab
