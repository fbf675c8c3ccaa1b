#include "server/lab/request_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <limits>
#include <optional>

#include "server/lab/chat_request.hpp"

namespace sluice::lab {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

/// Puts what Beast finds into a Request.
class Parser final : public http::basic_parser<true> {
public:
    explicit Parser(Request& request) : request_(request) {
        header_limit(std::numeric_limits<std::uint32_t>::max());
        body_limit(std::uint64_t{256} << 20);
        eager(true);
    }

private:
    using Code = beast::error_code;
    using Text = beast::string_view;
    using Length = boost::optional<std::uint64_t>;
    Request& request_;

    void on_request_impl(http::verb /*verb*/, Text method, Text target, int version, Code& /*failure*/) override {
        request_.method.assign(method.data(), method.size());
        request_.target.assign(target.data(), target.size());
        request_.http_1_0 = version < 11;
    }
    void on_response_impl(int /*code*/, Text /*reason*/, int /*version*/, Code& /*failure*/) override {}
    void on_field_impl(http::field field, Text name, Text value, Code& /*failure*/) override {
        request_.headers.emplace_back(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
        if (field == http::field::expect && beast::iequals(value, "100-continue")) request_.expects_continue = true;
    }
    void on_header_impl(Code& /*failure*/) override { request_.keep_alive = keep_alive(); }
    void on_body_init_impl(Length const& length, Code& /*failure*/) override {
        request_.body.reserve(static_cast<std::size_t>(length.value_or(0)) + body_padding);
    }
    std::size_t on_body_impl(Text text, Code& /*failure*/) override {
        request_.body.append(text.data(), text.size());
        return text.size();
    }
    void on_chunk_header_impl(std::uint64_t /*size*/, Text /*extensions*/, Code& /*failure*/) override {}
    std::size_t on_chunk_body_impl(std::uint64_t /*left*/, Text text, Code& /*failure*/) override {
        request_.body.append(text.data(), text.size());
        return text.size();
    }
    void on_finish_impl(Code& /*failure*/) override { request_.body.reserve(request_.body.size() + body_padding); }
};

}  // namespace

struct RequestReader::Impl {
    Request request;
    std::optional<Parser> parser;
};

RequestReader::RequestReader() : impl_(std::make_unique<Impl>()) { start(); }
RequestReader::~RequestReader() = default;

void RequestReader::start() {
    auto& request = impl_->request;
    request.headers.clear();
    request.body.clear();
    request.expects_continue = false;
    impl_->parser.emplace(request);
}

std::expected<std::size_t, std::string> RequestReader::feed(std::string_view bytes) {
    beast::error_code failure;
    boost::asio::const_buffer buffer(bytes.data(), bytes.size());
    auto used = impl_->parser->put(buffer, failure);
    if (failure && failure != http::error::need_more) return std::unexpected(failure.message());
    return used;
}

bool RequestReader::has_header() const { return impl_->parser->is_header_done(); }
bool RequestReader::is_done() const { return impl_->parser->is_done(); }
Request& RequestReader::request() { return impl_->request; }

std::string_view Request::header(std::string_view name) const {
    for (auto const& [key, value] : headers)
        if (beast::iequals({key.data(), key.size()}, {name.data(), name.size()})) return value;
    return {};
}

}  // namespace sluice::lab
