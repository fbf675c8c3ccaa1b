#include "server/lab/session.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice::lab {
namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
using Clock = std::chrono::steady_clock;

constexpr std::size_t first_input = 16 << 10;
constexpr std::size_t most_input = 1 << 20;
constexpr int writes_per_turn = 64;  ///< then the thread's other connections get theirs

std::int64_t unix_seconds() {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

Session::Session(asio::ip::tcp::socket socket, asio::ssl::context* tls, Shared& shared, Kitchen& kitchen)
    : wire_(std::move(socket), tls), shared_(shared), kitchen_(kitchen), timer_(wire_.socket().get_executor()) {
    number_ = shared_.stats.open_connection();
    input_.resize(first_input);
}

Session::~Session() { shared_.stats.close_connection(); }

asio::awaitable<void> Session::run(Greeting greeting) {
    auto self = shared_from_this();  // until the end of this coroutine
    bool welcome = co_await greet(greeting);
    auto next = welcome ? Next::request : Next::nothing;
    while (next == Next::request) {
        bool has_request = co_await read_request();
        if (!has_request) break;
        next = co_await serve();
    }
    if (next == Next::goodbye) co_await goodbye();
    wire_.close();
}

asio::awaitable<bool> Session::greet(Greeting greeting) {
    using Kind = Greeting::Kind;
    if (greeting.delay.count() > 0) co_await wait_for(greeting.delay);
    if (greeting.kind == Kind::reset) wire_.reset();
    bool hangs = greeting.kind == Kind::hang || greeting.tls_fault == TlsFault::stall_in_handshake;
    if (greeting.tls_fault == TlsFault::close_in_handshake) {
        // The client's hello is read first, so that it sees a close in the middle and not at the start.
        co_await wire_.socket().async_wait(asio::ip::tcp::socket::wait_read, as_result);
        wire_.send_fin();
    }
    if (hangs) {
        is_playing_ = true;
        co_await pause_until(Clock::now() + forever);
    }
    if (greeting.kind != Kind::serve || greeting.tls_fault != TlsFault::none) co_return false;
    auto failure = co_await wire_.handshake();
    co_return !failure;
}

asio::awaitable<bool> Session::read_request() {
    reader_.start();
    bool continued = false;
    if (idle_close_.count() > 0) close_if_idle();
    for (;;) {
        auto used = reader_.feed(std::string_view(input_).substr(begin_, end_ - begin_));
        if (!used) {
            Context context{.unix_seconds = 0, .close = true};
            Bill bill;
            auto answer = plain_error(400, "malformed request: " + used.error(), "malformed", context);
            co_await play(answer, bill);
            co_await goodbye();
            co_return false;
        }
        begin_ += *used;
        if (reader_.is_done()) co_return true;
        if (reader_.has_header() && reader_.request().expects_continue && !continued) {
            continued = true;
            co_await wire_.write("HTTP/1.1 100 Continue\r\n\r\n");
        }
        if (begin_ > 0) {
            std::copy(input_.begin() + static_cast<std::ptrdiff_t>(begin_),
                      input_.begin() + static_cast<std::ptrdiff_t>(end_), input_.begin());
            end_ -= std::exchange(begin_, 0);
        }
        bool is_full = end_ == input_.size() || reader_.has_header();  // a body goes faster in larger reads
        if (is_full && input_.size() < (reader_.has_header() ? std::size_t{128} << 10 : most_input))
            input_.resize(input_.size() * 2);
        if (end_ == input_.size()) co_return false;
        auto room = asio::buffer(input_.data() + end_, input_.size() - end_);
        auto [failure, size] = co_await wire_.read(room);
        if (failure) co_return false;
        end_ += size;
    }
}

asio::awaitable<Session::Next> Session::serve() {
    if (idle_close_.count() > 0) timer_.cancel();
    Request& request = reader_.request();
    auto route = route_of(request.target);
    Context context{.unix_seconds = unix_seconds(), .close = !request.keep_alive};
    context.http_1_0 = request.http_1_0;
    context.head = request.method == "HEAD";
    if (route.to != Route::To::chat || request.method != "POST") {
        auto answer = answer_control(route, request, shared_, context);
        Bill unbilled;
        bool all = co_await play(answer, unbilled);
        co_return !all ? Next::nothing : answer.end == End::keep_alive ? Next::request : Next::goodbye;
    }
    shared_.stats.begin_request(number_);
    auto dish = kitchen_.prepare(request, route, context, ++served_);
    shared_.stats.keep(request);  // the views into it are used up
    if (dish.options->die_on_request == served_) {
        if (dish.options->die_with_reset) wire_.reset();
        co_return Next::nothing;
    }
    bool all = co_await play(*dish.answer, dish.bill);
    bool was_cut = dish.answer->end == End::cut || dish.answer->end == End::reset;
    dish.bill.usage_reported = dish.answer->usage_reported && all && !was_cut;
    dish.bill.ended = !all ? Ended::cancelled : was_cut ? Ended::cut : Ended::complete;
    shared_.stats.add(std::move(dish.bill));
    if (!all) co_return Next::nothing;
    co_return co_await after(*dish.answer, *dish.options);
}

/// Sends the answer in its own time. False: the peer left before the end.
asio::awaitable<bool> Session::play(Answer const& answer, Bill& bill) {
    auto due = Clock::time_point{};
    std::string_view rest = answer.bytes;
    int turn = 0;
    is_playing_ = true;
    if (answer.is_stream) shared_.stats.begin_stream();
    for (auto const& write : answer.writes) {
        if (write.wait.count() > 0) {
            due = (due == Clock::time_point{} ? Clock::now() : due) + write.wait;
            bool here = co_await pause_until(due);
            if (!here) break;
        }
        Code failure;
        auto text = rest.substr(0, write.size);
        auto sent = wire_.try_write(text, failure);
        if (!failure && sent < text.size()) failure = co_await wire_.write(text.substr(sent));
        if (failure) is_gone_ = true;
        if (is_gone_) break;
        rest.remove_prefix(text.size());
        bill.completion += write.tokens;
        if (++turn % writes_per_turn == 0) co_await asio::post(as_result);
    }
    if (answer.is_stream) shared_.stats.end_stream();
    is_playing_ = false;
    shared_.stats.count_bytes(answer.bytes.size() - rest.size());
    bill.prompt = answer.usage.prompt;
    bill.reasoning = std::min(answer.usage.reasoning, bill.completion);
    bool const is_complete = rest.empty();
    co_return is_complete;
}

/// False: the peer left meanwhile.
asio::awaitable<bool> Session::pause_until(Clock::time_point due) {
    if (due > Clock::now()) {
        watch();
        timer_.expires_at(due);
        co_await timer_.async_wait(as_result);
        if (has_input_ && wire_.peer_is_gone()) is_gone_ = true;
    }
    co_return !is_gone_;
}

asio::awaitable<void> Session::wait_for(Duration time) {
    timer_.expires_after(time);
    co_await timer_.async_wait(as_result);
}

/// Wakes a waiting answer when the peer leaves. One watch at a time; it outlives the answer and does no harm then.
void Session::watch() {
    if (is_watching_ || has_input_) return;
    is_watching_ = true;
    auto report = [self = shared_from_this()](Code failure) {
        self->is_watching_ = false;
        if (failure || !self->is_playing_) return;
        if (self->wire_.peer_is_gone()) {
            self->is_gone_ = true;
            self->timer_.cancel();
            return;
        }
        Code ignored;
        // Input that waits would wake us at once, again and again: from now on each pause ends with a look instead.
        self->has_input_ = self->wire_.socket().available(ignored) > 0;
        self->watch();
    };
    wire_.socket().async_wait(asio::ip::tcp::socket::wait_read, std::move(report));
}

asio::awaitable<Session::Next> Session::after(Answer const& answer, Options const& options) {
    has_input_ = false;
    if (answer.end == End::reset) {
        wire_.reset();
        co_return Next::nothing;
    }
    if (answer.end == End::cut) {
        wire_.send_fin();
        co_await wait_for(std::chrono::milliseconds(20));  // so that nothing unread turns the FIN into an RST
        co_return Next::nothing;
    }
    if (answer.end == End::close) co_return Next::goodbye;
    idle_close_ = options.idle_close;
    if (options.silent_close_after > 0 && served_ >= options.silent_close_after) {
        if (idle_close_.count() == 0) co_return Next::goodbye;
    } else if (options.silent_close_after > 0) {
        idle_close_ = Duration{};
    }
    co_return Next::request;
}

/// Closes the connection without a word if no request comes in time, or while one comes: that is the fault.
void Session::close_if_idle() {
    timer_.expires_after(idle_close_);
    auto end = [self = shared_from_this()](Code failure) {
        if (!failure) self->wire_.close();
    };
    timer_.async_wait(std::move(end));
}

/// An orderly end: FIN, then a moment for the peer to answer it.
asio::awaitable<void> Session::goodbye() {
    auto end = [self = shared_from_this()](Code failure) {
        if (!failure) self->wire_.close();
    };
    timer_.expires_after(std::chrono::milliseconds(500));
    timer_.async_wait(std::move(end));
    co_await wire_.say_goodbye();
    wire_.send_fin();
    for (int i = 0; i < 1000; ++i) {
        auto [failure, size] = co_await wire_.socket().async_read_some(asio::buffer(input_), as_result);
        if (failure) break;
    }
    timer_.cancel();
}

}  // namespace sluice::lab
