#include "data/pool.h"

#include <algorithm>

#include "binding/error.h"

namespace mbconv {

namespace {

[[noreturn]] void aborted() { throw Error("ERR_ABORTED", "the loader has been closed"); }

}  // namespace

Pool::Pool(int threads) {
  threads_.reserve(static_cast<size_t>(threads));
  try {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
  } catch (...) {
    stop();  // the system has no more threads
    throw;
  }
}

void Pool::drop(Job& job) {
  if (job.next == job.count) return;
  job.next = job.count;
  jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));
}

void Pool::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    added_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    Job& job = *jobs_.front();
    const size_t piece = job.next++;
    ++job.running;
    if (job.next == job.count) jobs_.pop_front();
    lock.unlock();
    std::exception_ptr failure;
    try {
      job.work(piece);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    --job.running;
    if (failure && !job.failure) {
      job.failure = failure;
      drop(job);
    }
    if (job.running == 0 && job.next == job.count) ended_.notify_all();
    // A job that was stopped half-way ends with its last running piece.
    if (stopping_) ended_.notify_all();
  }
}

void Pool::run(size_t count, const std::function<void(size_t)>& work) {
  if (threads_.empty()) {
    for (size_t piece = 0; piece < count; ++piece) {
      if (stopping_) aborted();
      work(piece);
    }
    return;
  }
  if (count == 0) return;
  Job job{work, count};
  std::unique_lock lock(mutex_);
  if (stopping_) aborted();
  jobs_.push_back(&job);
  added_.notify_all();
  ended_.wait(lock, [&] { return job.running == 0 && (job.next == job.count || stopping_); });
  const bool unfinished = job.next < job.count;
  drop(job);
  if (job.failure) std::rethrow_exception(job.failure);
  if (unfinished) aborted();
}

void Pool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  added_.notify_all();
  ended_.notify_all();
  const std::lock_guard lock(joining_);
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace mbconv
