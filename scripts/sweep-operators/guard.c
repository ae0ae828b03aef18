// Isolates the memory of tensors. Preloaded into a sweep's child, it gives every block that libtorch's own allocator
// requests separate pages, between inaccessible ones. A read or write outside a tensor, which otherwise might touch
// other data unnoticed, is a segmentation fault at once. So is an access to freed memory, because no address is used
// twice.
//
// A block that does not fill its pages ends at their end, or starts at their start if GUARD_BEFORE is in the
// environment. A sweep with each finds small overruns on either side.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

extern void* __libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void* block);

enum { PAGE = 4096, TENSORS = 64 };  // only c10's tensors on the CPU request this alignment
static const size_t SPACE = (size_t)1 << 42;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char* space;
static size_t used;

static size_t pages(size_t size) { return (size + PAGE - 1) / PAGE * PAGE; }

// The page before a block cannot hold the block's length, since it must stay inaccessible. So the lengths are in a
// separate array, with one entry for each page of the space.
static uint32_t* lengths;

int posix_memalign(void** block, size_t alignment, size_t size) {
  if (alignment != TENSORS || size == 0 || size > SPACE / 4) {
    *block = __libc_memalign(alignment, size);
    return *block == NULL ? ENOMEM : 0;
  }
  const size_t length = pages(size);
  pthread_mutex_lock(&lock);
  if (space == NULL) {
    space = mmap(NULL, SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    lengths = mmap(NULL, SPACE / PAGE * sizeof *lengths, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED || lengths == MAP_FAILED) abort();
  }
  char* const start = space + used + PAGE;
  const int fits = used + length + 2 * PAGE <= SPACE;
  if (fits && mprotect(start, length, PROT_READ | PROT_WRITE) == 0) {
    used += length + PAGE;
    lengths[(start - space) / PAGE] = (uint32_t)(length / PAGE);
    *block = getenv("GUARD_BEFORE") == NULL ? start + (length - size) : start;
  } else {
    *block = NULL;
  }
  pthread_mutex_unlock(&lock);
  return *block == NULL ? ENOMEM : 0;
}

void free(void* block) {
  const int guarded = space != NULL && (char*)block >= space && (char*)block < space + SPACE;
  if (!guarded) {
    __libc_free(block);
    return;
  }
  const size_t page = (size_t)((char*)block - space) / PAGE;
  const size_t length = (size_t)lengths[page] * PAGE;
  if (length == 0) abort();  // freed twice
  lengths[page] = 0;
  // A new mapping frees the memory and makes it inaccessible in one step.
  mmap(space + page * PAGE, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

// libtorch's errors carry a stack trace, whose names take longer to look up than the rest of a call. So return none.
int backtrace(void** frames, int most) {
  (void)frames;
  (void)most;
  return 0;
}
