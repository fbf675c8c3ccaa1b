#pragma once

#include "core/types/routing.hpp"

namespace sluice {

/// How demanding a request looks, 0 to 100, from facts alone (its text is not read): the size of the prompt, the number
/// of messages and tools, a schema, reasoning controls, images, and the length of the answer that it asks for.
/// `facts.complexity` itself is not looked at. Formula: docs/routing.md.
unsigned complexity_of(RequestFacts const& facts);

}  // namespace sluice
