#include "server/net/buffer_pool.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

namespace sluice::net {
namespace {

TEST_CASE("a buffer has the smallest class that fits, and above the largest exactly what was asked for", "[buffer]") {
    struct Row {
        std::size_t asked;
        std::size_t got;
    };
    auto const row =
        GENERATE(Row{0, 4'096}, Row{1, 4'096}, Row{4'096, 4'096}, Row{4'097, 16'384}, Row{65'536, 65'536},
                 Row{65'537, 262'144}, Row{262'144, 262'144}, Row{262'145, 262'145}, Row{33'554'432, 33'554'432});
    BufferPool pool;
    auto const buffer = pool.take(row.asked);
    CHECK(buffer.capacity() == row.got);
}

TEST_CASE("behind its capacity a buffer has readable bytes", "[buffer]") {
    auto const size = GENERATE(std::size_t{4'096}, 65'536, 300'000);
    BufferPool pool;
    auto buffer = pool.take(size);
    std::memset(buffer.data(), 'x', buffer.capacity() + Buffer::padding);  // ASan watches
    CHECK(buffer.data()[buffer.capacity() + Buffer::padding - 1] == 'x');
}

TEST_CASE("a buffer that is given back is used again", "[buffer]") {
    BufferPool pool;
    char const* first = nullptr;
    {
        auto const buffer = pool.take(100);
        first = buffer.data();
    }
    CHECK(pool.take(4'000).data() == first);
}

TEST_CASE("a moved buffer is given back once", "[buffer]") {
    BufferPool pool;
    auto buffer = pool.take(100);
    auto const* const bytes = buffer.data();
    Buffer other(std::move(buffer));
    CHECK_FALSE(buffer);  // NOLINT(bugprone-use-after-move): what is left of it is the question
    buffer = std::move(other);
    other = pool.take(100);
    CHECK(other.data() != bytes);
    buffer = Buffer();
    auto const again = pool.take(100);
    CHECK(again.data() == bytes);
    CHECK(pool.take(100).data() != bytes);
}

TEST_CASE("a pool keeps a bounded number of bytes", "[buffer]") {
    BufferPool pool;
    std::vector<Buffer> taken;
    for (int i = 0; i < 100; ++i) taken.push_back(pool.take(65'536));
    taken.clear();
    CHECK(pool.kept() == BufferPool::most_kept);
}

TEST_CASE("trim() frees what was not needed since the last one", "[buffer]") {
    constexpr std::size_t size = 65'536;
    BufferPool pool;
    std::vector<Buffer> taken;
    for (int i = 0; i < 10; ++i) taken.push_back(pool.take(size));
    taken.clear();
    CHECK(pool.kept() == 10 * size);
    pool.trim();  // the ten were in use a moment ago
    CHECK(pool.kept() == 10 * size);
    for (int i = 0; i < 3; ++i) taken.push_back(pool.take(size));
    taken.clear();
    pool.trim();
    CHECK(pool.kept() == 3 * size);
    pool.trim();
    CHECK(pool.kept() == 0);
}

}  // namespace
}  // namespace sluice::net
