#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

namespace sluice {

/// Views of what holds the field.
struct HeaderField {
    std::string_view name;  ///< lower case
    std::string_view value;
    friend bool operator==(HeaderField const&, HeaderField const&) = default;
};

/// The fields of a head, as they were added, in one piece of memory: each answer has a dozen, and two strings for each
/// would be most of what a request allocates. Views of a field hold until the next one is added.
class Headers {
public:
    class Iterator;

    Headers() = default;
    Headers(std::initializer_list<HeaderField> fields) {
        for (auto const& field : fields) add(field.name, field.value);
    }

    /// At most 4 GiB each. They may not be views of *this.
    void add(std::string_view name, std::string_view value);
    void add_number(std::string_view name, std::int64_t value);
    /// Room for so many fields of usual length.
    void reserve(std::size_t fields) { bytes_.reserve(fields * usual_field); }

    Iterator begin() const;
    Iterator end() const;
    std::size_t size() const { return count_; }
    bool empty() const { return count_ == 0; }
    std::size_t bytes() const { return bytes_.size(); }

    friend bool operator==(Headers const&, Headers const&) = default;

private:
    static constexpr std::size_t usual_field = 56;

    /// In front of each field's bytes.
    struct Sizes {
        std::uint32_t name = 0;
        std::uint32_t value = 0;
    };

    std::string bytes_;
    std::size_t count_ = 0;
};

class Headers::Iterator {
public:
    using value_type = HeaderField;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(char const* at) : at_(at) {}

    HeaderField operator*() const {
        auto const sizes = sizes_here();
        char const* const name = at_ + sizeof(Sizes);
        return {.name = {name, sizes.name}, .value = {name + sizes.name, sizes.value}};
    }
    Iterator& operator++() {
        auto const sizes = sizes_here();
        at_ += sizeof sizes + sizes.name + sizes.value;
        return *this;
    }
    Iterator operator++(int) {
        auto const before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(Iterator, Iterator) = default;

private:
    Sizes sizes_here() const {
        Sizes sizes;
        std::memcpy(&sizes, at_, sizeof sizes);
        return sizes;
    }

    char const* at_ = nullptr;
};

inline Headers::Iterator Headers::begin() const { return Iterator(bytes_.data()); }
inline Headers::Iterator Headers::end() const { return Iterator(bytes_.data() + bytes_.size()); }
static_assert(std::forward_iterator<Headers::Iterator>);

/// The value of the field `lower_name`, or an empty view.
std::string_view find(Headers const& headers, std::string_view lower_name);

}  // namespace sluice
