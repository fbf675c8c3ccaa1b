#include "server/store/journal_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace sluice::store {
namespace {

constexpr std::string_view mark = "slujrnl1";
constexpr std::string_view suffix = ".journal";
constexpr std::string_view suffix_while_made = ".new";
constexpr std::uint64_t head_size = 16;  ///< the mark, and the file's number
constexpr std::uint32_t largest_frame = 1U << 26U;
/// Writing over blocks that are there is synced faster than adding blocks.
constexpr std::size_t first_room = 256UL * 1024;

struct FrameHead {
    std::uint32_t size = 0;
    std::uint32_t checksum = 0;
};

using Table = std::array<std::array<std::uint32_t, 256>, 8>;

/// tables[n][b]: what the byte b does to the sum, n bytes before the end.
constexpr Table crc_tables = [] {
    Table tables{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        auto value = i;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
        tables[0][i] = value;
    }
    for (std::size_t n = 1; n < tables.size(); ++n) {
        for (std::size_t i = 0; i < 256; ++i) {
            auto const before = tables[n - 1][i];
            tables[n][i] = (before >> 8U) ^ tables[0][before & 0xFFU];
        }
    }
    return tables;
}();

/// CRC-32C (RFC 3720, appendix B.4), eight bytes at a time.
std::uint32_t add_to_sum(std::uint32_t sum, std::string_view bytes) {
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
        std::uint64_t eight = 0;
        std::memcpy(&eight, bytes.data(), sizeof eight);
        eight ^= sum;
        sum = 0;
        for (std::size_t n = 0; n < 8; ++n) sum ^= crc_tables[7 - n][(eight >> (8 * n)) & 0xFFU];
    }
    for (char const c : bytes) sum = crc_tables[0][(sum ^ static_cast<unsigned char>(c)) & 0xFFU] ^ (sum >> 8U);
    return sum;
}

#if defined(__x86_64__)
/// The same, by an instruction for it.
__attribute__((target("sse4.2"))) std::uint32_t add_to_sum_fast(std::uint32_t sum, std::string_view bytes) {
    std::uint64_t wide = sum;
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
        std::uint64_t eight = 0;
        std::memcpy(&eight, bytes.data(), sizeof eight);
        wide = __builtin_ia32_crc32di(wide, eight);
    }
    sum = static_cast<std::uint32_t>(wide);
    for (char const c : bytes) sum = __builtin_ia32_crc32qi(sum, static_cast<unsigned char>(c));
    return sum;
}
auto* const fastest = __builtin_cpu_supports("sse4.2") ? &add_to_sum_fast : &add_to_sum;
#else
auto* const fastest = &add_to_sum;
#endif

std::uint32_t checksum(std::string_view bytes, std::uint64_t number) {
    return ~fastest(~static_cast<std::uint32_t>(number ^ (number >> 32U)), bytes);
}

Error failed(std::string const& what) {
    return Error{.kind = ErrorKind::ledger_unavailable, .detail = what + ": " + std::generic_category().message(errno)};
}

bool write_all(int fd, std::string_view bytes, std::uint64_t at) {
    while (!bytes.empty()) {
        auto const written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
        at += static_cast<std::uint64_t>(written);
    }
    return true;
}

/// Up to `size` bytes from `at`: fewer only at the file's end, or where it can't be read.
std::string read_some(int fd, std::size_t size, std::uint64_t at) {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        auto const got = ::pread(fd, bytes.data() + have, size - have, static_cast<off_t>(at + have));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
}

Result<> make_folder(std::string const& folder) {
    std::error_code error;
    if (std::filesystem::create_directories(folder, error)) {
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    }
    if (!error) return {};
    return std::unexpected(Error{.kind = ErrorKind::ledger_unavailable, .detail = folder + ": " + error.message()});
}

}  // namespace

Result<> sync_folder_of(std::string const& path) {
    auto const folder = std::filesystem::path(path).parent_path();
    net::OwnedFd const fd(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd && ::fsync(fd.get()) == 0) return {};
    return std::unexpected(failed("fsync " + folder.string()));
}

Result<JournalFile> JournalFile::create(std::string const& folder, std::int64_t epoch, std::uint64_t number) {
    if (folder.empty()) {
        JournalFile file(::memfd_create("sluice-journal", MFD_CLOEXEC), "");
        if (!file.fd_) return std::unexpected(failed("memfd_create"));
        SLUICE_CHECK(file.write_head(number));
        return file;
    }
    SLUICE_CHECK(make_folder(folder));
    auto path = folder + "/" + std::to_string(epoch) + "-" + std::to_string(number) + std::string(suffix);
    // Locked before it has the name by which others look for what is left behind.
    auto const path_while_made = path + std::string(suffix_while_made);
    JournalFile file(::open(path_while_made.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), std::move(path));
    if (!file.fd_ || ::flock(file.fd_.get(), LOCK_EX | LOCK_NB) != 0) return std::unexpected(failed(path_while_made));
    file.make_room();
    auto made = file.write_head(number);
    if (made && ::rename(path_while_made.c_str(), file.path_.c_str()) != 0) made = std::unexpected(failed(file.path_));
    if (made) made = sync_folder_of(file.path_);
    if (made) return file;
    ::unlink(path_while_made.c_str());
    return std::unexpected(std::move(made.error()));
}

/// Where there is no room, frames find that out.
void JournalFile::make_room() const {
    if (!write_all(fd_.get(), std::string(first_room, '\0'), 0)) std::ignore = ::ftruncate(fd_.get(), 0);
}

Result<> JournalFile::write_head(std::uint64_t number) {
    std::string head(mark);
    head.append(reinterpret_cast<char const*>(&number), sizeof number);
    if (!write_all(fd_.get(), head, 0)) return std::unexpected(failed(path_));
    number_ = number;
    end_ = 0;
    return sync();
}

/// Its name keeps the number that it had first: the head says which it is.
Result<> JournalFile::begin_anew(std::uint64_t number) { return write_head(number); }

std::vector<JournalFile> JournalFile::left_behind(std::string const& folder) {
    std::vector<JournalFile> left;
    if (folder.empty()) return left;
    std::error_code ignored;
    for (auto const& entry : std::filesystem::directory_iterator(folder, ignored)) {
        if (entry.path().extension() != suffix) continue;
        JournalFile file(::open(entry.path().c_str(), O_RDWR | O_CLOEXEC), entry.path().string());
        if (!file.fd_ || ::flock(file.fd_.get(), LOCK_EX | LOCK_NB) != 0) continue;
        if (file.find_end()) left.push_back(std::move(file));
    }
    std::ranges::sort(left, {}, &JournalFile::number_);
    return left;
}

/// False: it is no journal.
bool JournalFile::find_end() {
    auto const head = read_some(fd_.get(), head_size, 0);
    if (head.size() < head_size || !head.starts_with(mark)) return false;
    std::memcpy(&number_, head.data() + mark.size(), sizeof number_);
    for (;;) {
        auto const raw = read_some(fd_.get(), sizeof(FrameHead), head_size + end_);
        if (raw.size() < sizeof(FrameHead)) return true;
        FrameHead frame;
        std::memcpy(&frame, raw.data(), sizeof frame);
        if (frame.size == 0 || frame.size > largest_frame) return true;
        auto const content = read_some(fd_.get(), frame.size, head_size + end_ + sizeof frame);
        if (content.size() < frame.size || checksum(content, number_) != frame.checksum) return true;
        end_ += size_in_file(content);
    }
}

Result<> JournalFile::append(std::string_view frame) {
    FrameHead head{.size = static_cast<std::uint32_t>(frame.size()), .checksum = checksum(frame, number_)};
    std::array<iovec, 2> const parts{
        {{.iov_base = &head, .iov_len = sizeof head},
         {.iov_base = const_cast<char*>(frame.data()), .iov_len = frame.size()}}};  // NOLINT(*-const-cast): only read
    auto const size = size_in_file(frame);
    ssize_t written = 0;
    do {
        written = ::pwritev(fd_.get(), parts.data(), parts.size(), static_cast<off_t>(head_size + end_));
    } while (written < 0 && errno == EINTR);
    if (written < 0) return std::unexpected(failed(path_));
    if (static_cast<std::size_t>(written) < size) {  // a disk that is full takes what it has room for
        auto const done = static_cast<std::size_t>(written);
        std::string whole(reinterpret_cast<char const*>(&head), sizeof head);
        whole += frame;
        if (!write_all(fd_.get(), std::string_view(whole).substr(done), head_size + end_ + done)) {
            return std::unexpected(failed(path_));
        }
    }
    end_ += size;
    return {};
}

Result<> JournalFile::sync() const {
    if (path_.empty() || ::fdatasync(fd_.get()) == 0) return {};
    return std::unexpected(failed("fdatasync " + path_));
}

Result<std::string> JournalFile::read(std::uint64_t from, std::uint64_t to) const {
    auto bytes = read_some(fd_.get(), to - from, head_size + from);
    if (bytes.size() == to - from) return bytes;
    return std::unexpected(failed(path_ + " at " + std::to_string(from)));
}

std::int64_t JournalFile::epoch() const {
    auto const name = std::filesystem::path(path_).filename().string();
    std::int64_t epoch = 0;
    std::from_chars(name.data(), name.data() + name.size(), epoch);
    return epoch;
}

void JournalFile::remove() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

std::uint64_t size_in_file(std::string_view frame) { return sizeof(FrameHead) + frame.size(); }

std::optional<std::string_view> take_frame(std::string_view& frames) {
    FrameHead head;
    if (frames.size() < sizeof head) return std::nullopt;
    std::memcpy(&head, frames.data(), sizeof head);
    if (frames.size() - sizeof head < head.size) return std::nullopt;
    auto const content = frames.substr(sizeof head, head.size);
    frames.remove_prefix(sizeof head + head.size);
    return content;
}

}  // namespace sluice::store
