#include "core/json/json_index.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "core/json/json_string.hpp"

using namespace sluice;

namespace {

std::string problem_of(std::string const& text, JsonLimits const& limits = {}) {
    JsonIndex index;
    auto const value = index.read(text, limits);
    return value ? "" : std::string(value.error().problem) + " at " + std::to_string(value.error().offset);
}

}  // namespace

TEST_CASE("a text that is not one JSON value is refused with the place and the reason", "[json]") {
    auto const [text, problem] = GENERATE(table<std::string, std::string>({
        {"", "there is no JSON value at 0"},
        {" \n\t ", "there is no JSON value at 0"},
        {"{", "the text ends too early at 1"},
        {"{}}", "something follows the JSON value at 2"},
        {"{} {}", "something follows the JSON value at 3"},
        {"[1,]", "expected a value at 3"},
        {"[,1]", "expected a value at 1"},
        {"[1 2]", "expected ',' or ']' at 3"},
        {R"({"a" 1})", "expected ':' at 5"},
        {R"({"a":1,})", "expected a member name in double quotes at 7"},
        {R"({a:1})", "expected a member name in double quotes at 1"},
        {R"({'a':1})", "expected a member name in double quotes at 1"},
        {R"({"a":1 "b":2})", "expected ',' or '}' at 7"},
        {R"({"a"})", "expected ':' at 4"},
        {R"({"a":})", "expected a value at 5"},
        {R"({"a":1)", "the text ends too early at 6"},
        {R"({"a)", "a string is not closed at 3"},
        {R"(["a"b])", "expected ',' or ']' at 4"},
        {"[\"a\nb\"]", "a control character inside a string at 3"},
        {std::string("[\"a\0b\"]", 7), "a control character inside a string at 3"},
        {std::string("[1\0]", 4), "not a number at 1"},
        {std::string("\0", 1), "expected a value at 0"},
        {"[\"\xFF\"]", "not UTF-8 at 2"},
        {"[\"\xC0\xAF\"]", "not UTF-8 at 2"},
        {"[\"\xED\xA0\x80\"]", "not UTF-8 at 2"},
        {"[\"\xF4\x90\x80\x80\"]", "not UTF-8 at 2"},
        {"[\"\xE2\x82\"]", "not UTF-8 at 2"},
        {R"(["\x"])", "a bad escape inside a string at 2"},
        {R"(["\u12g4"])", "a bad escape inside a string at 2"},
        {R"(["\u12"])", "a bad escape inside a string at 2"},
        {R"(["ab\ud800"])", "a bad escape inside a string at 4"},
        {R"(["\udc00\ud800"])", "a bad escape inside a string at 2"},
        {R"(["\ud800A"])", "a bad escape inside a string at 2"},
        {R"(["\u00e9\)", "a string is not closed at 9"},
        {"[nul]", "expected a value at 1"},
        {"[True]", "expected a value at 1"},
        {"[NaN]", "expected a value at 1"},
        {"[Infinity]", "expected a value at 1"},
        {"[-Infinity]", "not a number at 1"},
        {"[01]", "not a number at 1"},
        {"[+1]", "expected a value at 1"},
        {"[1.]", "not a number at 1"},
        {"[.5]", "expected a value at 1"},
        {"[1e]", "not a number at 1"},
        {"[1e+]", "not a number at 1"},
        {"[0x10]", "not a number at 1"},
        {"[--1]", "not a number at 1"},
        {"[-]", "not a number at 1"},
        {"[1e309]", "a number is out of range at 1"},
        {"[-1e400]", "a number is out of range at 1"},
        {"[1.8e308]", "a number is out of range at 1"},
        {"[1e99999999999999999999]", "a number is out of range at 1"},
        {"[1/**/]", "not a number at 1"},
        {"[1] // x", "something follows the JSON value at 4"},
        {"{\"a\":1\f}", "not a number at 5"},
    }));
    CAPTURE(text);
    CHECK(problem_of(text) == problem);
    CHECK_FALSE(nlohmann::json::accept(text));
}

TEST_CASE("a byte order mark is no JSON", "[json]") { CHECK(problem_of("\xEF\xBB\xBF{}") == "expected a value at 0"); }

TEST_CASE("every JSON value is accepted", "[json]") {
    auto const text = GENERATE(as<std::string>(), "{}", "[]", " {} ", "\n\n\n{\"a\":[]}\r\n", "1", "-0", "0.0", "true",
                               "null", R"("")", R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")", "\"\xF0\x9F\x98\x80\x7F\"",
                               R"({"":{"":[{},[],{"a":[[]]}]}})",
                               "[1e308,1.7976931348623157e308,5e-324,1e-999,123456789012345678901234567890]",
                               "[0e99999,0.0e99999]", R"({"a":1,"a":2})");
    CAPTURE(text);
    CHECK(problem_of(text).empty());
    CHECK(nlohmann::json::accept(text));
}

TEST_CASE("half a surrogate pair is accepted where a stream may have cut it", "[json]") {
    CHECK(problem_of(R"(["\ud83d"])", {.surrogates = Surrogates::any}).empty());
    CHECK(problem_of(R"(["\uZZZZ"])", {.surrogates = Surrogates::any}) == "a bad escape inside a string at 2");
}

TEST_CASE("nesting, values and digits have limits", "[json]") {
    auto const nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    CHECK(problem_of(nested(128)).empty());
    CHECK(problem_of(nested(129)) == "nested too deeply at 128");
    CHECK(problem_of(nested(1'000'000)) == "nested too deeply at 128");
    CHECK(problem_of(std::string(1'000'000, '[')) == "nested too deeply at 128");
    CHECK(problem_of("[1,2,3]", {.values = 4}).empty());
    CHECK(problem_of("[1,2,3]", {.values = 3}) == "too many values at 5");
    CHECK(problem_of("[" + std::string(64, '1') + "]").empty());
    CHECK(problem_of("[" + std::string(65, '1') + "]") == "a number is too long at 1");
}

TEST_CASE("values are walked in place", "[json]") {
    std::string const text = R"( {"a" : [1, {"b":"x\ny"} , null ] ,"c\u0064":-2.5e1, "e":{}, "f":"" , "g":true} )";
    JsonIndex index;
    auto const root = index.read(text);
    REQUIRE(root);
    CHECK(root->raw() == R"({"a" : [1, {"b":"x\ny"} , null ] ,"c\u0064":-2.5e1, "e":{}, "f":"" , "g":true})");
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (auto const& member : root->members()) {
        names.push_back(unescaped(member.name));
        values.emplace_back(member.value.raw());
    }
    CHECK(names == std::vector<std::string>{"a", "cd", "e", "f", "g"});
    CHECK(values == std::vector<std::string>{R"([1, {"b":"x\ny"} , null ])", "-2.5e1", "{}", R"("")", "true"});
    std::vector<std::string> elements;
    for (auto const element : (*root)["a"].elements()) elements.emplace_back(element.raw());
    CHECK(elements == std::vector<std::string>{"1", R"({"b":"x\ny"})", "null"});
    CHECK((*root)["cd"].number() == -25.0);
    CHECK_FALSE((*root)["cd"].integer());
    CHECK((*root)["g"].is_true());
    CHECK((*root)["e"].elements().empty());
    CHECK_FALSE((*root)["nothing"]["at"]["all"]);
}

TEST_CASE("a string loses its escapes", "[json]") {
    auto const [raw, text] = GENERATE(table<std::string, std::string>({
        {R"(plain)", "plain"},
        {R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t"},
        {R"(\u0041\u00e9\u20AC)", "A\xC3\xA9\xE2\x82\xAC"},
        {R"(\ud83d\ude00!)", "\xF0\x9F\x98\x80!"},
        {R"(\ud83d)", "\xEF\xBF\xBD"},
        {R"(\ud83dA)",
         "\xEF\xBF\xBD"
         "A"},
    }));
    CHECK(unescaped(raw) == text);
}

TEST_CASE("nothing behind the text is read", "[json]") {
    // The text ends at the last byte of a page, and the next page is not there.
    auto const page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    auto* const memory =
        static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(memory != MAP_FAILED);
    REQUIRE(mprotect(memory + page, page, PROT_NONE) == 0);
    JsonIndex index;
    for (std::string const& text :
         {std::string(R"({"a":"b\u00e9c"})"), "[" + std::string(200, '1') + "]", std::string("1"),
          R"(["\)" + std::string(70, 'n'), std::string("\"abc"), std::string("[tru")}) {
        std::memcpy(memory + page - text.size(), text.data(), text.size());
        (void)index.read({memory + page - text.size(), text.size()}, {.number_length = 1'000});
    }
    munmap(memory, 2 * page);
    SUCCEED();
}
