#include "server/store/event_bytes.hpp"

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

static_assert(std::endian::native == std::endian::little);

namespace sluice::store {
namespace {

enum class EventKind : std::uint8_t { reserve = 1, raise = 2, settle = 3 };

/// Adds to bytes that have room for it.
class Writer {
public:
    explicit Writer(char* at) : at_(at) {}

    template <class T>
        requires std::integral<T> || std::is_enum_v<T>
    void operator()(T const& value) {
        std::memcpy(at_, &value, sizeof value);
        at_ += sizeof value;
    }
    void operator()(std::string_view text) {
        (*this)(static_cast<std::uint32_t>(text.size()));
        at_ = std::ranges::copy(text, at_).out;
    }
    char* end() const { return at_; }

private:
    char* at_;
};

/// How much room Writer needs.
class Measure {
public:
    template <class T>
        requires std::integral<T> || std::is_enum_v<T>
    void operator()(T const&) {
        size_ += sizeof(T);
    }
    void operator()(std::string_view text) { size_ += sizeof(std::uint32_t) + text.size(); }
    std::size_t size() const { return size_; }

private:
    std::size_t size_ = 0;
};

template <class Archive>
concept Takes = std::same_as<Archive, Writer> || std::same_as<Archive, Measure>;

/// Reads what Writer wrote. Once something is missing, everything is, and ok() says so.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    template <class T>
        requires std::integral<T> || std::is_enum_v<T>
    void operator()(T& value) {
        auto const from = take(sizeof value);
        if (ok_) std::memcpy(&value, from.data(), from.size());
    }
    void operator()(std::string& text) {
        std::uint32_t size = 0;
        (*this)(size);
        text = take(size);
    }
    bool ok() const { return ok_; }
    bool at_end() const { return rest_.empty(); }

private:
    std::string_view take(std::size_t size) {
        ok_ = ok_ && size <= rest_.size();
        if (!ok_) return {};
        auto const taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    std::string_view rest_;
    bool ok_ = true;
};

// One list of fields for both directions.

void field(auto& archive, WallTime& at) {
    std::int64_t count = at.time_since_epoch().count();
    archive(count);
    at = WallTime(milliseconds(count));
}

void field(auto& archive, NanoUsd& amount) { archive(amount.count); }

void field(auto& archive, std::optional<NanoUsd>& amount) {
    auto known = static_cast<std::uint8_t>(amount ? 1 : 0);
    NanoUsd value = amount.value_or(NanoUsd{});
    archive(known);
    archive(value.count);
    amount = known != 0 ? std::optional(value) : std::nullopt;
}

void field(auto& archive, bool& flag) {
    auto byte = static_cast<std::uint8_t>(flag ? 1 : 0);
    archive(byte);
    flag = byte != 0;
}

void field(Takes auto& archive, std::map<std::string, std::string> const& tags) {
    archive(static_cast<std::uint32_t>(tags.size()));
    for (auto const& [name, value] : tags) {
        archive(name);
        archive(value);
    }
}

void field(Reader& archive, std::map<std::string, std::string>& tags) {
    std::uint32_t count = 0;
    archive(count);
    for (std::uint32_t i = 0; i < count && archive.ok(); ++i) {
        std::string name;
        archive(name);
        archive(tags[name]);
    }
}

void fields(auto& archive, CallId& id) {
    archive(id.epoch);
    archive(id.number);
}

void field(Takes auto& archive, std::map<std::string, std::string> const* tags) {
    if (tags != nullptr) return field(archive, *tags);
    archive(std::uint32_t{0});
}

/// Of a ReservedCall, or the LedgerReservation that it comes from.
void fields(auto& archive, auto& call) {
    field(archive, call.at);
    archive(call.request_id);
    archive(call.attempt);
    archive(call.key);
    archive(call.team);
    field(archive, call.tags);
    for (auto* const text : {&call.user, &call.model, &call.provider, &call.target_model, &call.credential}) {
        archive(*text);
    }
    field(archive, call.amount);
}

void fields(auto& archive, Reserve& event) {
    fields(archive, event.id);
    fields(archive, event.call);
}

void fields(auto& archive, Raise& event) {
    fields(archive, event.id);
    field(archive, event.at);
    field(archive, event.amount);
}

void fields(auto& archive, Settle& event) {
    fields(archive, event.id);
    auto& end = event.end;
    field(archive, end.at);
    field(archive, end.cost);
    field(archive, end.sheet_cost);
    auto& usage = end.usage;
    for (auto* const tokens : {&usage.input, &usage.output, &usage.cached_input, &usage.cache_write, &usage.reasoning,
                               &usage.audio_input, &usage.audio_output}) {
        archive(*tokens);
    }
    archive(usage.source);
    field(archive, usage.reported_cost);
    archive(end.result);
    archive(end.upstream_status);
    field(archive, end.uncertain);
    field(archive, end.unpriced);
    archive(event.requests);
}

template <class Event>
constexpr EventKind kind_of() {
    if constexpr (std::is_same_v<Event, Reserve>) return EventKind::reserve;
    if constexpr (std::is_same_v<Event, Raise>) return EventKind::raise;
    return EventKind::settle;
}

template <class Event>
std::optional<LedgerEvent> read(Reader& reader) {
    Event event;
    fields(reader, event);
    if (!reader.ok() || !reader.at_end()) return std::nullopt;
    return event;
}

/// Adds what `write` gives an archive, with its length before it.
void add_sized(std::string& bytes, auto write) {
    Measure measure;
    write(measure);
    auto const begin = bytes.size();
    bytes.resize_and_overwrite(begin + sizeof(std::uint32_t) + measure.size(),
                               [&](char* buffer, std::size_t /*room: perhaps more*/) {
                                   Writer writer(buffer + begin);
                                   writer(static_cast<std::uint32_t>(measure.size()));
                                   write(writer);
                                   return static_cast<std::size_t>(writer.end() - buffer);
                               });
}

std::optional<LedgerEvent> read_event(std::string_view bytes) {
    Reader reader(bytes);
    EventKind kind{};
    reader(kind);
    switch (kind) {
        case EventKind::reserve:
            return read<Reserve>(reader);
        case EventKind::raise:
            return read<Raise>(reader);
        case EventKind::settle:
            return read<Settle>(reader);
    }
    return std::nullopt;
}

}  // namespace

void add_event(std::string& bytes, CallId id, LedgerReservation const& call) {
    add_sized(bytes, [id, copy = call](auto& archive) mutable {
        archive(EventKind::reserve);
        fields(archive, id);
        fields(archive, copy);
    });
}

void add_event(std::string& bytes, LedgerEvent const& event) {
    auto add = [&bytes](auto const& each) {
        add_sized(bytes, [copy = each](auto& archive) mutable {
            archive(kind_of<std::remove_const_t<decltype(copy)>>());
            fields(archive, copy);
        });
    };
    std::visit(add, event);
}

std::optional<LedgerEvent> take_event(std::string_view& bytes) {
    while (!bytes.empty()) {
        Reader reader(bytes);
        std::uint32_t size = 0;
        reader(size);
        if (!reader.ok() || bytes.size() - sizeof size < size) return std::nullopt;
        auto event = read_event(bytes.substr(sizeof size, size));
        bytes.remove_prefix(sizeof size + size);
        if (event) return event;
    }
    return std::nullopt;
}

}  // namespace sluice::store
