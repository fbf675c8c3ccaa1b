#pragma once

#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/store/ledger_samples.hpp"

/// Disks without room.
namespace sluice::store::testing {

/// A file system of 3 MiB. Needs the right to mount one.
struct SmallDisk {
    SmallDisk() {
        std::filesystem::create_directory(path());
        mounted = ::mount("tmpfs", path().c_str(), "tmpfs", 0, "size=3m") == 0;
    }
    SmallDisk(SmallDisk const&) = delete;
    SmallDisk& operator=(SmallDisk const&) = delete;
    ~SmallDisk() {
        if (mounted) ::umount2(path().c_str(), MNT_DETACH);
    }
    std::filesystem::path path() const { return folder.path / "disk"; }
    std::string url() const { return "sqlite://" + (path() / "ledger.db").string(); }
    void fill() const {
        std::ofstream filler(path() / "filler", std::ios::binary);
        std::string const block(4'096, 'x');
        while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
    }
    void empty() const { std::filesystem::remove(path() / "filler"); }

    TemporaryFolder folder;
    bool mounted = false;
};

/// While it lives, this process can write no byte behind that place of a file.
class NoLargerFiles {
public:
    explicit NoLargerFiles(rlim_t size) : before_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &limit_);
        rlimit const smaller{.rlim_cur = size, .rlim_max = limit_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &smaller);
    }
    NoLargerFiles(NoLargerFiles const&) = delete;
    NoLargerFiles& operator=(NoLargerFiles const&) = delete;
    ~NoLargerFiles() {
        ::setrlimit(RLIMIT_FSIZE, &limit_);
        std::signal(SIGXFSZ, before_);
    }

private:
    rlimit limit_{};
    void (*before_)(int);
};

}  // namespace sluice::store::testing
