#include "server/upstream/origin.hpp"

#include <catch2/catch.hpp>
#include <map>

namespace sluice::upstream {
namespace {

TEST_CASE("a base URL is taken apart", "[origin]") {
    struct Row {
        char const* url;
        Origin origin;
        char const* authority;
    };
    auto const row = GENERATE(
        Row{"https://api.example.com/v1", {Scheme::https, "api.example.com", 443, "/v1", ""}, "api.example.com"},
        Row{"https://api.example.com/v1/", {Scheme::https, "api.example.com", 443, "/v1", ""}, "api.example.com"},
        Row{"https://api.example.com", {Scheme::https, "api.example.com", 443, "", ""}, "api.example.com"},
        Row{"http://localhost:11434", {Scheme::http, "localhost", 11434, "", ""}, "localhost:11434"},
        Row{"http://host:80/a/b", {Scheme::http, "host", 80, "/a/b", ""}, "host"},
        Row{"http://host:443", {Scheme::http, "host", 443, "", ""}, "host:443"},
        Row{"https://host:80", {Scheme::https, "host", 80, "", ""}, "host:80"},
        Row{"http://[::1]:8080/v1", {Scheme::http, "::1", 8080, "/v1", ""}, "[::1]:8080"},
        Row{"https://[2001:db8::1]", {Scheme::https, "2001:db8::1", 443, "", ""}, "[2001:db8::1]"},
        Row{"http://me:pass@proxy:3128", {Scheme::http, "proxy", 3128, "", "me:pass"}, "proxy:3128"},
        Row{"http://me:p%40ss%3aword@proxy:3128", {Scheme::http, "proxy", 3128, "", "me:p@ss:word"}, "proxy:3128"},
        Row{"http://me:a@b@proxy", {Scheme::http, "proxy", 80, "", "me:a@b"}, "proxy"},
        Row{"http://host/with@sign", {Scheme::http, "host", 80, "/with@sign", ""}, "host"});
    CAPTURE(row.url);
    auto const origin = parse_origin(row.url);
    REQUIRE(origin);
    CHECK(*origin == row.origin);
    CHECK(origin->authority() == row.authority);
}

TEST_CASE("what is no http URL is refused", "[origin]") {
    auto const* const url = GENERATE("", "api.example.com", "ftp://host", "socks5://host:1080", "http://", "http:///v1",
                                     "http://host:", "http://host:http", "http://host:70000", "http://host:-1",
                                     "https://host:8 0", "http://u%4@host");
    CAPTURE(url);
    CHECK_FALSE(parse_origin(url));
}

TEST_CASE("a wrong proxy URL is reported without its password", "[origin]") {
    auto const* const url =
        GENERATE("socks5://me:hunter2@host:1080", "http://me:hunter2@host:port", "http://me:hunter2%@host",
                 "me:hunter2@host", "me:hunter2@host/a://b", "hunter2://me@host");
    CAPTURE(url);
    auto const origin = parse_origin(url);
    REQUIRE_FALSE(origin);
    CHECK(origin.error().detail.find("hunter2") == std::string::npos);
    CHECK(origin.error().detail.find("host") != std::string::npos);
}

config::Environment environment(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        auto const found = variables.find(std::string(name));
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

TEST_CASE("the proxy comes from the variable of the target's scheme, and lower case wins", "[proxy]") {
    struct Row {
        char const* url;
        std::map<std::string, std::string> variables;
        char const* proxy;
    };
    auto const row =
        GENERATE(Row{"https://a.example", {}, ""}, Row{"https://a.example", {{"HTTPS_PROXY", "http://p"}}, "http://p"},
                 Row{"https://a.example", {{"HTTPS_PROXY", "http://p"}, {"https_proxy", "http://q"}}, "http://q"},
                 Row{"https://a.example", {{"HTTPS_PROXY", "http://p"}, {"https_proxy", ""}}, "http://p"},
                 Row{"https://a.example", {{"http_proxy", "http://p"}}, ""},
                 Row{"http://a.example", {{"http_proxy", "http://p"}}, "http://p"},
                 Row{"http://a.example", {{"HTTP_PROXY", "http://p"}}, ""},
                 Row{"http://a.example", {{"https_proxy", "http://p"}}, ""},
                 Row{"http://a.example", {{"ALL_PROXY", "http://p"}}, "http://p"},
                 Row{"https://a.example", {{"ALL_PROXY", "http://p"}, {"all_proxy", "http://q"}}, "http://q"},
                 Row{"https://a.example", {{"ALL_PROXY", "http://p"}, {"https_proxy", "http://q"}}, "http://q"});
    CAPTURE(row.url, row.proxy);
    CHECK(proxy_for(*parse_origin(row.url), environment(row.variables)) == row.proxy);
}

TEST_CASE("NO_PROXY excludes hosts, domains, networks and ports", "[proxy]") {
    struct Row {
        char const* no_proxy;
        char const* url;
        bool excluded;
    };
    auto const row =
        GENERATE(Row{"", "https://a.example", false}, Row{"*", "https://a.example", true},
                 Row{"a.example", "https://a.example", true}, Row{"A.Example", "https://a.eXAMPLE", true},
                 Row{"example", "https://a.example", true}, Row{".example", "https://a.example", true},
                 Row{"*.example", "https://a.example", true}, Row{"ample", "https://a.example", false},
                 Row{"a.example.org", "https://a.example", false}, Row{"b,  a.example ,c", "https://a.example", true},
                 Row{"a.example:443", "https://a.example", true}, Row{"a.example:8443", "https://a.example", false},
                 Row{",,", "https://a.example", false}, Row{".", "https://a.example", false},
                 Row{":443", "https://a.example", false}, Row{"127.0.0.1", "http://127.0.0.1:9", true},
                 Row{"127.0.0.0/8", "http://127.3.2.1:9", true}, Row{"10.0.0.0/8", "http://127.0.0.1", false},
                 Row{"10.1.0.0/15", "http://10.0.255.255", true}, Row{"10.1.0.0/16", "http://10.0.255.255", false},
                 Row{"10.1.2.3/32", "http://10.1.2.3", true}, Row{"0.0.0.0/0", "http://10.1.2.3", true},
                 Row{"0.0.0.0/0", "http://a.example", false}, Row{"10.0.0.0/33", "http://10.0.0.0", false},
                 Row{"10.0.0.0/x", "http://10.0.0.0", false}, Row{"::1", "http://[::1]:80", true},
                 Row{"[::1]", "http://[::1]:80", true}, Row{"fd00::/8", "http://[fd12::1]", true},
                 Row{"fd00::/8", "http://[fe80::1]", false}, Row{"fd00::/8", "http://10.0.0.1", false});
    CAPTURE(row.no_proxy, row.url);
    auto const variables = environment({{"NO_PROXY", row.no_proxy}, {"ALL_PROXY", "http://p"}});
    CHECK(proxy_for(*parse_origin(row.url), variables).empty() == row.excluded);
}

}  // namespace
}  // namespace sluice::upstream
