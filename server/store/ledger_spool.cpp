#include "server/store/ledger_spool.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "server/store/event_bytes.hpp"

namespace sluice::store {
namespace {

constexpr std::string_view mark = "sluspl1\n";
constexpr std::string_view suffix = ".spool";
constexpr std::uint32_t largest_record = 1U << 20U;

struct Head {
    std::uint32_t size = 0;
    std::uint32_t checksum = 0;
};

constexpr std::array<std::uint32_t, 256> crc_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        auto value = i;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
        table[i] = value;
    }
    return table;
}();

/// CRC-32C (RFC 3720, appendix B.4).
std::uint32_t checksum(std::string_view bytes) {
    std::uint32_t sum = ~0U;
    for (char const c : bytes) sum = crc_table[(sum ^ static_cast<unsigned char>(c)) & 0xFFU] ^ (sum >> 8U);
    return ~sum;
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

/// `size` bytes from `at`; nothing: there are fewer.
std::optional<std::string> read_exactly(int fd, std::size_t size, std::uint64_t at) {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        auto const got = ::pread(fd, bytes.data() + have, size - have, static_cast<off_t>(at + have));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return std::nullopt;
        have += static_cast<std::size_t>(got);
    }
    return bytes;
}

/// The record at `at`, if it is whole.
std::optional<std::string> read_record(int fd, std::uint64_t at) {
    auto const raw = read_exactly(fd, sizeof(Head), at);
    if (!raw) return std::nullopt;
    Head head;
    std::memcpy(&head, raw->data(), sizeof head);
    if (head.size == 0 || head.size > largest_record) return std::nullopt;
    auto record = read_exactly(fd, head.size, at + sizeof head);
    if (!record || checksum(*record) != head.checksum) return std::nullopt;
    return record;
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

LedgerSpool::LedgerSpool(LedgerSpool&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), end_(other.end_), read_(other.read_) {}

LedgerSpool& LedgerSpool::operator=(LedgerSpool&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    end_ = other.end_;
    read_ = other.read_;
    return *this;
}

LedgerSpool::~LedgerSpool() {
    if (fd_ >= 0) ::close(fd_);
}

Result<LedgerSpool> LedgerSpool::create(std::string const& folder, std::int64_t epoch) {
    SLUICE_CHECK(make_folder(folder));
    auto path = folder + "/" + std::to_string(epoch) + std::string(suffix);
    int const fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return std::unexpected(failed(path));
    LedgerSpool spool(fd, std::move(path));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return std::unexpected(failed(spool.path_));
    SLUICE_CHECK(spool.begin_file());
    return spool;
}

Result<> LedgerSpool::begin_file() {
    if (!write_all(fd_, mark, 0)) return std::unexpected(failed(path_));
    return {};
}

std::vector<LedgerSpool> LedgerSpool::left_behind(std::string const& folder) {
    std::vector<LedgerSpool> left;
    std::error_code ignored;
    for (auto const& file : std::filesystem::directory_iterator(folder, ignored)) {
        if (file.path().extension() != suffix) continue;
        int const fd = ::open(file.path().c_str(), O_RDWR | O_CLOEXEC);
        if (fd < 0) continue;
        LedgerSpool spool(fd, file.path().string());
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0) continue;
        spool.find_end();
        left.push_back(std::move(spool));
    }
    return left;
}

void LedgerSpool::find_end() {
    auto const found = read_exactly(fd_, mark.size(), 0);
    if (!found || *found != mark) return;
    while (auto const record = read_record(fd_, end_)) end_ += sizeof(Head) + record->size();
}

Result<> LedgerSpool::append(std::span<LedgerEvent const> events) {
    std::string bytes;
    for (auto const& event : events) {
        auto const record = to_bytes(event);
        Head const head{.size = static_cast<std::uint32_t>(record.size()), .checksum = checksum(record)};
        bytes.append(reinterpret_cast<char const*>(&head), sizeof head);
        bytes += record;
    }
    if (write_all(fd_, bytes, end_) && ::fdatasync(fd_) == 0) {
        end_ += bytes.size();
        return {};
    }
    auto error = failed(path_);
    // Whole records of it must not be found by whoever takes the file over.
    std::ignore = ::ftruncate(fd_, static_cast<off_t>(end_));
    return std::unexpected(std::move(error));
}

Result<std::vector<LedgerEvent>> LedgerSpool::next(std::size_t most) {
    std::vector<LedgerEvent> events;
    while (read_ < end_ && events.size() < most) {
        auto const record = read_record(fd_, read_);
        if (!record) return std::unexpected(failed(path_ + " at " + std::to_string(read_)));
        read_ += sizeof(Head) + record->size();
        // A record of a later version would be no event for us: its checksum holds, and nothing else can be said.
        if (auto event = read_event(*record)) events.push_back(*std::move(event));
    }
    return events;
}

void LedgerSpool::rewind() { read_ = first_record; }

Result<> LedgerSpool::forget() {
    if (::ftruncate(fd_, static_cast<off_t>(first_record)) != 0) return std::unexpected(failed(path_));
    end_ = first_record;
    read_ = first_record;
    return {};
}

void LedgerSpool::remove() { ::unlink(path_.c_str()); }

}  // namespace sluice::store
