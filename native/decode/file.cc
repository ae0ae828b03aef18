#include "decode/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "decode/unreadable.h"

namespace mbconv {

namespace {

// The words of lib/files/io-error.ts.
std::string reasonOf(int number) {
  switch (number) {
    case ENOENT:
      return "no such file or folder";
    case EACCES:
      return "permission denied";
    case ENOTDIR:
      return "a part of the path is not a folder";
    case EMFILE:
    case ENFILE:
      return "too many open files";
    case EIO:
      return "the device cannot read or write it";
    case ELOOP:
      return "its links lead in a circle";
    case ENAMETOOLONG:
      return "the name is too long";
    case ENXIO:
      return "it is not a regular file";
    default:
      return std::generic_category().message(number);
  }
}

struct OpenFile {
  int descriptor;
  explicit OpenFile(int opened) : descriptor(opened) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { close(descriptor); }
};

int openToRead(const std::string& path) {
  if (path.find('\0') != std::string::npos) throw Unreadable("no name can be like that");
  for (;;) {
    // O_NONBLOCK: opening a pipe would wait for its other end.
    const int descriptor = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor >= 0) return descriptor;
    if (errno != EINTR) throw Unreadable(reasonOf(errno));
  }
}

}  // namespace

std::span<const uint8_t> readPart(const Part& part, int64_t most, Buffer& buffer) {
  if (part.file.empty()) {
    if (part.memory.empty()) throw Unreadable("is empty");
    return part.memory;
  }
  const OpenFile file(openToRead(part.file));
  struct stat facts;
  if (fstat(file.descriptor, &facts) != 0) throw Unreadable(reasonOf(errno));
  if (S_ISDIR(facts.st_mode)) throw Unreadable("it is a folder, not a regular file");
  if (!S_ISREG(facts.st_mode)) throw Unreadable("it is not a regular file");
  const int64_t size = facts.st_size;
  const int64_t offset = part.length < 0 ? 0 : part.offset;
  const int64_t wanted = part.length < 0 ? size : part.length;
  if (offset < 0 || offset > size || wanted > size - offset)
    throw Unreadable("the file ends before byte " + std::to_string(offset) + " + " + std::to_string(wanted));
  if (wanted == 0) throw Unreadable("is empty");
  if (wanted > most)
    throw Unreadable("has " + std::to_string(wanted) + " bytes, more than the " + std::to_string(most) + " allowed");
  uint8_t* bytes = buffer.room(static_cast<size_t>(wanted));
  int64_t got = 0;
  while (got < wanted) {
    const size_t rest = static_cast<size_t>(std::min<int64_t>(wanted - got, 1 << 30));
    const ssize_t now = pread(file.descriptor, bytes + got, rest, offset + got);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) throw Unreadable(reasonOf(errno));
    if (now == 0) throw Unreadable("became shorter while it was read");
    got += now;
  }
  return {bytes, static_cast<size_t>(wanted)};
}

}  // namespace mbconv
