// What code compiled against a new glibc asks of it, and glibc 2.28 does not have. Linked into the prebuilt addon only
// (scripts/prebuild.mjs), which runs on glibc 2.28 and newer.
//
// glibc's headers are left out: they declare these names as the new glibc has them.
struct stat;

// NOLINTBEGIN(bugprone-reserved-identifier): the names are glibc's.

extern "C" {

// Until glibc 2.33 its header made fstat() a call of this function, which newer versions still have. Its first argument
// is the layout of struct stat: 1 on x86-64, 0 on the newer processors.
int __fxstat(int layout, int file, struct stat* facts);

#if defined(__x86_64__)
constexpr int kLayout = 1;
#else
constexpr int kLayout = 0;
#endif

__attribute__((visibility("hidden"))) int fstat(int file, struct stat* facts) noexcept {
  return __fxstat(kLayout, file, facts);
}

// libstdc++ leaves atomic instructions out while this is true. Node always has several threads.
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
