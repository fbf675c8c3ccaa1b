#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace sluice {

/// One worker is one thread that runs one io_context; everything of a request happens there.
using Executor = boost::asio::io_context::executor_type;

/// A coroutine on a worker. The concrete executor spares a type-erased one per frame.
template <class T = void>
using Task = boost::asio::awaitable<T, Executor>;

}  // namespace sluice
