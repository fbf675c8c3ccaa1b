#include "server/api/recorded_answer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::api {
namespace {

constexpr std::size_t first_block = 2 * 1024;
constexpr std::size_t largest_block = 64 * 1024;  // but for an answer that comes in one piece
constexpr std::size_t most_pieces = 16;           // that a reader takes at once

std::size_t size_of(Pieces pieces) {
    std::size_t size = 0;
    for (auto const piece : pieces) size += piece.size();
    return size;
}

}  // namespace

void RecordedAnswer::begin(AnswerHead head) {
    auto const size = sizeof(RecordedAnswer) + sizeof(AnswerHead) + head.headers.bytes();
    counted_ += size;
    kept_ = memory_.take(size) && kept_;
    auto shared = std::make_shared<AnswerHead const>(std::move(head));
    std::lock_guard const lock(mutex_);
    head_ = std::move(shared);
    announce(lock);
}

/// What is published of a block stays as it is; the bytes behind that are the writer's alone.
void RecordedAnswer::append(Pieces pieces) {
    auto left = size_of(pieces);
    for (auto piece : pieces) {
        while (!piece.empty()) {
            if (room_ == 0) add_block(left);
            auto const& block = *blocks_.back();
            auto const size = std::min(piece.size(), room_);
            std::memcpy(&block.bytes[block.capacity - room_], piece.data(), size);
            room_ -= size;
            written_ += size;
            left -= size;
            piece.remove_prefix(size);
        }
    }
    kept_ = kept_ && written_ <= most_kept;
    std::lock_guard const lock(mutex_);
    published_ = written_;
    announce(lock);
    if (!kept_) drop_what_all_have(lock);
}

void RecordedAnswer::add_block(std::size_t wanted) {
    auto const next = blocks_.empty() ? first_block : std::min(2 * blocks_.back()->capacity, largest_block);
    // A whole answer fits as it is.
    auto const size = head_ && !head_->stream ? wanted : std::max(next, std::min(wanted, largest_block));
    auto block = std::make_shared<Block>(size);
    counted_ += size;
    kept_ = memory_.take(size) && kept_;
    room_ = size;
    std::lock_guard const lock(mutex_);
    blocks_.push_back(std::move(block));
}

void RecordedAnswer::end(Ending ending, std::exception_ptr bug) {
    std::lock_guard const lock(mutex_);
    if (ending_ != Ending::none) return;
    finished_ = ending != Ending::abandoned;
    ending_ = ending;
    bug_ = std::move(bug);
    writer_ = nullptr;
    announce(lock);
}

bool RecordedAnswer::is_far_ahead(std::shared_ptr<Gate> const& writer) {
    if (kept_) return false;
    std::lock_guard const lock(mutex_);
    drop_what_all_have(lock);
    bool const far = published_ - slowest(lock) > most_ahead;
    writer_ = far ? writer : nullptr;
    return far;
}

void RecordedAnswer::drop_what_all_have(std::lock_guard<std::mutex> const& lock) {
    auto const needed = slowest(lock);
    while (!blocks_.empty() && dropped_ + blocks_.front()->capacity <= needed) {
        auto const size = blocks_.front()->capacity;
        dropped_ += size;
        counted_ -= size;
        memory_.give_back(size);
        blocks_.erase(blocks_.begin());
    }
}

std::uint64_t RecordedAnswer::slowest(std::lock_guard<std::mutex> const&) const {
    auto least = published_;
    for (auto const* reader : readers_) least = std::min(least, reader->passed_on_);
    return least;
}

/// Under the mutex, so that no reader, and with it its worker, can go meanwhile.
void RecordedAnswer::announce(std::lock_guard<std::mutex> const&) const {
    for (auto* reader : readers_) {
        if (std::exchange(reader->waiting_, false)) reader->news_->open();
    }
}

RecordedAnswer::Reader::Reader(std::shared_ptr<RecordedAnswer> answer, std::shared_ptr<Gate> news)
    : answer_(std::move(answer)), news_(std::move(news)) {
    std::lock_guard const lock(answer_->mutex_);
    too_late_ = answer_->dropped_ > 0;
    if (!too_late_) answer_->readers_.push_back(this);
}

RecordedAnswer::Reader::~Reader() {
    std::lock_guard const lock(answer_->mutex_);
    std::erase(answer_->readers_, this);
    if (auto const writer = std::exchange(answer_->writer_, nullptr)) writer->open();
}

RecordedAnswer::News RecordedAnswer::Reader::take() {
    auto& answer = *answer_;
    News news;
    std::lock_guard const lock(answer.mutex_);
    passed_on_ = taken_;
    if (auto const writer = std::exchange(answer.writer_, nullptr)) writer->open();
    news.head = answer.head_;
    if (news.head && !news.head->stream && answer.ending_ == Ending::none) {  // in one piece, or not at all
        waiting_ = true;
        return news;
    }
    auto begin = answer.dropped_;
    for (auto const& block : answer.blocks_) {
        auto const end = std::min(begin + block->capacity, answer.published_);
        if (taken_ < end && news.pieces.size() < most_pieces) {
            news.pieces.push_back({block, {&block->bytes[taken_ - begin], end - taken_}});
            taken_ = end;
        }
        begin += block->capacity;
    }
    if (taken_ == answer.published_) {
        news.ending = answer.ending_;
        news.bug = answer.bug_;
    }
    waiting_ = news.pieces.empty() && news.ending == Ending::none;
    return news;
}

bool RecordedAnswer::Reader::ended() const {
    std::lock_guard const lock(answer_->mutex_);
    return answer_->ending_ != Ending::none;
}

}  // namespace sluice::api
