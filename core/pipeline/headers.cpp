#include "core/pipeline/headers.hpp"

namespace sluice {

std::string_view find(Headers const& headers, std::string_view lower_name) {
    for (auto const& field : headers) {
        if (field.name == lower_name) return field.value;
    }
    return {};
}

}  // namespace sluice
