// Failures on their way from C++ to JavaScript.
#pragma once

#include <node_api.h>

#include <exception>
#include <string>

namespace mbconv {

struct Op;

// A failure this addon finds itself, with the code the JavaScript error will carry (lib/errors/error.ts lists them).
class Error : public std::exception {
 public:
  Error(const char* code, std::string message) : code_(code), message_(std::move(message)) {}
  const char* code() const { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  const char* code_;
  std::string message_;
};

// A JavaScript exception is already pending: unwind to the guard and leave it alone. libtorch's autograd engine leaves
// its own state in order only for what is a std::exception.
struct PendingException : std::exception {
  const char* what() const noexcept override { return "a JavaScript exception is pending"; }
};

// What a C++ exception becomes in JavaScript.
struct Failure {
  std::string code;
  std::string message;
  std::string trace;
};

// Describes the exception being handled; call it in a catch block only.
Failure describeCurrentException();

// Turns the exception being handled into a pending JavaScript MbconvError that names the operation and describes its
// tensor arguments. Call it in a catch block only.
void throwCurrentException(Op& op, size_t argc, const napi_value* argv);

// Throws PendingException when a Node-API call failed.
inline void check(napi_status status) {
  if (status != napi_ok) throw PendingException{};
}

}  // namespace mbconv
