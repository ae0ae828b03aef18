// Memory for kernels: aligned for every vector, and on large pages where the system gives them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace mbconv::kernels {

inline constexpr size_t kLine = 64;  // bytes of a cache line, and of the widest vector

class Buffer {
 public:
  Buffer() = default;
  // `floats` zeros.
  explicit Buffer(size_t floats) {
    constexpr size_t kLargePage = size_t{2} << 20;
    const size_t bytes = floats * sizeof(float);
    const size_t alignment = bytes >= kLargePage ? kLargePage : kLine;
    const size_t size = (bytes + alignment - 1) / alignment * alignment;
    if (size == 0) return;
    data_.reset(static_cast<float*>(std::aligned_alloc(alignment, size)));
    if (data_ == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    if (alignment == kLargePage) madvise(data_.get(), size, MADV_HUGEPAGE);
#endif
    std::memset(data_.get(), 0, size);
    size_ = floats;
  }

  float* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(float* data) const { std::free(data); }
  };
  std::unique_ptr<float, Free> data_;
  size_t size_ = 0;
};

}  // namespace mbconv::kernels
