#include "kernels/cpu/crew.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace mbconv::kernels {

namespace {

using Clock = std::chrono::steady_clock;

// A thread that has waited so long goes to sleep.
constexpr auto kPatience = std::chrono::microseconds(500);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits actively until ready() holds, or until patience ends. Returns whether it holds.
template <class Ready>
bool spin(const Ready& ready) {
  const auto end = Clock::now() + kPatience;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      pause();
    }
  } while (Clock::now() < end);
  return ready();
}

// A phase is open while its tasks are being given out. Threads enter an open phase, once each, and the caller waits
// only for those that have entered: one that sleeps, or that the system has not scheduled, holds nobody up.
//
// `state_` has the phase's number in its upper bits, then whether it is open, then how many threads are in it.
class Crew {
 public:
  static Crew& shared() {
    static Crew* crew = new Crew;  // never destroyed: its threads live as long as the process
    return *crew;
  }

  // Returns how many threads there are now beside the caller, at most `wanted`; 0 if another call has the crew.
  int borrow(int wanted) {
    if (wanted <= 0 || busy_.exchange(true, std::memory_order_acquire)) return 0;
    while (hired_ < wanted) {
      try {
        std::thread([this, number = hired_ + 1] { serve(number); }).detach();
      } catch (const std::exception&) {
        break;  // the system gives no more
      }
      ++hired_;
    }
    if (hired_ == 0) giveBack();
    return std::min(wanted, hired_);
  }
  void giveBack() { busy_.store(false, std::memory_order_release); }

  void each(int helpers, int tasks, const std::function<void(int, int)>& body) {
    body_ = &body;
    tasks_ = tasks;
    helpers_ = helpers;
    next_.store(0, std::memory_order_relaxed);
    phase_ += 1;
    state_.store(phase_ << kPhaseShift | kOpen);
    if (sleeping_.load() > 0) {
      const std::lock_guard lock(mutex_);
      woken_.notify_all();
    }
    work(0);
    state_.fetch_and(~kOpen);
    while (!spin([this] { return (state_.load(std::memory_order_acquire) & kInside) == 0; })) std::this_thread::yield();
  }

 private:
  static constexpr int kPhaseShift = 17;
  static constexpr uint64_t kOpen = 1 << 16;
  static constexpr uint64_t kInside = kOpen - 1;

  void work(int thread) {
    const std::function<void(int, int)>& body = *body_;
    for (int task = next_.fetch_add(1); task < tasks_; task = next_.fetch_add(1)) body(task, thread);
  }

  // Whether a phase is open that is not the one numbered `seen`.
  bool isOpen(uint64_t seen) const {
    const uint64_t state = state_.load(std::memory_order_acquire);
    return (state & kOpen) != 0 && state >> kPhaseShift != seen;
  }

  void serve(int number) {
    uint64_t seen = 0;
    while (true) {
      if (!spin([&] { return isOpen(seen); })) {
        std::unique_lock lock(mutex_);
        sleeping_ += 1;
        woken_.wait(lock, [&] { return isOpen(seen); });
        sleeping_ -= 1;
      }
      uint64_t state = state_.load();
      // Entering fails if the phase has closed meanwhile.
      while ((state & kOpen) != 0 && !state_.compare_exchange_weak(state, state + 1)) continue;
      if ((state & kOpen) == 0) continue;
      seen = state >> kPhaseShift;
      if (number <= helpers_) work(number);
      state_.fetch_sub(1);
    }
  }

  std::atomic<bool> busy_ = false;
  int hired_ = 0;
  const std::function<void(int, int)>* body_ = nullptr;
  int tasks_ = 0;
  int helpers_ = 0;
  uint64_t phase_ = 0;
  alignas(64) std::atomic<int> next_ = 0;
  alignas(64) std::atomic<uint64_t> state_ = 0;
  alignas(64) std::atomic<int> sleeping_ = 0;
  std::mutex mutex_;
  std::condition_variable woken_;
};

}  // namespace

// More threads than processors only get into each other's way.
static int useful(int threads) {
  const int processors = static_cast<int>(std::thread::hardware_concurrency());
  return std::min(threads, std::clamp(processors, 4, kMaxThreads));
}

Borrowed::Borrowed(int threads) : threads_(1 + Crew::shared().borrow(useful(threads) - 1)) {}

Borrowed::~Borrowed() {
  if (threads_ > 1) Crew::shared().giveBack();
}

void Borrowed::each(int tasks, const std::function<void(int, int)>& body) {
  if (threads_ > 1 && tasks > 1) {
    Crew::shared().each(threads_ - 1, tasks, body);
  } else {
    for (int task = 0; task < tasks; ++task) body(task, 0);
  }
}

}  // namespace mbconv::kernels
