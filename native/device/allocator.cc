// A caching allocator for CPU tensors.
//
// A training step allocates and frees the same few hundred blocks again and again. glibc serves the large ones from
// fresh mappings, so that every step faults in (and the kernel zeroes) gigabytes of new pages. glibc also fragments the
// rest: a loop that makes and frees 3,000 tensors of 1 MiB and keeps one number of each ends with 3.2 GB, here with 0.2
// GB (npm run bench:allocator).
// Here memory comes from the system in segments, which are cut into blocks. A request takes the smallest free block
// that holds it and leaves the remainder free. A freed block merges with its free neighbours. After the first steps
// nothing is requested from the system any more, and every step uses the same pages. The allocator is process-wide
// state: libtorch has one CPU allocator for all threads.
//
//   - Why not lists of size classes: a step needs each class's highest use at another moment, so the lists together
//     hold 1.3 to 1.8 times the most that is ever alive (measured on B0), or thrash when bounded to less.
//   - Small and large blocks have segments of their own: a few long-lived bytes must not split a large block.
//   - A segment that is entirely free goes back to the system when another one is needed, or on request.
//   - A block carries its header in front of its data, so that libtorch's raw deleter (data pointer only) can free it.
#include "device/allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>

#include "binding/report/shortage.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) static_cast<void>(0)
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) static_cast<void>(0)
#endif

namespace mbconv {

namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kAddressSpace = size_t{1} << 47;
constexpr uint64_t kMagic = 0x6d62636f6e76616c;

size_t roundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

struct Block;
struct SmallestFirst {
  using is_transparent = void;
  bool operator()(const Block* a, const Block* b) const;
  bool operator()(const Block* block, size_t bytes) const;
};

// Blocks of one kind: those under kSmall bytes, or the others.
struct Pool {
  size_t unit;     // sizes are multiples of this
  size_t segment;  // least size requested from the system
  std::set<Block*, SmallestFirst> free;
};
constexpr size_t kSmall = size_t{32} << 10;

// Header at the start of a block's memory; the data follow. Neighbours are blocks of the same segment.
struct Block {
  uint64_t magic;
  size_t bytes;  // header included
  Pool* pool;
  Block* previous;
  Block* next;
  bool isFree;

  char* data() { return reinterpret_cast<char*>(this) + kAlignment; }
  static Block* of(void* data) { return reinterpret_cast<Block*>(static_cast<char*>(data) - kAlignment); }
  bool isSegment() const { return previous == nullptr && next == nullptr; }
};
static_assert(sizeof(Block) <= kAlignment);

// Among equal sizes the lower address comes first, so that used blocks stay together.
bool SmallestFirst::operator()(const Block* a, const Block* b) const {
  return a->bytes != b->bytes ? a->bytes < b->bytes : a < b;
}
bool SmallestFirst::operator()(const Block* block, size_t bytes) const { return block->bytes < bytes; }

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
    return {live_, reserved_ - live_, peak_, requests_};
  }

  void trim() {
    std::lock_guard lock(mutex_);
    releaseSegments();
  }

  static CachingAllocator& instance() {
    // Never destroyed: tensors outlive static destructors when the process exits in the middle of a step.
    static auto* allocator = new CachingAllocator();
    return *allocator;
  }

 private:
  void* take(size_t bytes) {
    if (bytes == 0) return nullptr;
    if (bytes > kAddressSpace) refuse(bytes);  // rounding up must not overflow
    Pool& pool = bytes + kAlignment < kSmall ? small_ : large_;
    const size_t total = roundUp(bytes + kAlignment, pool.unit);
    std::lock_guard lock(mutex_);
    const auto fit = pool.free.lower_bound(total);
    Block* block;
    if (fit != pool.free.end()) {
      block = *fit;
      pool.free.erase(fit);
    } else {
      block = newSegment(pool, total);
      if (block == nullptr) refuse(bytes);
    }
    block->isFree = false;
    cutTo(block, total);
    live_ += block->bytes;
    if (live_ > peak_) peak_ = live_;
    ASAN_UNPOISON_MEMORY_REGION(block->data(), bytes);
    return block->data();
  }

  static void giveBack(void* data) {
    if (data == nullptr) return;
    Block* block = Block::of(data);
    // Allocated before this allocator was installed.
    if (block->magic != kMagic) return std::free(data);
    CachingAllocator& self = instance();
    std::lock_guard lock(self.mutex_);
    ASAN_POISON_MEMORY_REGION(data, block->bytes - kAlignment);
    self.live_ -= block->bytes;
    Pool& pool = *block->pool;
    if (Block* next = block->next; next != nullptr && next->isFree) {
      pool.free.erase(next);
      absorb(block, next);
    }
    if (Block* previous = block->previous; previous != nullptr && previous->isFree) {
      pool.free.erase(previous);
      absorb(previous, block);
      block = previous;
    }
    block->isFree = true;
    pool.free.insert(block);
  }

  // Takes a segment from the system, as large as the pool's segments or as `total` needs, and makes one block of it.
  Block* newSegment(Pool& pool, size_t total) {
    const size_t bytes = roundUp(std::max(total, pool.segment), kHugePage);
    if (reserved_ + bytes > peak_) releaseSegments();
    void* base = map(bytes);
    if (base == nullptr) {
      releaseSegments();
      base = map(bytes);
    }
    if (base == nullptr) return nullptr;
    reserved_ += bytes;
    ++requests_;
    ASAN_POISON_MEMORY_REGION(static_cast<char*>(base) + kAlignment, bytes - kAlignment);
    return new (base) Block{kMagic, bytes, &pool, nullptr, nullptr, true};
  }

  // Cuts the block to `total` bytes. The rest becomes a free block, if it can serve a request.
  void cutTo(Block* block, size_t total) {
    const size_t rest = block->bytes - total;
    Pool& pool = *block->pool;
    if (rest < (&pool == &large_ ? kSmall : 2 * kAlignment)) return;
    char* start = reinterpret_cast<char*>(block) + total;
    ASAN_UNPOISON_MEMORY_REGION(start, kAlignment);
    auto* remainder = new (start) Block{kMagic, rest, &pool, block, block->next, true};
    if (remainder->next != nullptr) remainder->next->previous = remainder;
    block->next = remainder;
    block->bytes = total;
    pool.free.insert(remainder);
  }

  // Merges the right-hand neighbour, which is in no pool, into the left block.
  static void absorb(Block* left, Block* right) {
    left->bytes += right->bytes;
    left->next = right->next;
    if (left->next != nullptr) left->next->previous = left;
    ASAN_POISON_MEMORY_REGION(right, kAlignment);
  }

  // Returns segments without live blocks to the system.
  void releaseSegments() {
    for (Pool* pool : {&small_, &large_}) {
      for (auto it = pool->free.begin(); it != pool->free.end();) {
        Block* block = *it;
        if (!block->isSegment()) {
          ++it;
          continue;
        }
        it = pool->free.erase(it);
        reserved_ -= block->bytes;
        const size_t bytes = block->bytes;
        ASAN_UNPOISON_MEMORY_REGION(block, bytes);
        munmap(block, bytes);
      }
    }
  }

  // Maps memory aligned to huge pages, so that the kernel can back it with few faults and few TLB entries.
  static void* map(size_t bytes) {
    const size_t reserve = bytes + kHugePage;
    void* mapped = mmap(nullptr, reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    char* start = static_cast<char*>(mapped);
    const auto address = reinterpret_cast<uintptr_t>(mapped);
    char* aligned = start + (roundUp(address, kHugePage) - address);
    if (aligned != start) munmap(start, aligned - start);
    munmap(aligned + bytes, start + reserve - (aligned + bytes));
#ifdef MADV_HUGEPAGE
    madvise(aligned, bytes, MADV_HUGEPAGE);
#endif
    return aligned;
  }

  [[noreturn]] static void refuse(size_t bytes) {
    noteShortage({c10::Device(c10::DeviceType::CPU), bytes});
    TORCH_CHECK_WITH(OutOfMemoryError, false, "not enough memory: ", bytes, " bytes were asked for");
    std::abort();  // not reached; TORCH_CHECK_WITH is not marked noreturn
  }

  std::mutex mutex_;
  Pool small_{kAlignment, kHugePage, {}};
  Pool large_{4096, 16 * kHugePage, {}};
  size_t live_ = 0;
  size_t reserved_ = 0;
  size_t peak_ = 0;
  size_t requests_ = 0;
};

}  // namespace

static bool installed = false;

void installAllocator() {
  static std::once_flag once;
  std::call_once(once, [] {
    // For measurements against glibc (scripts/bench).
    if (std::getenv("MBCONV_NO_CACHING_ALLOCATOR") != nullptr) return;
    c10::SetCPUAllocator(&CachingAllocator::instance(), /*priority=*/1);
    installed = true;
  });
}

bool allocatorInstalled() { return installed; }

AllocatorStatistics allocatorStatistics() { return CachingAllocator::instance().statistics(); }

void trimAllocator() { CachingAllocator::instance().trim(); }

}  // namespace mbconv
