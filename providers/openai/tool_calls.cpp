#include "providers/openai/tool_calls.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "core/types/error.hpp"

namespace sluice::openai {
namespace {

using std::string_view;

/// The members of a call, or of a part of one.
struct CallMembers {
    JsonValue index, id, type, function, name, arguments;
};

CallMembers members_of(JsonValue call) {
    CallMembers found;
    for (auto const& member : call.members()) {
        if (member.named("index")) {
            found.index = member.value;
        } else if (member.named("id")) {
            found.id = member.value;
        } else if (member.named("type")) {
            found.type = member.value;
        } else if (member.named("function")) {
            found.function = member.value;
        }
    }
    for (auto const& member : found.function.members()) {
        if (member.named("name")) {
            found.name = member.value;
        } else if (member.named("arguments")) {
            found.arguments = member.value;
        }
    }
    return found;
}

std::uint64_t text_size(CallMembers const& call) {
    auto const& arguments = call.arguments;
    auto const size = arguments.is(JsonType::string) ? arguments.string().size() : arguments.raw().size();
    return call.name.string().size() + size;
}

/// What must happen to a call. An empty text: nothing.
struct CallFixes {
    string_view index{};
    string_view id{};
    string_view arguments{};
    bool type = false;       ///< is missing
    bool drop_id = false;    ///< stood in an earlier delta
    bool drop_name = false;  ///< the same

    bool any() const { return !index.empty() || !id.empty() || !arguments.empty() || type || drop_id || drop_name; }
};

string_view decimal(std::int64_t number, StepText& texts) {
    char buffer[24];
    auto const end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
    return texts.keep({string_view(buffer, static_cast<std::size_t>(end - buffer))});
}

/// Sixteen digits that follow from `seed` and `index` (SplitMix64, which spreads neighbours).
string_view made_up_id(std::uint64_t seed, std::int64_t index, StepText& texts) {
    constexpr string_view digits = "0123456789abcdef";
    auto bits = (seed + static_cast<std::uint64_t>(index) + 1) * 0x9E37'79B9'7F4A'7C15ULL;
    bits = (bits ^ (bits >> 30U)) * 0xBF58'476D'1CE4'E5B9ULL;
    bits = (bits ^ (bits >> 27U)) * 0x94D0'49BB'1331'11EBULL;
    bits ^= bits >> 31U;
    char id[16];
    for (char& c : id) {
        c = digits[bits & 15U];
        bits >>= 4U;
    }
    return texts.keep({R"("call_)", string_view(id, sizeof id), "\""});
}

bool is_missing(JsonValue text) { return !text.is(JsonType::string) || text.string().empty(); }
bool is_structure(JsonValue value) { return value.is(JsonType::object) || value.is(JsonType::array); }

string_view as_text(JsonValue arguments, StepText& texts) { return texts.keep({json_quoted(arguments.raw())}); }

void mend_function(JsonValue function, CallFixes const& fixes, EditSink sink) {
    ObjectEdits edits(sink.edits);
    bool has_arguments = false;
    for (auto const& member : function.members()) {
        if (fixes.drop_name && member.named("name")) {
            edits.take_out(member);
        } else if (!fixes.arguments.empty() && member.named("arguments")) {
            edits.set_value(member, fixes.arguments);
            has_arguments = true;
        } else {
            edits.keep(member);
        }
    }
    if (fixes.arguments.empty() || has_arguments) return;
    edits.add_in_front(function, sink.texts.keep({R"("arguments":)", fixes.arguments, edits.any_kept() ? "," : ""}));
}

void apply(JsonValue call, CallFixes fixes, EditSink sink) {
    ObjectEdits edits(sink.edits);
    for (auto const& member : call.members()) {
        if (member.named("id") && fixes.drop_id) {
            edits.take_out(member);
        } else if (member.named("id") && !fixes.id.empty()) {
            edits.set_value(member, fixes.id);
            fixes.id = {};
        } else if (member.named("index") && !fixes.index.empty()) {
            edits.set_value(member, fixes.index);
            fixes.index = {};
        } else if (member.named("type") && fixes.type) {
            edits.set_value(member, R"("function")");
            fixes.type = false;
        } else {
            edits.keep(member);
            if (member.named("function")) mend_function(member.value, fixes, sink);
        }
    }
    std::string added;
    auto const add = [&added](string_view name, string_view value) {
        if (value.empty()) return;
        if (!added.empty()) added += ',';
        added.append(name).append(value);
    };
    add(R"("index":)", fixes.index);
    add(R"("id":)", fixes.id);
    add(R"("type":)", fixes.type ? R"("function")" : "");
    if (!added.empty()) edits.add_in_front(call, sink.texts.keep({added, edits.any_kept() ? "," : ""}));
}

}  // namespace

std::uint64_t hash_of(string_view text, std::uint64_t seed) {
    for (char const c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
    return seed == 0 ? 1 : seed;
}

struct ToolCalls::Part {
    CallMembers const& members;
    std::int64_t index;  ///< -1: none
    std::uint64_t id;    ///< hash; 0: none
    std::uint64_t name;
};

std::uint64_t ToolCalls::mend(JsonValue calls, std::uint64_t seed, EditSink sink) {
    ++delta_;
    std::uint64_t bytes = 0;
    for (auto const call : calls.elements()) {
        auto const members = members_of(call);
        bytes += text_size(members);
        if (!call.is(JsonType::object)) continue;
        Part const part{.members = members,
                        .index = std::max<std::int64_t>(members.index.integer().value_or(-1), -1),
                        .id = is_missing(members.id) ? 0 : hash_of(members.id.string()),
                        .name = is_missing(members.name) ? 0 : hash_of(members.name.string())};
        mend_one(call, part, seed, sink);
    }
    return bytes;
}

void ToolCalls::mend_one(JsonValue value, Part const& part, std::uint64_t seed, EditSink sink) {
    auto const& members = part.members;
    auto* call = continued_by(part);
    bool const is_first = call == nullptr;
    if (is_first && calls_.size() >= most) return;
    if (is_first) call = &begin(part);
    call->delta = delta_;

    CallFixes fixes;
    if (part.index != call->index) fixes.index = decimal(call->index, sink.texts);
    if (is_first) {
        if (part.id == 0) fixes.id = made_up_id(seed, call->index, sink.texts);
        fixes.type = is_missing(members.type) && members.function;
    } else {
        fixes.drop_id = members.id.is(JsonType::string);
        fixes.drop_name = members.name.is(JsonType::string) && (part.name == 0 || part.name == call->name);
    }
    if (part.name != 0) call->name = part.name;
    if (is_structure(members.arguments)) fixes.arguments = as_text(members.arguments, sink.texts);
    if (fixes.any()) apply(value, fixes, sink);
}

/// The call that `part` goes on with; null: it begins another.
ToolCalls::Call* ToolCalls::continued_by(Part const& part) {
    // The last that fits: an index may have been used again for a call behind it.
    auto const last = [this](auto fits) {
        auto const found = std::find_if(calls_.rbegin(), calls_.rend(), fits);
        return found == calls_.rend() ? nullptr : &*found;
    };
    if (part.id != 0) {
        return last([&part](Call const& call) { return call.id == part.id; });
    }
    if (part.index < 0) return part.name != 0 || calls_.empty() ? nullptr : &calls_.back();
    auto* const call = last([&part](Call const& known) { return known.given_index == part.index; });
    bool const is_another = call != nullptr && part.name != 0 && call->delta == delta_;
    return is_another ? nullptr : call;
}

ToolCalls::Call& ToolCalls::begin(Part const& part) {
    std::int64_t next = 0;
    bool is_free = part.index >= 0;
    for (auto const& call : calls_) {
        next = std::max(next, call.index + 1);
        is_free = is_free && call.index != part.index;
    }
    return calls_.emplace_back(Call{
        .id = part.id, .name = part.name, .given_index = part.index, .index = is_free ? part.index : next, .delta = 0});
}

std::uint64_t mend_whole_calls(JsonValue calls, std::uint64_t seed, EditSink sink) {
    std::uint64_t bytes = 0;
    std::int64_t position = 0;
    for (auto const call : calls.elements()) {
        auto const members = members_of(call);
        bytes += text_size(members);
        CallFixes fixes;
        if (call.is(JsonType::object)) {
            if (is_missing(members.id)) fixes.id = made_up_id(seed, position, sink.texts);
            fixes.type = is_missing(members.type) && members.function;
        }
        if (members.function.is(JsonType::object)) {
            if (is_structure(members.arguments)) {
                fixes.arguments = as_text(members.arguments, sink.texts);
            } else if (is_missing(members.arguments) && !members.arguments.is(JsonType::number)) {
                fixes.arguments = R"("{}")";
            }
        }
        if (fixes.any()) apply(call, fixes, sink);
        ++position;
    }
    return bytes;
}

}  // namespace sluice::openai
