#include "binding/async.h"

#include <exception>
#include <memory>

#include "binding/env.h"
#include "binding/error.h"

namespace mbconv {

namespace {

// Deletes itself when it is done.
class Job : public Napi::AsyncWorker {
 public:
  Job(Op& op, Task task)
      : Napi::AsyncWorker(op.env->js(), op.name),
        op_(op),
        task_(std::move(task)),
        deferred_(Napi::Promise::Deferred::New(op.env->js())) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  // Runs on a thread of the pool. Keeps the whole exception: AsyncWorker would keep only its message.
  void Execute() override {
    try {
      task_.work();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  void OnOK() override {
    try {
      if (failure_) std::rethrow_exception(failure_);
      deferred_.Resolve(task_.result ? task_.result(Env()) : Env().Undefined());
    } catch (...) {
      try {
        deferred_.Reject(currentError(op_).Value());
      } catch (const Napi::Error& error) {
        deferred_.Reject(error.Value());  // the promise must not stay pending
      }
    }
  }

 private:
  Op& op_;
  Task task_;
  Napi::Promise::Deferred deferred_;
  std::exception_ptr failure_ = nullptr;
};

}  // namespace

Napi::Value start(Op& op, Task task) {
  auto job = std::make_unique<Job>(op, std::move(task));
  const Napi::Promise promise = job->promise();
  job->Queue();
  (void)job.release();  // it deletes itself from here on
  return promise;
}

}  // namespace mbconv
