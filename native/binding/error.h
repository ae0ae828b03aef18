// Failures on their way from C++ to JavaScript.
#pragma once

#include <napi.h>

#include <exception>
#include <string>

namespace mbconv {

class Env;
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

// Stands for a JavaScript error that the environment keeps (Env::setAside). libtorch's autograd engine stores the
// exceptions that pass through it and may free them on a thread of its own. A Napi::Error, which holds a reference to a
// JavaScript object, may not be freed there. The engine leaves its own state in order for a std::exception only.
struct ErrorSetAside : std::exception {
  const char* what() const noexcept override { return "a JavaScript error"; }
};

// What a C++ exception becomes in JavaScript.
struct Failure {
  std::string code;
  std::string message;
  std::string trace;
};

// Describes the exception being handled; call it in a catch block only.
Failure describeCurrentException();

// The JavaScript error that the exception being handled becomes; call it in a catch block only. JavaScript's own errors
// stay what they are. Others become a MbconvError that names the operation and describes its tensor arguments.
Napi::Error currentError(Op& op, const Napi::CallbackInfo* call = nullptr);

// Throws it in JavaScript, where the exported function `call` returns to.
void throwCurrentError(Op& op, const Napi::CallbackInfo& call);

}  // namespace mbconv
