// Threads that do pieces of work side by side.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mbconv {

class Pool {
 public:
  // Without threads, run() works itself.
  explicit Pool(int threads);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { stop(); }

  // Calls work(0) … work(count - 1), in any order and side by side, and returns when all have returned. May be called
  // by several threads at once. Throws the first exception of a piece; pieces that have not begun are then left out.
  //
  // Throws ERR_ABORTED if the pool is stopped.
  void run(size_t count, const std::function<void(size_t)>& work);

  // Ends the threads, after the pieces that they are at. Waits for that.
  void stop();

 private:
  struct Job {
    const std::function<void(size_t)>& work;
    size_t count;
    size_t next = 0;     // the first piece that has not begun
    size_t running = 0;  // pieces that have begun and not ended
    std::exception_ptr failure = nullptr;
  };

  void serve();
  void drop(Job& job);  // the pieces that have not begun

  std::mutex mutex_;  // of the jobs
  std::condition_variable added_, ended_;
  std::deque<Job*> jobs_;  // those with pieces that have not begun
  std::atomic<bool> stopping_ = false;
  std::mutex joining_;
  std::vector<std::thread> threads_;
};

}  // namespace mbconv
