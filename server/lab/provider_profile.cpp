#include "server/lab/provider_profile.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "server/lab/condition.hpp"
#include "server/lab/json_path.hpp"
#include "server/lab/options.hpp"

namespace sluice::lab {
namespace {

using nlohmann::json;
using Keys = std::initializer_list<std::string_view>;

constexpr Keys profile_keys{"about",  "like",   "path",    "auth",    "options", "models",
                            "refuse", "errors", "answers", "ignores", "test"};
constexpr Keys auth_keys{"header", "prefix", "keys", "also"};
constexpr Keys case_keys{"field",   "is",     "when",  "unless",  "models", "unknown_members",
                         "options", "status", "error", "headers", "body",   "why"};

std::string text_of(json const& object, char const* key, std::string const& otherwise = {}) {
    auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

json const& member(json const& object, char const* key) {
    static json const none = json::object();
    auto found = object.find(key);
    return found == object.end() || found->is_null() ? none : *found;
}

void replace_all(std::string& text, std::string_view name, std::string_view with) {
    for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += with.size())
        text.replace(at, name.size(), with);
}

/// `over` on `base`. Headers and extra members add up; every other option replaces.
void lay(json& base, json const& over) {
    if (!over.is_object()) return;
    for (auto const& [key, value] : over.items()) {
        bool adds = (key == "headers" || key == "extra") && base.contains(key) && value.is_object();
        if (!adds) {
            base[key] = value;
            continue;
        }
        for (auto const& [name, more] : value.items()) {
            if (key == "extra" && base[key].contains(name))
                base[key][name].update(more);
            else
                base[key][name] = more;
        }
    }
}

/// An error as lab options: `error: {message, type, code, param}` is what the options call error_message and so on.
json error_options(json entry, unsigned status) {
    if (!entry.is_object()) entry = json::object();
    json out = member(entry, "options");
    entry.erase("options");
    for (auto key : case_keys)
        if (key != "status" && key != "headers" && key != "body" && key != "error") entry.erase(std::string(key));
    if (auto error = entry.find("error"); error != entry.end()) {
        for (auto const& [name, value] : error->items())
            if (name == "code" || !value.is_null()) out["error_" + name] = value;
        entry.erase("error");
    }
    lay(out, entry);
    if (!out.contains("status")) out["status"] = status;
    return out;
}

// --- reading --------------------------------------------------------------------------------------------------------

class Checker {
public:
    explicit Checker(json const& profile) : profile_(profile) {}

    std::string run() {
        known("the profile", profile_, profile_keys);
        known("auth", member(profile_, "auth"), auth_keys);
        options("options", json::object());
        for (auto const& [name, entry] : member(profile_, "models").items()) options("models." + name, entry);
        for (auto const& [name, entry] : member(profile_, "errors").items())
            options("errors." + name, error_options(entry, 500));
        for (char const* list : {"refuse", "answers"}) {
            std::size_t number = 0;
            for (auto const& entry : member(profile_, list))
                one_case(list + ("[" + std::to_string(number++) + "]"), entry);
        }
        return std::move(problem_);
    }

private:
    json const& profile_;
    std::string problem_;

    void complain(std::string const& where, std::string const& what) {
        if (problem_.empty()) problem_ = where + ": " + what;
    }

    void known(std::string const& where, json const& object, Keys keys) {
        if (!object.is_object()) return complain(where, "must be a mapping");
        for (auto const& [key, value] : object.items())
            if (std::ranges::find(keys, key) == keys.end()) complain(where, "unknown key `" + key + "`");
    }

    void options(std::string const& where, json const& over) {
        json all = member(profile_, "options");
        if (!over.is_null() && !over.is_object()) return complain(where, "must be a mapping");
        lay(all, over);
        if (auto read = read_options(all); !read) complain(where, read.error());
    }

    void one_case(std::string const& where, json const& entry) {
        known(where, entry, case_keys);
        if (!problem_.empty()) return;
        if (auto is = entry.find("is"); is != entry.end()) condition(where, *is);
        for (char const* key : {"when", "unless"}) {
            if (!member(entry, key).is_object()) return complain(where, std::string(key) + " must be a mapping");
            for (auto const& [path, wanted] : member(entry, key).items())
                condition(std::string(where).append(".").append(path), wanted);
        }
        options(where, error_options(entry, 400));
    }

    void condition(std::string const& where, json const& wanted) {
        if (auto problem = problem_of_condition(wanted); !problem.empty()) complain(where, problem);
    }
};

// --- judging --------------------------------------------------------------------------------------------------------

std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

/// Whether `path` has the shape of `pattern`, in which `{model}` stands for one step.
bool has_shape(std::string_view pattern, std::string_view path, std::string& model) {
    constexpr std::string_view hole = "{model}";
    auto at = pattern.find(hole);
    if (at == std::string_view::npos) return matches_pattern(pattern, path);
    auto tail = pattern.substr(at + hole.size());
    if (!path.starts_with(pattern.substr(0, at)) || !path.ends_with(tail) || path.size() <= at + tail.size())
        return false;
    auto inside = path.substr(at, path.size() - at - tail.size());
    if (inside.find('/') != std::string_view::npos) return false;
    model = decoded(inside);
    return true;
}

json query_of(std::string_view text) {
    json out = json::object();
    while (!text.empty()) {
        auto end = std::min(text.find('&'), text.size());
        auto pair = text.substr(0, end);
        auto sign = std::min(pair.find('='), pair.size());
        out[decoded(pair.substr(0, sign))] = decoded(pair.substr(std::min(sign + 1, pair.size())));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

/// The text of all messages, for rules such as "the word JSON must be in it".
std::string all_text(json const& body) {
    std::string out;
    for (char const* path : {"messages[].content", "messages[].content[].text"})
        for (auto const& place : find_places(body, path))
            if (place.value->is_string()) out += place.value->get<std::string>() + '\n';
    return out;
}

std::string all_roles(json const& body) {
    std::string out;
    for (auto const& place : find_places(body, "messages[].role"))
        if (place.value->is_string()) out += (out.empty() ? "" : " ") + place.value->get<std::string>();
    return out;
}

class Judge {
public:
    Judge(json const& profile, Request const& request, std::string_view target)
        : profile_(profile), request_(request), target_(target) {}

    Judgement run() {
        options_ = {{"echo", true}, {"tool_calls", 1}};
        lay(options_, member(profile_, "options"));
        decide();
        Judgement out{model_, {}, {}};
        auto message = options_.find("error_message");
        if (message != options_.end() && message->is_string()) {
            auto text = message->get<std::string>();
            replace_all(text, "{model}", model_);
            *message = text;
        }
        out.body = body_as_read();
        out.options = options_.dump(-1, ' ', false, json::error_handler_t::replace);
        return out;
    }

private:
    json const& profile_;
    Request const& request_;
    std::string_view target_;
    json body_, options_;
    std::string model_;
    std::string stray_;  ///< the member that is unknown, or the field that was found

    std::string body_as_read() const {
        if (!body_.is_object()) return request_.body;
        auto read = body_;
        for (char const* derived : {"$headers", "$query", "$roles", "$text"}) read.erase(derived);
        for (auto const& name : member(profile_, "ignores"))
            if (name.is_string()) read.erase(name.get<std::string>());
        read["model"] = model_;
        return read.dump(-1, ' ', false, json::error_handler_t::replace);
    }

    void fail(char const* name, unsigned status, json const& otherwise) {
        auto const& known = member(profile_, "errors");
        lay(options_, error_options(known.contains(name) ? known[name] : otherwise, status));
    }

    static json plain_error(char const* message, char const* code) {
        return {{"error", {{"message", message}, {"type", "invalid_request_error"}, {"code", code}}}};
    }

    /// What every provider can be asked for, in its own shape.
    static json usual_error(std::string_view name) {
        if (name == "rate-limit") return {{"status", 429}, {"retry_form", "seconds"}, {"retry_after", "2s"}};
        if (name == "invalid") return {{"status", 400}};
        if (name == "server") return {{"status", 500}};
        if (name == "overloaded") return {{"status", 503}};
        return nullptr;
    }

    void decide() {
        auto question = std::min(target_.find('?'), target_.size());
        std::string in_path;
        if (!is_right_path(target_.substr(0, question), in_path))
            return fail("wrong-path", 404, plain_error("Unknown request URL", "unknown_url"));
        if (!has_right_key()) return fail("wrong-key", 401, json::object());
        body_ = json::parse(request_.body, nullptr, false);
        if (!body_.is_object()) return fail("not-json", 400, plain_error("The body is not JSON", "invalid_json"));
        model_ = in_path.empty() ? text_of(body_, "model") : in_path;
        if (model_.starts_with("error:")) return named_error(model_.substr(6));
        if (!choose_model())
            return fail(
                "unknown-model", 404,
                plain_error("The model `{model}` does not exist or you do not have access to it.", "model_not_found"));
        auto parallel = body_.find("parallel_tool_calls");
        if (parallel != body_.end() && *parallel == true && options_["tool_calls"] == 1) options_["tool_calls"] = 2;
        derive(target_.substr(std::min(question + 1, target_.size())));
        if (refuse()) return;
        for (auto const& entry : member(profile_, "answers"))
            if (applies(entry)) lay(options_, member(entry, "options"));
        if (auto more = body_.find("lab"); more != body_.end() && more->is_object()) lay(options_, *more);
        auto header = json::parse(request_.header("x-lab"), nullptr, false);
        if (header.is_object()) lay(options_, header);
    }

    bool is_right_path(std::string_view path, std::string& model) const {
        auto pattern = profile_.find("path");
        if (pattern == profile_.end()) return path.ends_with("/chat/completions");
        if (pattern->is_string()) return has_shape(pattern->get_ref<std::string const&>(), path, model);
        return std::ranges::any_of(*pattern, [path, &model](json const& one) {
            return one.is_string() && has_shape(one.get_ref<std::string const&>(), path, model);
        });
    }

    bool has_right_key() const {
        auto const& auth = member(profile_, "auth");
        if (!auth.contains("keys")) return true;
        if (is_key_in(auth, auth)) return true;
        auto const& also = member(auth, "also");
        return also.contains("header") && is_key_in(also, auth);
    }

    bool is_key_in(json const& place, json const& auth) const {
        auto value = request_.header(text_of(place, "header", "authorization"));
        auto prefix = text_of(place, "prefix", place.contains("header") ? "" : "Bearer ");
        if (!value.starts_with(prefix)) return false;
        value.remove_prefix(prefix.size());
        return std::ranges::any_of(auth["keys"], [value](json const& key) { return key == std::string(value); });
    }

    void named_error(std::string const& name) {
        auto const& known = member(profile_, "errors");
        if (known.contains(name)) return lay(options_, error_options(known[name], 500));
        if (auto usual = usual_error(name); !usual.is_null()) return lay(options_, usual);
        fail("unknown-model", 404, plain_error("There is no error `{model}` in this profile", "model_not_found"));
    }

    /// An exact name, else the longest pattern that fits. A profile without models knows every one.
    bool choose_model() {
        auto const& models = member(profile_, "models");
        if (models.empty()) return true;
        json const* best = nullptr;
        std::size_t length = 0;
        for (auto const& [pattern, options] : models.items()) {
            bool is_exact = pattern == model_;
            if (!is_exact && (pattern.size() < length || !matches_pattern(pattern, model_))) continue;
            best = &options;
            length = is_exact ? std::string::npos : pattern.size();
        }
        if (best) lay(options_, *best);
        return best != nullptr;
    }

    /// What conditions can ask for besides the body's own members.
    void derive(std::string_view query) {
        json headers = json::object();
        for (auto const& [name, value] : request_.headers) {
            std::string lower = name;
            std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
            headers[lower] = value;
        }
        body_["$headers"] = std::move(headers);
        body_["$query"] = query_of(query);
        body_["$roles"] = all_roles(body_);
        body_["$text"] = all_text(body_);
    }

    bool refuse() {
        for (auto const& entry : member(profile_, "refuse")) {
            if (!applies(entry)) continue;
            auto refusal = error_options(entry, 400);
            for (char const* key : {"error_message", "error_param"}) {
                if (!refusal.contains(key) || !refusal[key].is_string()) continue;
                auto text = refusal[key].get<std::string>();
                replace_all(text, "{member}", stray_);
                refusal[key] = text;
            }
            lay(options_, refusal);
            return true;
        }
        return false;
    }

    bool applies(json const& entry) {
        if (auto models = entry.find("models"); models != entry.end() && !is_one_of(*models)) return false;
        if (!entry.contains("field")) return holds_at(entry, body_);
        for (auto const& place : find_places(body_, entry["field"].get<std::string>())) {
            bool fits_here = entry.contains("is") ? fits(entry["is"], *place.value) : !place.value->is_null();
            bool is_list = entry.contains("unknown_members");
            if (fits_here && holds_at(entry, is_list ? *place.value : *place.owner)) return true;
        }
        return false;
    }

    bool holds_at(json const& entry, json const& owner) {
        if (!all_hold(member(entry, "when"), body_, owner)) return false;
        if (any_holds(member(entry, "unless"), body_, owner)) return false;
        auto allowed = entry.find("unknown_members");
        if (allowed == entry.end()) return true;
        if (!owner.is_object()) return false;
        for (auto const& [key, value] : owner.items()) {
            if (key.starts_with('$') || key == "lab") continue;
            if (std::ranges::find(*allowed, json(key)) != allowed->end()) continue;
            stray_ = key;
            return true;
        }
        return false;
    }

    /// As in a provider's profile: the first pattern that fits decides, `!` in front excludes.
    bool is_one_of(json const& patterns) const {
        for (auto const& pattern : patterns) {
            auto text =
                pattern.is_string() ? std::string_view(pattern.get_ref<std::string const&>()) : std::string_view();
            bool excludes = text.starts_with('!');
            if (matches_pattern(text.substr(excludes ? 1 : 0), model_)) return !excludes;
        }
        return false;
    }
};

}  // namespace

std::expected<ProviderProfile, std::string> ProviderProfile::read(json document) {
    if (!document.is_object()) return std::unexpected("the top level must be a mapping");
    if (auto problem = Checker(document).run(); !problem.empty()) return std::unexpected(std::move(problem));
    return ProviderProfile(std::make_shared<json const>(std::move(document)));
}

Judgement ProviderProfile::judge(Request const& request, std::string_view path) const {
    return Judge(*document_, request, path).run();
}

std::vector<std::string> ProviderProfile::models() const {
    std::vector<std::string> out;
    for (auto const& [name, options] : member(*document_, "models").items())
        if (!name.contains('*')) out.push_back(name);
    return out;
}

}  // namespace sluice::lab
