// Only the lab uses Asio's TLS; the gateway speaks to OpenSSL itself.
#include <boost/asio/ssl/impl/src.hpp>
