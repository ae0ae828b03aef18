// The threads that kernels run on: one crew for the process.
//
// A call borrows the crew for all of its phases. While one call has it, another thread's call works alone: two calls
// never share the cores. Between the phases of a call, and for a millisecond after it, the threads wait actively; then
// they sleep.
#pragma once

#include <functional>

namespace mbconv::kernels {

// The most threads of a call.
inline constexpr int kMaxThreads = 256;

class Borrowed {
 public:
  // Borrows up to `threads` threads, this one included.
  explicit Borrowed(int threads);
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed();

  // The threads at hand, this one included: 1 if another call has the crew.
  int threads() const { return threads_; }

  // Calls body(task, thread) for each task from 0 to tasks - 1, in any order, and returns when all have returned. This
  // thread is number 0. The body must not throw, and must not call each().
  void each(int tasks, const std::function<void(int task, int thread)>& body);

 private:
  int threads_;
};

}  // namespace mbconv::kernels
