#include "server/api/steering.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "core/json/json_index.hpp"
#include "core/types/parameter_rule.hpp"
#include "server/api/preferences.hpp"
#include "server/api/request_member.hpp"

namespace sluice::api {
namespace {

using std::string_view;

constexpr string_view nitro = ":nitro";
constexpr string_view floor_price = ":floor";
constexpr string_view only_free = ":free";

void apply_suffix(string_view suffix, Steering& steering) {
    if (suffix == nitro) steering.sort = SortBy::throughput;
    if (suffix == floor_price) steering.sort = SortBy::price;
    if (suffix == only_free) steering.free_only = true;
}

/// Of another model, a suffix that sorts can't be had for it alone. `:free` stays in the name: a model that has to be
/// paid for must not stand in.
void cut_sorting_suffixes(std::vector<std::string>& models) {
    for (auto& model : models) {
        auto const suffix = suffix_of(model);
        if (suffix == nitro || suffix == floor_price) model.resize(model.size() - suffix.size());
    }
}

constexpr auto body_bits = name_bit("models") | name_bit("provider") | name_bit("route");

Result<> read_body(ChatRequest const& chat, Steering& steering) {
    if ((chat.names & body_bits) == 0) return {};
    JsonIndex index;
    auto const member = [&chat, &index](string_view name) {
        auto const json = find_member(chat, name);
        auto const read = json.empty() ? JsonValue() : index.read(json).value_or(JsonValue());
        return read.has_value() ? read : JsonValue();
    };
    if (auto const models = member("models")) SLUICE_CHECK(read_names(models, "models", steering.models));
    if (auto const provider = member("provider")) SLUICE_CHECK(read_preferences(provider, "provider", steering));
    // An old word for how models[] are sorted. Other software has other routes: what is no word of ours says nothing.
    if (auto const route = member("route")) steering.pool_models = route.string() == "sort";
    return {};
}

string_view trimmed(string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

Result<> read_list(ChoiceHeaders const& headers, ChoiceHeader header, std::vector<std::string>& names) {
    auto rest = headers[header];
    if (rest.empty()) return {};
    names.clear();
    while (!rest.empty()) {
        auto const item = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), item.size() + 1));
        auto const name = trimmed(item);
        if (name.empty()) continue;
        if (name.size() > longest_name) return wrong_value(to_string(header), "must hold names of 256 bytes at most");
        if (names.size() == most_names) return wrong_value(to_string(header), "must hold 64 names at most");
        names.emplace_back(name);
    }
    return {};
}

/// "input,output", either may be missing.
Result<> read_price_header(string_view text, TargetFilter& filter) {
    auto const place = to_string(ChoiceHeader::max_price);
    auto const comma = text.find(',');
    auto const input = trimmed(text.substr(0, comma));
    auto const output = comma == string_view::npos ? string_view() : trimmed(text.substr(comma + 1));
    if (input.empty() && output.empty()) return wrong_value(place, "must be \"input,output\": US dollars per million");
    if (!input.empty()) {
        SLUICE_TRY(filter.max_input_price, price_written(input, place));
    }
    if (!output.empty()) {
        SLUICE_TRY(filter.max_output_price, price_written(output, place));
    }
    return {};
}

Result<> read_headers(ChoiceHeaders const& headers, Steering& steering) {
    if (headers.empty()) return {};
    if (auto const json = headers[ChoiceHeader::preferences]; !json.empty()) {
        auto const place = to_string(ChoiceHeader::preferences);
        JsonIndex index;
        auto const read = index.read(json);
        if (!read) return wrong_value(place, "must be JSON: an object like the body's `provider`");
        SLUICE_CHECK(read_preferences(*read, place, steering));
    }
    SLUICE_CHECK(read_list(headers, ChoiceHeader::models, steering.models));
    SLUICE_CHECK(read_list(headers, ChoiceHeader::order, steering.order));
    SLUICE_CHECK(read_list(headers, ChoiceHeader::only, steering.only));
    SLUICE_CHECK(read_list(headers, ChoiceHeader::ignore, steering.ignore));
    if (auto const word = headers[ChoiceHeader::sort]; !word.empty()) {
        SLUICE_TRY(steering.sort, sort_named(word, to_string(ChoiceHeader::sort)));
    }
    if (auto const prices = headers[ChoiceHeader::max_price]; !prices.empty()) {
        SLUICE_CHECK(read_price_header(prices, steering.filter));
    }
    return {};
}

}  // namespace

bool says_something(ChatRequest const& chat, ChoiceHeaders const& headers) {
    return !chat.model_suffix.empty() || (chat.names & body_bits) != 0 || !headers.empty();
}

Result<Steering> read_steering(ChatRequest const& chat, ChoiceHeaders const& headers) {
    Steering steering;
    apply_suffix(chat.model_suffix, steering);
    SLUICE_CHECK(read_body(chat, steering));
    SLUICE_CHECK(read_headers(headers, steering));
    cut_sorting_suffixes(steering.models);
    return steering;
}

Steering bounds_of(Steering const& steering) {
    Steering bounds{.free_only = steering.free_only, .filter = steering.filter};
    return bounds;
}

string_view suffix_of(string_view model) {
    for (auto const suffix : {nitro, floor_price, only_free}) {
        if (model.size() > suffix.size() && model.ends_with(suffix)) return suffix;
    }
    return {};
}

}  // namespace sluice::api
