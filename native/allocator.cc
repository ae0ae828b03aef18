// A caching allocator for CPU tensors.
//
// A training step allocates and frees the same few hundred large blocks again and again. glibc serves each from a fresh
// mapping, so that every step faults in (and the kernel zeroes) gigabytes of new pages, and what it does not map it
// fragments. Here a freed block goes to a list of its size class and the next request of that class takes it, pages and
// all. This is the one piece of process-wide state: libtorch has one CPU allocator for all threads.
//
//   - Requests under kSmall go to aligned malloc, which is good at them.
//   - Classes grow by 1/8 of a power of two, so at most 12.5 % of a block is slack.
//   - Bound: live + cached never exceeds the highest live so far, plus the slack of one size class; what would exceed
//     it goes back to the system.
//   - A block carries its size in a header, so that libtorch's raw deleter (data pointer only) can free it.
#include "allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

#include "shortage.h"

namespace mbconv {

namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kSmall = 32 * 1024;
constexpr size_t kHugePage = 2 * 1024 * 1024;
constexpr size_t kClassesPerDoubling = 8;
constexpr uint64_t kMagic = 0x6d62636f6e76616c;

// Sits in the 64 bytes before the data.
struct Header {
  uint64_t magic;
  size_t bytes;  // of the whole block, header included
  void* base;    // what to give back to the system
};
static_assert(sizeof(Header) <= kAlignment);

Header* headerOf(void* data) { return reinterpret_cast<Header*>(static_cast<char*>(data) - kAlignment); }

// Rounds up to the next of eight steps between powers of two.
size_t classBytes(size_t bytes) {
  const size_t step = std::bit_floor(bytes) / kClassesPerDoubling;
  return (bytes + step - 1) / step * step;
}

// Index of a class: its power of two and its step.
size_t classIndex(size_t bytes) {
  const size_t power = std::bit_width(bytes) - 1;
  return power * kClassesPerDoubling + (bytes >> (power - 3)) % kClassesPerDoubling;
}

void* fromSystem(size_t bytes) {
  void* base = nullptr;
  // Large blocks start on a huge page, so that the kernel can back them with few faults and few TLB entries.
  const size_t alignment = bytes >= kHugePage ? kHugePage : kAlignment;
  if (posix_memalign(&base, alignment, bytes) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage) madvise(base, bytes, MADV_HUGEPAGE);
#endif
  return base;
}

class CachingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* data = take(bytes);
    return {data, data, &CachingAllocator::giveBack, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &CachingAllocator::giveBack; }

  void copy_data(void* destination, const void* source, std::size_t count) const override {
    std::memcpy(destination, source, count);
  }

  AllocatorStatistics statistics() {
    std::lock_guard lock(mutex_);
    return {live_, cached_, peak_};
  }

  void trim() {
    std::lock_guard lock(mutex_);
    releaseCached(0);
  }

  static CachingAllocator& instance() {
    // Never destroyed: tensors outlive static destructors when the process exits in the middle of a step.
    static auto* allocator = new CachingAllocator();
    return *allocator;
  }

 private:
  void* take(size_t bytes) {
    if (bytes == 0) return nullptr;
    if (bytes > (size_t{1} << 47)) refuse(bytes);  // beyond the address space: rounding up must not overflow
    size_t total = bytes + kAlignment;
    if (total < kSmall) {
      void* base = fromSystem(total);
      if (base == nullptr) refuse(bytes);
      return place(base, total);
    }
    total = classBytes(total);
    std::lock_guard lock(mutex_);
    auto& list = free_[classIndex(total)];
    void* base;
    if (!list.empty()) {
      base = list.back();
      list.pop_back();
      cached_ -= total;
    } else {
      if (cached_ + live_ + total > peak_) releaseCached(live_ + total > peak_ ? 0 : peak_ - live_ - total);
      base = fromSystem(total);
      if (base == nullptr) {
        releaseCached(0);
        base = fromSystem(total);
      }
      if (base == nullptr) refuse(bytes);
    }
    live_ += total;
    if (live_ > peak_) peak_ = live_;
    return place(base, total);
  }

  static void* place(void* base, size_t total) {
    void* data = static_cast<char*>(base) + kAlignment;
    *headerOf(data) = {kMagic, total, base};
    return data;
  }

  static void giveBack(void* data) {
    if (data == nullptr) return;
    Header* header = headerOf(data);
    // A block from the time before this allocator was installed.
    if (header->magic != kMagic) return std::free(data);
    if (header->bytes < kSmall) {
      header->magic = 0;
      return std::free(header->base);
    }
    CachingAllocator& self = instance();
    const size_t total = header->bytes;
    void* base = header->base;
    std::lock_guard lock(self.mutex_);
    self.live_ -= total;
    self.cached_ += total;
    self.free_[classIndex(total)].push_back(base);
  }

  // Gives cached blocks back, largest first, until at most `keep` bytes stay.
  void releaseCached(size_t keep) {
    for (size_t i = free_.size(); i-- > 0 && cached_ > keep;) {
      auto& list = free_[i];
      while (!list.empty() && cached_ > keep) {
        void* base = list.back();
        list.pop_back();
        cached_ -= headerOf(static_cast<char*>(base) + kAlignment)->bytes;
        std::free(base);
      }
    }
  }

  [[noreturn]] static void refuse(size_t bytes) {
    noteShortage({c10::Device(c10::DeviceType::CPU), bytes});
    TORCH_CHECK_WITH(OutOfMemoryError, false, "not enough memory: ", bytes, " bytes were asked for");
    std::abort();  // not reached; TORCH_CHECK_WITH is not marked noreturn
  }

  std::mutex mutex_;
  std::array<std::vector<void*>, 64 * kClassesPerDoubling> free_;
  size_t live_ = 0;
  size_t cached_ = 0;
  size_t peak_ = 0;
};

}  // namespace

void installAllocator() {
  static std::once_flag once;
  std::call_once(once, [] {
    // For measurements against glibc (scripts/bench).
    if (std::getenv("MBCONV_NO_CACHING_ALLOCATOR") != nullptr) return;
    c10::SetCPUAllocator(&CachingAllocator::instance(), /*priority=*/1);
  });
}

AllocatorStatistics allocatorStatistics() { return CachingAllocator::instance().statistics(); }

void trimAllocator() { CachingAllocator::instance().trim(); }

}  // namespace mbconv
