#include "server/control/file_watch.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace sluice::control {
namespace {

namespace fs = std::filesystem;

struct Folder {
    fs::path path = fs::temp_directory_path() / ("sluice-watch-" + std::to_string(::getpid()));
    Folder() { fs::create_directories(path); }
    Folder(Folder const&) = delete;
    Folder& operator=(Folder const&) = delete;
    ~Folder() { fs::remove_all(path); }
    std::string file(char const* name) const { return (path / name).string(); }
    void write(char const* name, char const* text) const { std::ofstream(path / name) << text; }
};

TEST_CASE("a change is told once, and only when the file has settled", "[watch]") {
    Folder folder;
    folder.write("a", "one");
    folder.write("b", "one");
    FileWatch watch;
    watch.watch({folder.file("a"), folder.file("b"), folder.file("missing")});
    CHECK_FALSE(watch.changed());
    CHECK_FALSE(watch.changed());

    SECTION("an edit") { folder.write("b", "one and a half"); }
    SECTION("an editor's rename over the old file") {
        folder.write("new", "two");
        fs::rename(folder.file("new"), folder.file("a"));
    }
    SECTION("a file that goes away") { fs::remove(folder.file("a")); }
    SECTION("a file that appears") { folder.write("missing", "here"); }
    CHECK_FALSE(watch.changed());  // seen, but perhaps in the middle of a write
    CHECK(watch.changed());
    CHECK_FALSE(watch.changed());
}

TEST_CASE("a write that goes on is awaited", "[watch]") {
    Folder folder;
    folder.write("a", "1");
    FileWatch watch;
    watch.watch({folder.file("a")});
    for (char const* const text : {"12", "123", "1234"}) {
        folder.write("a", text);
        CHECK_FALSE(watch.changed());
    }
    CHECK(watch.changed());
}

TEST_CASE("the swap of a directory's symbolic link, as Kubernetes does it, is a change", "[watch]") {
    Folder folder;
    for (char const* const version : {"v1", "v2"}) {
        fs::create_directories(folder.path / version);
        std::ofstream(folder.path / version / "sluice.yaml") << "same size";
    }
    fs::create_directory_symlink("v1", folder.path / "data");
    FileWatch watch;
    watch.watch({(folder.path / "data" / "sluice.yaml").string()});
    fs::create_directory_symlink("v2", folder.path / "data.new");
    fs::rename(folder.path / "data.new", folder.path / "data");
    CHECK_FALSE(watch.changed());
    CHECK(watch.changed());
}

}  // namespace
}  // namespace sluice::control
