// libtorch's warnings, which would go to stderr without a word about where they come from.
#pragma once

#include <c10/util/Exception.h>
#include <napi.h>

#include <string>
#include <vector>

namespace mbconv {

// Collects the warnings of operations on the thread that made it, and passes them to JavaScript when an operation is
// over: libtorch may hold locks while it warns.
class Warnings final : public c10::WarningHandler {
 public:
  Warnings();
  // Gives the thread's earlier handler back.
  void end();

  void process(const c10::Warning& warning) override;
  void setListener(Napi::Function listener);

  bool pending() const { return !messages_.empty(); }
  // Calls the listener with each message. What it throws is dropped: a warning makes no operation fail.
  void deliver();

 private:
  c10::WarningHandler* before_;
  Napi::FunctionReference listener_;
  std::vector<std::string> messages_;
};

// A text of libtorch with the names that JavaScript has: `retain_graph=True` becomes `retainGraph: true`.
std::string inJavaScript(const std::string& text);

}  // namespace mbconv
