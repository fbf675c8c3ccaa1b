#include "server/control/file_watch.hpp"

#include <sys/stat.h>

#include <utility>

namespace sluice::control {

void FileWatch::watch(std::vector<std::string> files) {
    files_ = std::move(files);
    known_ = last_ = look();
}

bool FileWatch::changed() {
    auto seen = look();
    bool const settled = seen == last_;
    last_ = std::move(seen);
    if (!settled || last_ == known_) return false;
    known_ = last_;
    return true;
}

FileWatch::Signature FileWatch::look_at(std::string const& file) {
    struct stat facts{};
    if (::stat(file.c_str(), &facts) != 0) return {};
    return {facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec};
}

std::vector<FileWatch::Signature> FileWatch::look() const {
    std::vector<Signature> signatures;
    signatures.reserve(files_.size());
    for (auto const& file : files_) signatures.push_back(look_at(file));
    return signatures;
}

}  // namespace sluice::control
