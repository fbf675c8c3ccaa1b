#include "config/binding.hpp"
#include "config/schema.hpp"

/// The model that says how demanding a request is: `route.classifier`.
namespace sluice::config {
namespace {

/// There is a classifier: what else is said of it means something.
bool is_there(void const* object) { return static_cast<ClassifierDraft const*>(object)->to.has_value(); }

}  // namespace

Section const& classifier_section() {
    static Section const section{
        .title = "models.NAME.route.classifier",
        .fields =
            {
                {.key = "to",
                 .kind = Kind::target,
                 .sentence = "PROVIDER/UPSTREAM-MODEL. Best a small one that answers at once, without reasoning.",
                 .bind = bind<&ClassifierDraft::to>(),
                 .presence = Presence::required,
                 .example = "groq/llama-3.1-8b-instant"},
                {.key = "timeout",
                 .kind = Kind::duration,
                 .standard = "1s",
                 .sentence = "The longest that a request waits for it; then its facts decide.",
                 .bind = bind<&ClassifierDraft::settings, &ClassifierSettings::timeout>(),
                 .least = 1,
                 .most = 10'000,
                 .applies = is_there},
                {.key = "max_input",
                 .kind = Kind::size,
                 .standard = "2KiB",
                 .sentence = "How much of the last user message it sees.",
                 .bind = bind<&ClassifierDraft::settings, &ClassifierSettings::max_input>(),
                 .least = 1,
                 .most = 65'536,
                 .applies = is_there},
            },
        .short_form = "to",
        .fresh = fresh<ClassifierDraft>(),
    };
    return section;
}

}  // namespace sluice::config
