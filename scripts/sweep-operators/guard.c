// Memory of tensors with nothing beside it: preloaded into a sweep's child, it gives every block that libtorch's own
// allocator asks for pages of its own, with pages before and behind that nobody may touch. A read or write outside a
// tensor, which would otherwise go on with what lies there by luck, is a segmentation fault at once; so is one of memory
// that has been freed, because no address is given out twice.
//
// Where a block does not fill its pages it ends at their end, or with GUARD_BEFORE in the environment starts at their
// start: a sweep with each finds what is off by little on either side.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

extern void* __libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void* block);

enum { PAGE = 4096, TENSORS = 64 };  // c10's alignment of tensors on the CPU, which nothing else asks for
static const size_t SPACE = (size_t)1 << 42;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char* space;
static size_t used;

static size_t pages(size_t size) { return (size + PAGE - 1) / PAGE * PAGE; }

// The page before a block's first one, which nobody reads as long as the block is in use, cannot hold its length: it
// must stay closed. So lengths stand apart, one for each page of the space.
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
  // Mapping anew gives the memory back and closes it in one step.
  mmap(space + page * PAGE, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

// Errors of libtorch carry a stack trace whose names take longer to look up than all the rest of a call.
int backtrace(void** frames, int most) {
  (void)frames;
  (void)most;
  return 0;
}
