#include "providers/openai/seam.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "providers/openai/raw_text.hpp"

using namespace sluice::openai;

namespace {

/// What follows `text` when `more` comes in pieces of `size`; "?" where nobody can say.
std::string joined(std::string const& text, std::string const& more, std::size_t size) {
    Seam seam(text);
    std::string rest;
    for (std::size_t at = 0; at < more.size(); at += size) {
        auto const piece = more.substr(at, size);
        if (seam.state() != Seam::State::open) {
            rest += piece;
        } else if (seam.feed(piece) == Seam::State::settled) {
            rest = seam.rest();
        }
    }
    if (seam.state() == Seam::State::open && seam.finish() == Seam::State::settled) rest = seam.rest();
    return seam.state() == Seam::State::doubtful ? "?" : rest;
}

std::string const fox = "The quick brown fox jumps over";
std::string const license = "Permission is hereby granted, free of charge, to any person obtaining a copy";

}  // namespace

TEST_CASE("what a continuation repeats of the text is dropped, and nothing else", "[openai][continuation]") {
    auto const [name, text, more, rest] = GENERATE(table<char const*, std::string, std::string, std::string>({
        {"goes on", fox, " the lazy dog", " the lazy dog"},
        {"says nothing", fox, "", ""},
        {"repeats the end", fox, "fox jumps over the lazy dog", "fox jumps over the lazy dog"},
        {"repeats more of the end", fox, "brown fox jumps over the lazy dog", " the lazy dog"},
        {"repeats from inside a word", fox, "wn fox jumps over the", " the"},
        {"repeats all", fox, fox + " the lazy dog", " the lazy dog"},
        {"repeats all and stops", fox, fox, ""},
        {"repeats the short whole", "The", "The dog", " dog"},
        {"begins anew with other words", fox, "Sure, here it is: over", "Sure, here it is: over"},
        {"shares a first word", fox, "The dog was", "The dog was"},
        {"a beginning of the end that goes elsewhere", fox, "brown fox runs", "brown fox runs"},
        {"stops inside of what may repeat the end", fox, "brown fox ju", "brown fox ju"},
        {"one letter twice", "a bal", "loon", "loon"},
        {"a ruler goes on", std::string(40, '-'), std::string(20, '-') + "\nText", std::string(20, '-') + "\nText"},
        {"a row of a table", "| a | b |\n|---|---|\n| 0 | 0 | 0 | 0 | 0 ", "| 0 | 0 | 0 | 0 | 0 |\n",
         "| 0 | 0 | 0 | 0 | 0 |\n"},
        {"a line for the third time", "x = compute(a, b);\nx = compute(a, b);\n", "x = compute(a, b);\ndone",
         "x = compute(a, b);\ndone"},
        {"white space", "one two ", " three", " three"},
        {"other scripts", "Größe ist nicht alles, aber schön", "alles, aber schön wäre es", " wäre es"},
        {"one sign that may be both", "#", "# Title", "?"},
        {"two letters that may be both", "ha", "haha", "?"},
        {"a ruler that may be both", "----", "-----", "?"},
        {"a new beginning that stops early", license, license.substr(0, 30), "?"},
        {"a new beginning that goes elsewhere", license, license.substr(0, 60) + "who asks", "?"},
    }));
    auto const size = GENERATE(std::size_t{1}, 2, 7, 1000);
    CAPTURE(name, size);
    CHECK(joined(text, more, size) == rest);
}

TEST_CASE("the end of a long text is looked at, and all of it", "[openai][continuation]") {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919) + " ";
    CHECK(joined(text, text + "end", 1'000) == "end");
    CHECK(joined(text, text.substr(text.size() - Seam::most_overlap) + "end", 10) == "end");
    auto const longer = text.substr(text.size() - Seam::most_overlap - 1) + "end";
    CHECK(joined(text, longer, 10) == longer);
}

TEST_CASE("a long text that nearly repeats itself is decided soon", "[openai][continuation]") {
    std::string const text = std::string(1'000'000, 'a') + "b";
    CHECK(joined(text, text + "c", 100'000) == "c");
    std::string const ruler(1'000'000, '-');
    CHECK(joined(ruler, ruler + "c", 100'000) == "?");
}

TEST_CASE("a text is kept with its escapes until it is whole", "[openai][continuation]") {
    RawText text;
    text.append(R"(a\n\ud83d)");
    CHECK_FALSE(text.whole());
    text.append(R"(\ude00\\u00e9)");
    CHECK(text.whole() == "a\n\xF0\x9F\x98\x80\\u00e9");
    CHECK(whole_characters(R"(ab\ud83d)") == 2);
    CHECK(whole_characters(R"(ab\\ud83d)") == 9);
    CHECK(whole_characters(R"(\ud83d\ude00)") == 12);
    CHECK(whole_characters("") == 0);
}

TEST_CASE("a text that is too long is not kept", "[openai][continuation]") {
    RawText text;
    text.append(std::string(RawText::most, 'x'));
    CHECK(text.whole()->size() == RawText::most);
    text.append("y");
    CHECK_FALSE(text.whole());
    text.append("z");
    CHECK_FALSE(text.whole());
}
