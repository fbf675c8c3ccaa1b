#include "providers/openai/dialect.hpp"

#include "providers/openai/answer.hpp"
#include "providers/openai/continued_decoder.hpp"
#include "providers/openai/encode.hpp"
#include "providers/openai/errors.hpp"
#include "providers/openai/mending.hpp"
#include "providers/openai/rate_limits.hpp"
#include "providers/openai/stream_decoder.hpp"
#include "providers/parameters/rewrite.hpp"

namespace sluice {
namespace {

class OpenAiDialect final : public Dialect {
public:
    explicit OpenAiDialect(OpenAiDialectOptions options) : options_(options) {}

    Result<EncodedRequest> encode(ChatRequest const& request, TargetView const& target) const override {
        return openai::encode(request, target);
    }

    std::vector<ParameterRule const*> refused_by(ChatRequest const& request, TargetView const& target) const override {
        return parameters::refused_by(request, target.provider.parameters, target.model, target.unsupported);
    }

    std::unique_ptr<StreamDecoder> stream_decoder(ChatRequest const& request, std::string_view target_model,
                                                  ProviderSettings const& provider,
                                                  DecoderOptions const& options) const override {
        auto const* const tags = openai::reasoning_tags_of(provider, target_model);
        if (options.continued != nullptr) {
            return openai::make_continued_decoder(request, options_.max_event_size, tags, *options.continued);
        }
        return openai::make_stream_decoder(request, options_.max_event_size, tags, options);
    }

    Result<AnswerFacts> read_answer(ChatRequest const& request, std::string_view target_model,
                                    ProviderSettings const& provider, std::string_view body) const override {
        return openai::read_answer(request, body, openai::reasoning_tags_of(provider, target_model));
    }

    Error read_error(int status, Headers const& headers, std::string_view body) const override {
        return openai::error_of_answer(status, headers, body, options_.now());
    }

    RateLimits read_limits(Headers const& headers) const override {
        if (!openai::speak_of_limits(headers)) return {};
        return openai::read_rate_limits(headers, options_.now());
    }

private:
    OpenAiDialectOptions options_;
};

}  // namespace

std::unique_ptr<Dialect> make_openai_dialect(OpenAiDialectOptions options) {
    return std::make_unique<OpenAiDialect>(options);
}

}  // namespace sluice
