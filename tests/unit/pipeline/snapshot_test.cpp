#include "core/pipeline/snapshot.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

namespace {

Settings settings() {
    Settings all;
    auto& provider = all.providers["p"];
    provider.name = "p";
    provider.timeout.connect = milliseconds(11);
    provider.timeout.tls = milliseconds(12);
    all.models.resize(2);
    all.models[0].name = "m";
    all.models[0].targets = {{"p", "x"}};
    all.models[0].timeout.connect = milliseconds(1);
    all.models[0].timeout.idle = milliseconds(2);
    all.models[1].name = "w/*";
    all.models[1].targets = {{"p", "*"}};
    all.prices["p/x"].input = {{7}};
    all.prices["p/y"].input = {{8}};
    return all;
}

}  // namespace

TEST_CASE("a target takes its limits from its provider and its model", "[snapshot]") {
    HealthRegistry health;
    auto const snapshot = Snapshot::make(settings(), health);
    auto const& target = snapshot->find_model("m")->model->targets.at(0);
    CHECK(target.timeout.connect == milliseconds(11));
    CHECK(target.timeout.tls == milliseconds(12));
    CHECK(target.timeout.idle == milliseconds(2));
    CHECK(target.name == "p/x");
    CHECK(target.provider == snapshot->find_provider("p"));
}

TEST_CASE("prices are found for fixed and for matched models", "[snapshot]") {
    HealthRegistry health;
    auto const snapshot = Snapshot::make(settings(), health);
    auto const& fixed = snapshot->find_model("m")->model->targets.at(0);
    auto const& matched = snapshot->find_model("w/y")->model->targets.at(0);
    CHECK(snapshot->price_of(fixed, "x")->input.value.count == 7);
    CHECK(snapshot->price_of(matched, "y")->input.value.count == 8);
    CHECK_FALSE(snapshot->price_of(matched, "z"));
}

TEST_CASE("a reload keeps the health of what stayed", "[snapshot]") {
    HealthRegistry health;
    auto const before = Snapshot::make(settings(), health);
    auto const after = Snapshot::make(settings(), health);
    CHECK(before->models()[0].targets[0].health == after->models()[0].targets[0].health);
    CHECK(before->find_provider("p")->in_flight == after->find_provider("p")->in_flight);
    CHECK(before->find_provider("p")->settings != after->find_provider("p")->settings);
}

TEST_CASE("an empty list allows every model", "[snapshot]") {
    CHECK(allows_model({}, "m"));
    CHECK(allows_model({"a", "m*"}, "mm"));
    CHECK_FALSE(allows_model({"a"}, "m"));
}
