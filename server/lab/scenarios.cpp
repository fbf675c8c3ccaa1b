#include "server/lab/scenarios.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/lab/scenario_file.hpp"

namespace sluice::lab {

using nlohmann::json;

struct Scenarios::State {
    json scenarios = json::object();
    json defaults = json::object();
    json listener = json::object();
    json outage = json::array();

    /// The scenario's options over those of the scenario it names. False: there is no such scenario.
    bool lay(std::string const& name, json& out, int depth = 0) const {
        auto found = scenarios.find(name);
        if (found == scenarios.end() || depth > 8) return false;
        if (auto parent = found->find("scenario"); parent != found->end() && parent->is_string())
            if (!lay(parent->get<std::string>(), out, depth + 1)) return false;
        out.update(*found);
        return true;
    }
};

namespace {

std::expected<json, SelectionError> parse_object(std::string_view text, char const* where) {
    if (text.empty()) return json::object();
    auto value = json::parse(text, nullptr, false);
    if (!value.is_object()) return std::unexpected(SelectionError{400, std::string(where) + " must be a JSON object"});
    return value;
}

std::string name_in(json const& options) {
    auto name = options.find("scenario");
    return name != options.end() && name->is_string() ? name->get<std::string>() : std::string();
}

bool applies(json const& outage, std::string_view model) {
    auto models = outage.find("models");
    return models == outage.end() || std::ranges::any_of(*models, [model](json const& name) { return name == model; });
}

}  // namespace

Scenarios::Scenarios(std::unique_ptr<State> state) : state_(std::move(state)) {}
Scenarios::~Scenarios() = default;

std::expected<std::unique_ptr<Scenarios>, std::string> Scenarios::load(std::string const& file) {
    auto state = std::make_unique<State>();
    state->scenarios = builtin_scenarios();
    if (!file.empty()) {
        auto document = read_scenario_file(file);
        if (!document) return std::unexpected(std::move(document.error()));
        if (document->contains("scenarios")) state->scenarios.update((*document)["scenarios"]);
        if (document->contains("defaults")) state->defaults = (*document)["defaults"];
        if (document->contains("listener")) state->listener = (*document)["listener"];
    }
    std::unique_ptr<Scenarios> out(new Scenarios(std::move(state)));
    for (auto const& name : out->names()) {
        Selection selection;
        selection.model = name;
        auto options = out->resolve(selection);
        if (!options) return std::unexpected("scenario `" + name + "`: " + options.error().message);
    }
    return out;
}

std::expected<std::shared_ptr<Options const>, SelectionError> Scenarios::resolve(Selection const& selection) const {
    auto body = parse_object(selection.body_options, "`lab`");
    if (!body) return std::unexpected(std::move(body.error()));
    auto header = parse_object(selection.header_options, "x-lab");
    if (!header) return std::unexpected(std::move(header.error()));
    auto name = name_in(*header);
    if (name.empty()) name = name_in(*body);
    if (name.empty()) name = selection.path_scenario;
    bool is_named = !name.empty();
    if (!is_named) name = selection.model;
    json merged = state_->defaults;
    bool has_hints = !selection.body_options.empty() || !selection.header_options.empty();
    if (!state_->lay(name, merged) && (is_named || !has_hints))
        return std::unexpected(SelectionError{404, "The model `" + name + "` does not exist in the lab"});
    {
        std::lock_guard lock(mutex_);
        for (auto const& outage : state_->outage) {
            if (!applies(outage, selection.model)) continue;
            if (auto from = name_in(outage); !from.empty()) state_->lay(from, merged);
            if (auto options = outage.find("options"); options != outage.end()) merged.update(*options);
        }
    }
    merged.update(*body);
    merged.update(*header);
    auto options = read_options(merged);
    if (!options) return std::unexpected(SelectionError{400, std::move(options.error())});
    return std::make_shared<Options const>(*std::move(options));
}

std::expected<void, std::string> Scenarios::set_outage(json const& outage) {
    json list = outage.is_array() ? outage : json::array({outage});
    for (auto const& entry : list) {
        if (!entry.is_object()) return std::unexpected("an outage is an object: scenario, options, models");
        for (auto const& [key, value] : entry.items())
            if (key != "scenario" && key != "options" && key != "models")
                return std::unexpected("unknown key `" + key + "`; allowed: scenario, options, models");
        json merged = json::object();
        if (auto name = name_in(entry); !name.empty() && !state_->lay(name, merged))
            return std::unexpected("there is no scenario `" + name + "`");
        if (auto models = entry.find("models"); models != entry.end() && !models->is_array())
            return std::unexpected("`models` must be a list");
        if (auto over = entry.find("options"); over != entry.end()) {
            if (!over->is_object()) return std::unexpected("`options` must be an object");
            merged.update(*over);
        }
        if (auto options = read_options(merged); !options) return std::unexpected(std::move(options.error()));
    }
    std::lock_guard lock(mutex_);
    state_->outage = std::move(list);
    ++version_;
    return {};
}

std::vector<std::string> Scenarios::names() const {
    std::vector<std::string> names;
    for (auto const& [name, options] : state_->scenarios.items()) names.push_back(name);
    return names;
}

json const& Scenarios::listener() const { return state_->listener; }

}  // namespace sluice::lab
