// Failures on their way from C++ to JavaScript.
#pragma once

#include <napi.h>

#include <exception>
#include <string>

namespace mbconv {

class Env;
struct Op;

// A failure that this addon finds, with the code of its JavaScript error (lib/errors/error.ts lists the codes).
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
// exceptions that pass through it and may free them on a thread of its own. A Napi::Error holds a reference to a
// JavaScript object and must not be freed there. The engine cleans up its state only after a std::exception.
struct ErrorSetAside : std::exception {
  const char* what() const noexcept override { return "a JavaScript error"; }
};

// The parts of a JavaScript error, made from a C++ exception.
struct Failure {
  std::string code;
  std::string message;
  std::string trace;
};

// Describes the exception being handled; call it in a catch block only.
Failure describeCurrentException();

// The JavaScript error for the exception being handled; call it in a catch block only. JavaScript's own errors are
// returned unchanged. Others become a MbconvError that names the operation and describes its tensor arguments.
Napi::Error currentError(Op& op, const Napi::CallbackInfo* call = nullptr);

// Throws that error in JavaScript, when the exported function `call` returns.
void throwCurrentError(Op& op, const Napi::CallbackInfo& call);

}  // namespace mbconv
