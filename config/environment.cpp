#include "config/environment.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace sluice::config {

Environment process_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        char const* value = std::getenv(std::string(name).c_str());
        if (value == nullptr) return std::nullopt;
        return std::string(value);
    };
}

Files disk() {
    Files files;
    files.read = [](std::string const& path) -> std::expected<std::string, std::string> {
        constexpr std::size_t at_most = 1024 * 1024 + 1;
        std::error_code ignored;
        if (std::filesystem::is_directory(path, ignored)) return std::unexpected("Is a directory");
        errno = 0;
        std::ifstream in(path, std::ios::binary);
        if (!in) return std::unexpected(std::string(std::strerror(errno == 0 ? EIO : errno)));
        std::string content(at_most, '\0');
        in.read(content.data(), static_cast<std::streamsize>(at_most));
        content.resize(static_cast<std::size_t>(in.gcount()));
        return content;
    };
    files.list = [](std::string const& directory) {
        std::vector<std::string> names;
        std::error_code error;
        for (auto const& entry : std::filesystem::directory_iterator(directory, error)) {
            names.push_back(entry.path().filename().string());
        }
        std::ranges::sort(names);
        return names;
    };
    files.may_write = [](std::string const& directory) {  // only trying tells: owners, groups, read-only mounts
        std::error_code error;
        if (!std::filesystem::is_directory(directory, error)) return false;
        auto const probe = std::filesystem::path(directory) / ".sluice-may-write";
        std::filesystem::create_directory(probe, error);
        if (error) return false;
        std::filesystem::remove(probe, error);
        return true;
    };
    return files;
}

}  // namespace sluice::config
