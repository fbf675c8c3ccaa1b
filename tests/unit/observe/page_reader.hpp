#pragma once

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

/// Reads a Prometheus page back.
namespace sluice::sample {

/// "name{labels}" -> its value as it stands there.
inline std::map<std::string, std::string> samples(std::string const& page) {
    std::map<std::string, std::string> out;
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line.starts_with('#')) continue;
        auto const space = line.rfind(' ');
        out.emplace(line.substr(0, space), line.substr(space + 1));
    }
    return out;
}

/// The names behind "# TYPE".
inline std::set<std::string> families(std::string const& page) {
    std::set<std::string> out;
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
        constexpr std::string_view mark = "# TYPE ";
        if (line.starts_with(mark)) out.insert(line.substr(mark.size(), line.find(' ', mark.size()) - mark.size()));
    }
    return out;
}

/// The lines of one family, without its help.
inline std::string family_text(std::string const& page, std::string_view name) {
    std::string out;
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name)) out += line + '\n';
    }
    return out;
}

}  // namespace sluice::sample
