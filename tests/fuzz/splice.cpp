// Edits of a JSON text at the places that JsonIndex gives: the pieces are the text with each edit made by hand, and
// another parser reads from them the same document with those values changed, and nothing else.
#include "core/types/splice.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/json_index.hpp"
#include "core/json/json_string.hpp"
#include "tests/fuzz/cuts.hpp"

namespace {

using namespace sluice;
using Json = nlohmann::json;
using Pointer = Json::json_pointer;

struct Place {
    JsonValue value;
    Pointer pointer;
};

/// Every value, in the order of the text; false if some object holds a name twice: then nobody can say which is meant.
bool walk(JsonValue value, Pointer const& pointer, std::vector<Place>& places) {
    places.push_back({value, pointer});
    std::set<std::string> names;
    for (auto const& member : value.members()) {
        auto const name = unescaped(member.name);
        if (!names.insert(name).second || !walk(member.value, pointer / name, places)) return false;
    }
    std::size_t index = 0;
    for (auto const element : value.elements()) {
        if (!walk(element, pointer / index++, places)) return false;
    }
    return true;
}

std::string by_hand(std::string text, std::vector<Edit> const& edits) {
    for (std::size_t i = edits.size(); i-- > 0;) text.replace(edits[i].offset, edits[i].length, edits[i].text);
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    constexpr std::array<std::string_view, 6> replacements{R"("other")",      "true", "-1.5e3",
                                                           R"({"a":[1,{}]})", "[]",   "\"\xC3\xA9\\u00e9\""};
    std::string const text(reinterpret_cast<char const*>(bytes), size);
    JsonIndex index;
    auto const root = index.read(text);
    std::vector<Place> places;
    if (!root || !walk(*root, Pointer(), places)) return 0;
    auto expected = Json::parse(text);
    fuzz::Cuts cuts(text);
    std::vector<Edit> edits;
    std::size_t behind = 0;
    for (auto const& place : places) {
        auto const raw = place.value.raw();
        fuzz::require(text.compare(place.value.offset(), raw.size(), raw) == 0, "a value stands where it says");
        if (place.value.offset() < behind || cuts.piece(4) != 1) continue;
        auto const& members = place.value.members();
        if (!members.empty() && cuts.piece(2) == 1) {  // a member in front of the first, as encode adds one
            if (expected.at(place.pointer).contains("\x01new")) continue;
            edits.push_back({place.value.offset() + 1, 0, R"("\u0001new":null,)"});
            expected.at(place.pointer)["\x01new"] = nullptr;
            behind = place.value.offset() + 1;
            continue;
        }
        auto const replacement = replacements[cuts.piece(replacements.size()) - 1];
        edits.push_back({place.value.offset(), raw.size(), std::string(replacement)});
        expected.at(place.pointer) = Json::parse(replacement);
        behind = place.value.offset() + raw.size();
    }
    std::string out;
    for (auto const piece : spliced(text, edits)) {
        fuzz::require(!piece.empty(), "no piece is empty");
        out += piece;
    }
    fuzz::require(out.size() == spliced_size(text, edits), "the size of the edited text is known");
    fuzz::require(out == by_hand(text, edits), "the edits are made, and nothing else");
    fuzz::require(Json::parse(out, nullptr, false) == expected, "the values are those, and no others");
    JsonIndex again;
    fuzz::require(again.read(out).has_value(), "the edited text is JSON for us as well");
    return 0;
}
