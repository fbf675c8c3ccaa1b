#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/known_model.hpp"
#include "core/types/settings.hpp"

/// The lists of `sluice models`.
namespace sluice::cli {

struct ModelRow {
    std::string name{};  ///< what a client writes; empty in the catalogue's own list
    std::string provider;
    std::string id;  ///< upstream
    config::KnownModel known{};
    std::optional<PriceSheet> prices{};
    bool is_own_price = false;  ///< the configuration's, not the catalogue's
};

/// Both empty: all. `glob` may hold stars, and is compared with the id, "provider/id", the canonical name and the name.
struct ModelFilter {
    std::string provider;
    std::string glob;
};

/// What the catalogue knows, by provider and id.
std::vector<ModelRow> catalogue_rows(ModelFilter const& filter);

/// What a gateway with these settings would serve: a row per model and target, in the order of the file.
std::vector<ModelRow> served_rows(Settings const& settings, ModelFilter const& filter);

/// Columns, a head line, "-" for what is unknown.
std::string to_table(std::vector<ModelRow> const& rows);
/// A JSON array; what is unknown is absent. Ends with a newline.
std::string to_json(std::vector<ModelRow> const& rows);

}  // namespace sluice::cli
