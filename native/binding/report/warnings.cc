#include "binding/report/warnings.h"

#include <cctype>
#include <string_view>
#include <utility>

namespace mbconv {

namespace {

constexpr size_t kMostKept = 100;

// Names that libtorch's messages have without a value, and ours.
constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"torch.no_grad()", "noGrad()"}, {"requires_grad", "requiresGrad"}, {"retain_graph", "retainGraph"},
    {"create_graph", "createGraph"}, {"allow_unused", "allowUnused"},   {"set_detect_anomaly", "setDetectAnomaly"},
};

void replaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// `some_name=True` with the name in camel case, and a colon. `at` is the position of the equals sign.
void asOption(std::string& text, size_t at, std::string_view value, std::string_view ours) {
  size_t begin = at;
  const auto isOfName = [](char c) { return std::islower(static_cast<unsigned char>(c)) || c == '_'; };
  while (begin > 0 && isOfName(text[begin - 1])) --begin;
  std::string name;
  for (size_t i = begin; i < at; ++i) {
    const bool joins = text[i] == '_' && i > begin && i + 1 < at;
    name += joins ? static_cast<char>(std::toupper(static_cast<unsigned char>(text[++i]))) : text[i];
  }
  text.replace(begin, at - begin + value.size(), name + ": " + std::string(ours));
}

}  // namespace

std::string inJavaScript(const std::string& text) {
  std::string result = text;
  for (const auto& [python, ours] :
       {std::pair<std::string_view, std::string_view>{"=True", "true"}, {"=False", "false"}, {"=None", "null"}}) {
    for (size_t at = result.find(python); at != std::string::npos; at = result.find(python))
      asOption(result, at, python, ours);
  }
  for (const auto& [python, ours] : kNames) replaceAll(result, python, ours);
  return result;
}

Warnings::Warnings() : before_(c10::WarningUtils::get_warning_handler()) {
  c10::WarningUtils::set_warning_handler(this);
}

void Warnings::end() {
  c10::WarningUtils::set_warning_handler(before_);
  messages_.clear();
}

void Warnings::process(const c10::Warning& warning) {
  if (messages_.size() < kMostKept) messages_.push_back(inJavaScript(warning.msg()));
}

void Warnings::setListener(Napi::Function listener) {
  listener_ = Napi::Persistent(listener);
  listener_.SuppressDestruct();
}

void Warnings::deliver() {
  for (const std::string& message : std::exchange(messages_, {})) {
    if (listener_.IsEmpty()) continue;
    try {
      listener_.Value().Call({Napi::String::New(listener_.Env(), message)});
    } catch (const Napi::Error&) {
      // What the application does with warnings is its own affair.
    }
  }
}

}  // namespace mbconv
