#include "providers/parameters/body_draft.hpp"

#include <algorithm>

#include "core/json/json_string.hpp"
#include "core/types/error.hpp"

namespace sluice::parameters {
namespace {

std::size_t end_of(Span span) { return span.offset + span.length; }

}  // namespace

BodyDraft::BodyDraft(ChatRequest const& request) : request_(request) {}

void BodyDraft::list_fields() {
    constexpr std::size_t usually_added = 4;
    listed_ = true;
    fields_.reserve(request_.fields.size() + usually_added);
    for (auto const& field : request_.fields) {
        auto const value = request_.body.substr(field.value.offset, field.value.length);
        auto& made = fields_.emplace_back(DraftField{.name = field.name, .client_value = value, .original = &field});
        if (field.name_escaped) made.unescaped_name = unescaped(field.name);
    }
}

bool BodyDraft::has(std::string_view name) {
    if (listed_) return find(name) != nullptr;
    return std::ranges::any_of(request_.fields, [name](RequestField const& field) {
        return field.name_escaped ? unescaped(field.name) == name : field.name == name;
    });
}

DraftField* BodyDraft::find(std::string_view name) {
    if (!listed_) list_fields();
    auto const same = [name](DraftField const& field) {
        bool const has_escapes = !field.unescaped_name.empty() && !field.renamed;
        return !field.removed && (has_escapes ? field.unescaped_name == name : field.name == name);
    };
    auto const found = std::find_if(fields_.begin(), fields_.end(), same);
    return found == fields_.end() ? nullptr : &*found;
}

void BodyDraft::remove(DraftField& field) { field.removed = true; }

void BodyDraft::rename(DraftField& field, std::string_view name) {
    field.name = name;
    field.renamed = true;
}

void BodyDraft::replace(DraftField& field, std::string json) {
    field.new_value = std::move(json);
    field.replaced = true;
}

void BodyDraft::add(std::string_view name, std::string json) {
    fields_.emplace_back(DraftField{.name = name, .client_value = {}, .replaced = true, .new_value = std::move(json)});
}

void BodyDraft::replace_model(std::string json) {
    edits_.push_back({request_.model_value.offset, request_.model_value.length, std::move(json)});
}

JsonValue BodyDraft::open(DraftField& field) {
    if (field.replaced || field.original == nullptr) return {};
    auto& index = opened_[field.original];
    if (!index) index = std::make_unique<JsonIndex>();
    auto const value = index->read(field.client_value);
    return value ? *value : JsonValue();
}

BodyDraft::Object& BodyDraft::object_of(Inner const& inner) {
    auto const [found, is_new] = objects_.try_emplace(inner.base + inner.object.offset());
    auto& object = found->second;
    if (!is_new) return object;
    for (auto const& member : inner.object.members()) {
        auto const name_begin = inner.base + member.name_begin;
        auto const value_begin = inner.base + member.value.offset();
        object.members.push_back({.name_begin = name_begin,
                                  .name_end = name_begin + member.name.size() + 2,
                                  .value_begin = value_begin,
                                  .value_end = value_begin + member.value.raw().size()});
    }
    return object;
}

BodyDraft::Member* BodyDraft::untouched(Inner const& inner) {
    auto& members = object_of(inner).members;
    auto const begin = inner.base + inner.member.name_begin;
    auto const found = std::find_if(members.begin(), members.end(),
                                    [begin](Member const& member) { return member.name_begin == begin; });
    if (found == members.end() || found->touched) return nullptr;
    found->touched = true;
    return &*found;
}

bool BodyDraft::remove(Inner const& inner) {
    auto* const member = untouched(inner);
    if (member != nullptr) member->removed = true;
    return member != nullptr;
}

bool BodyDraft::rename(Inner const& inner, std::string_view name) {
    auto const* const member = untouched(inner);
    if (member == nullptr) return false;
    edits_.push_back({member->name_begin, member->name_end - member->name_begin, json_quoted(name)});
    return true;
}

bool BodyDraft::replace(Inner const& inner, std::string json) {
    auto const* const member = untouched(inner);
    if (member == nullptr) return false;
    edits_.push_back({member->value_begin, member->value_end - member->value_begin, std::move(json)});
    return true;
}

bool BodyDraft::add(Inner const& inner, std::string_view json) {
    auto& added = object_of(inner).added;
    auto const member = json_quoted(inner.name) + ":";
    if (added.find(member) != std::string::npos) return false;
    if (!added.empty()) added += ',';
    added.append(member).append(json);
    return true;
}

void BodyDraft::add_message(std::string json) { messages_ += std::move(json) += ','; }

/// Takes the removed members out so that the commas still fit: behind a member that stays the comma before goes, else
/// the comma after.
void BodyDraft::cut_members(std::vector<Member> const& members) {
    bool any_kept = false;
    bool open = false;  // the last cut reaches to the next member, if there is one
    std::size_t last_end = 0;
    for (auto const& member : members) {
        if (open) edits_.back().length = member.name_begin - edits_.back().offset;
        open = false;
        if (member.removed) {
            auto const begin = any_kept ? last_end : member.name_begin;
            edits_.push_back({begin, member.value_end - begin});
            open = !any_kept;
        }
        any_kept |= !member.removed;
        last_end = member.value_end;
    }
}

void BodyDraft::write_fields() {
    std::vector<Member> members;
    std::string added;
    members.reserve(listed_ ? request_.fields.size() : 0);
    for (auto& field : fields_) {
        if (field.original == nullptr) {
            if (!field.removed) added.append(json_quoted(field.name)).append(":").append(field.new_value).append(",");
            continue;
        }
        auto const& [name, name_begin, value, escaped] = *field.original;
        members.push_back({.name_begin = name_begin,
                           .value_begin = value.offset,
                           .value_end = end_of(value),
                           .removed = field.removed});
        if (field.removed) continue;
        if (field.renamed) edits_.push_back({name_begin, name.size() + 2, json_quoted(field.name)});
        if (field.replaced) edits_.push_back({value.offset, value.length, std::move(field.new_value)});
        if (field.name != "messages" || messages_.empty() || field.replaced) continue;
        edits_.push_back({value.offset + 1, 0, std::move(messages_)});  // the list is not empty
    }
    if (listed_) cut_members(members);
    if (!added.empty()) edits_.push_back({request_.first_member, 0, std::move(added)});
}

void BodyDraft::write_inner() {
    for (auto& [offset, object] : objects_) {
        cut_members(object.members);
        if (object.added.empty()) continue;
        bool const stays = std::any_of(object.members.begin(), object.members.end(),
                                       [](Member const& member) { return !member.removed; });
        if (stays) object.added += ',';
        edits_.push_back({offset + 1, 0, std::move(object.added)});
    }
}

std::vector<Edit> BodyDraft::edits() {
    write_inner();
    write_fields();
    // The larger first, so that a change inside of something that goes is dropped with it; an insertion before both.
    std::sort(edits_.begin(), edits_.end(), [](Edit const& a, Edit const& b) {
        if (a.offset != b.offset) return a.offset < b.offset;
        bool const insertions = a.length == 0 || b.length == 0;
        return insertions ? a.length == 0 && b.length != 0 : a.length > b.length;
    });
    std::size_t end = 0;
    std::erase_if(edits_, [&end](Edit const& edit) {
        bool const inside = edit.offset < end;
        if (!inside) end = edit.offset + edit.length;
        return inside;
    });
    return std::move(edits_);
}

}  // namespace sluice::parameters
