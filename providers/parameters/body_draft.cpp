#include "providers/parameters/body_draft.hpp"

#include <algorithm>
#include <span>

#include "core/json/json_string.hpp"
#include "core/types/error.hpp"

namespace sluice::parameters {
namespace {

std::size_t end_of(RequestField const& field) { return field.value_begin + std::size_t{field.value_size}; }

/// Plans how members are taken out so that the commas still fit: behind one that stays the comma before goes, else the
/// comma after. Told of every member of an object, in order.
class Cuts {
public:
    explicit Cuts(std::vector<Edit>& edits) : edits_(edits) {}

    void member(std::size_t name_begin, std::size_t value_end, bool removed) {
        if (open_) edits_.back().length = name_begin - edits_.back().offset;
        open_ = removed && !any_kept_;
        if (removed) {
            auto const begin = any_kept_ ? last_end_ : name_begin;
            edits_.push_back({begin, value_end - begin});
        }
        any_kept_ |= !removed;
        last_end_ = value_end;
    }

private:
    std::vector<Edit>& edits_;
    bool any_kept_ = false;
    bool open_ = false;  ///< the last cut reaches to the next member, if there is one
    std::size_t last_end_ = 0;
};

}  // namespace

BodyDraft::BodyDraft(ChatRequest const& request) : request_(request) {}

DraftField* BodyDraft::touched(std::string_view name) {
    auto const found =
        std::ranges::find_if(fields_, [name](DraftField const& field) { return !field.removed && field.name == name; });
    return found == fields_.end() ? nullptr : &*found;
}

RequestField const* BodyDraft::original_of(std::string_view name) const {
    auto const is_named = [this, name](RequestField const& field) {
        auto const written = field.name(request_.body);
        return field.name_escaped ? unescaped(written) == name : written == name;
    };
    auto const seen = std::span(request_.fields).first(std::min(request_.fields.size(), ChatRequest::most_fields));
    auto const found = std::ranges::find_if(seen, is_named);
    return found == seen.end() ? nullptr : &*found;
}

/// The client's field of that name, if nobody has touched it.
RequestField const* BodyDraft::original(std::string_view name) const {
    auto const* const field = original_of(name);
    bool const is_touched =
        std::ranges::any_of(fields_, [field](DraftField const& draft) { return draft.original == field; });
    return is_touched ? nullptr : field;
}

bool BodyDraft::has(std::string_view name) const {
    return original(name) != nullptr || std::ranges::any_of(fields_, [name](DraftField const& field) {
               return !field.removed && field.name == name;
           });
}

DraftField* BodyDraft::find(std::string_view name) {
    if (auto* const known = touched(name)) return known;
    auto const* const field = original(name);
    if (field == nullptr) return nullptr;
    return &fields_.emplace_back(
        DraftField{.name = name, .client_value = field->value(request_.body), .original = field});
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

bool BodyDraft::append_message(std::string_view json) {
    auto const* const messages = find("messages");
    if (messages == nullptr || messages->original == nullptr || messages->replaced) return false;
    edits_.push_back({end_of(*messages->original) - 1, 0, std::string(",").append(json)});  // the list is not empty
    return true;
}

void BodyDraft::cut_members(std::vector<Member> const& members) {
    Cuts cuts(edits_);
    for (auto const& member : members) cuts.member(member.name_begin, member.value_end, member.removed);
}

void BodyDraft::cut_fields() {
    Cuts cuts(edits_);
    for (auto const& field : request_.fields) {
        bool const removed = std::ranges::any_of(
            fields_, [&field](DraftField const& draft) { return draft.removed && draft.original == &field; });
        cuts.member(field.name_begin, end_of(field), removed);
    }
}

void BodyDraft::write_fields() {
    std::string added;
    bool any_removed = false;
    for (auto& field : fields_) {
        if (field.original == nullptr) {
            if (!field.removed) added.append(json_quoted(field.name)).append(":").append(field.new_value).append(",");
            continue;
        }
        any_removed |= field.removed;
        if (field.removed) continue;
        auto const& original = *field.original;
        if (field.renamed) edits_.push_back({original.name_begin, original.name_size + 2, json_quoted(field.name)});
        if (field.replaced) edits_.push_back({original.value_begin, original.value_size, std::move(field.new_value)});
    }
    if (auto const* const messages = messages_.empty() ? nullptr : original_of("messages")) {
        edits_.push_back({messages->value_begin + std::size_t{1}, 0, std::move(messages_)});  // the list is not empty
    }
    if (any_removed) cut_fields();
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
