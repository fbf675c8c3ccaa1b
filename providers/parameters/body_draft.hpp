#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/json_index.hpp"
#include "core/types/chat_request.hpp"
#include "core/types/splice.hpp"

namespace sluice::parameters {

/// A member of the request's object as the changes so far leave it.
struct DraftField {
    std::string_view name;
    std::string_view client_value;           ///< JSON, as the client wrote it; empty: added
    RequestField const* original = nullptr;  ///< null: added
    bool removed = false;
    bool renamed = false;
    bool replaced = false;
    std::string new_value{};

    std::string_view value() const { return replaced ? std::string_view(new_value) : client_value; }
};

/// A value inside of a field of the client's, with what it takes to change it.
struct Inner {
    JsonValue object;         ///< the object that it belongs to
    JsonMember member;        ///< nothing as its value: the object has no such member
    std::size_t base = 0;     ///< offset in the body of the text that they were read from
    std::string_view name{};  ///< the member's, also where there is none
};

/// A client's body while it is rewritten. Changes are collected in any order; edits() makes one list of them. What is
/// inside of a field can be changed as long as the field itself was not replaced. One use, one thread; `request` must
/// outlive it.
class BodyDraft {
public:
    explicit BodyDraft(ChatRequest const& request);

    /// Whether find() would find it.
    bool has(std::string_view name) const;
    /// Nothing when it is not there (any more).
    DraftField* find(std::string_view name);
    void remove(DraftField& field);
    /// `name` must outlive the draft, here and in add().
    void rename(DraftField& field, std::string_view name);
    void replace(DraftField& field, std::string json);
    /// A member that is not there.
    void add(std::string_view name, std::string json);
    /// No rule is about the model.
    void replace_model(std::string json);

    /// The client's own value of `field`, read; nothing once it was replaced, and for what was added.
    JsonValue open(DraftField& field);

    /// Changes of one member inside of a field. Only the first change of a member counts; false: there was one.
    bool remove(Inner const& inner);
    bool rename(Inner const& inner, std::string_view name);
    bool replace(Inner const& inner, std::string json);
    bool add(Inner const& inner, std::string_view json);

    /// Text for the front of the list of messages.
    void add_message(std::string json);
    /// And for its end. False: it can't be found, or was replaced.
    bool append_message(std::string_view json);

    /// Sorted, apart. The draft is used up.
    std::vector<Edit> edits();

private:
    struct Member {
        std::size_t name_begin = 0;
        std::size_t name_end = 0;
        std::size_t value_begin = 0;
        std::size_t value_end = 0;
        bool touched = false;
        bool removed = false;
    };
    struct Object {
        std::vector<Member> members;
        std::string added;
    };

    DraftField* touched(std::string_view name);
    RequestField const* original_of(std::string_view name) const;
    RequestField const* original(std::string_view name) const;
    Object& object_of(Inner const& inner);
    Member* untouched(Inner const& inner);
    void cut_members(std::vector<Member> const& members);
    void cut_fields();
    void write_fields();
    void write_inner();

    ChatRequest const& request_;
    std::list<DraftField> fields_;  ///< those that somebody asked for, and those added: most requests need none
    std::map<RequestField const*, std::unique_ptr<JsonIndex>> opened_;
    std::map<std::size_t, Object> objects_;  ///< by the offset of their opening brace
    std::string messages_;
    std::vector<Edit> edits_;
};

}  // namespace sluice::parameters
