#include "binding/async.h"

#include <exception>
#include <memory>

#include "binding/env.h"
#include "binding/error.h"

namespace mbconv {

namespace {

struct Job {
  Op& op;
  Task task;
  std::exception_ptr failure = nullptr;
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;

  static void execute(napi_env, void* data) {
    auto* job = static_cast<Job*>(data);
    try {
      job->task.work();
    } catch (...) {
      job->failure = std::current_exception();
    }
  }

  static void complete(napi_env js, napi_status status, void* data) {
    std::unique_ptr<Job> job(static_cast<Job*>(data));
    napi_delete_async_work(js, job->work);
    if (status == napi_cancelled) return;
    try {
      if (job->failure) std::rethrow_exception(job->failure);
      napi_value value = nullptr;
      if (job->task.result) {
        value = job->task.result(js);
      } else {
        check(napi_get_undefined(js, &value));
      }
      check(napi_resolve_deferred(js, job->deferred, value));
    } catch (...) {
      throwCurrentException(job->op, 0, nullptr);
      napi_value error;
      if (napi_get_and_clear_last_exception(js, &error) == napi_ok) napi_reject_deferred(js, job->deferred, error);
    }
  }
};

}  // namespace

napi_value start(Op& op, Task task) {
  napi_env js = op.env->js();
  auto job = std::make_unique<Job>(Job{op, std::move(task)});
  napi_value name;
  napi_value promise;
  check(napi_create_string_utf8(js, op.name, NAPI_AUTO_LENGTH, &name));
  check(napi_create_async_work(js, nullptr, name, &Job::execute, &Job::complete, job.get(), &job->work));
  check(napi_create_promise(js, &job->deferred, &promise));
  check(napi_queue_async_work(js, job->work));
  (void)job.release();  // complete() owns it from here on
  return promise;
}

}  // namespace mbconv
