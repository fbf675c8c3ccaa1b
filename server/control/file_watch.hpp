#pragma once

#include <string>
#include <vector>

namespace sluice::control {

/// Notices that watched files have changed, by looking: an editor's rename, a ConfigMap's symlink swap and a secret
/// that appears all look the same. Looking at a handful of files twice a second costs nothing and misses nothing.
class FileWatch {
public:
    void watch(std::vector<std::string> files);

    /// True once after a change, when two looks in a row have seen the same: not in the middle of a write.
    bool changed();

private:
    struct Signature {
        unsigned long device = 0;
        unsigned long inode = 0;
        long size = 0;
        long seconds = 0;
        long nanoseconds = 0;
        friend bool operator==(Signature const&, Signature const&) = default;
    };
    static Signature look_at(std::string const& file);
    std::vector<Signature> look() const;

    std::vector<std::string> files_;
    std::vector<Signature> known_;
    std::vector<Signature> last_;
};

}  // namespace sluice::control
