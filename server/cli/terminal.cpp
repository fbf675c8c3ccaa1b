#include "server/cli/terminal.hpp"

#include <unistd.h>

#include "config/environment.hpp"

namespace sluice::cli {

bool wants_colour(std::FILE* stream) {
    auto const environment = config::process_environment();
    if (!environment("NO_COLOR").value_or("").empty()) return false;
    auto const forced = environment("FORCE_COLOR").value_or("");
    if (!forced.empty() && forced != "0") return true;
    return ::isatty(::fileno(stream)) != 0 && environment("TERM").value_or("") != "dumb";
}

}  // namespace sluice::cli
