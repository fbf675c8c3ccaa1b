#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "core/pipeline/ports.hpp"

namespace sluice {

struct OpenAiDialectOptions {
    std::size_t max_event_size = 1024 * 1024;
    /// Wall time, for waits that an upstream gives as a date.
    std::chrono::system_clock::time_point (*now)() = &std::chrono::system_clock::now;
};

/// OpenAI's chat completions, as OpenAI and the many others that follow it speak it: providers/openai/README.md.
std::unique_ptr<Dialect> make_openai_dialect(OpenAiDialectOptions options = {});

}  // namespace sluice
