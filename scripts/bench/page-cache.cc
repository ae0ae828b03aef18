// Copies images out of the page cache in two ways: with pread, as the training loader does, and out of mapped files.
//
//   c++ -O2 -std=c++20 scripts/bench/page-cache.cc -o page-cache && ./page-cache CACHE 224
//
// CACHE is a folder that `mbconv data cache` has written; 224 is the size of its images. The images are copied in a random
// order into one place. Rounds alternate between pread with a file that is opened for each image, pread with open files,
// and mapped files. Prints the median of images a second, one thread.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace {

struct Shard {
  std::string path;
  int descriptor;
  const char* mapped;
  size_t images;
};

constexpr int kRounds = 11;

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  const size_t size = std::strtoul(words[2], nullptr, 10), bytes = 3 * size * size;
  std::vector<Shard> shards;
  for (const auto& entry : std::filesystem::directory_iterator(words[1])) {
    if (entry.path().extension() != ".rgb") continue;
    const int descriptor = open(entry.path().c_str(), O_RDONLY);
    void* mapped = mmap(nullptr, entry.file_size(), PROT_READ, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) return 1;
    shards.push_back({entry.path(), descriptor, static_cast<const char*>(mapped), entry.file_size() / bytes});
  }
  std::vector<std::pair<size_t, size_t>> order;
  for (size_t shard = 0; shard < shards.size(); ++shard)
    for (size_t image = 0; image < shards[shard].images; ++image) order.emplace_back(shard, image);
  std::mt19937 random(1);
  std::vector<char> to(bytes);
  const char* names[] = {"pread, opened for each image", "pread", "mapped"};
  std::vector<double> rates[3];
  for (int round = -1; round < kRounds; ++round) {
    for (int way = 0; way < 3; ++way) {
      std::shuffle(order.begin(), order.end(), random);
      const auto begin = std::chrono::steady_clock::now();
      for (const auto& [shard, image] : order) {
        const Shard& from = shards[shard];
        const auto offset = static_cast<off_t>(image * bytes);
        const int file = way == 0 ? open(from.path.c_str(), O_RDONLY) : from.descriptor;
        if (way == 2) {
          std::memcpy(to.data(), from.mapped + offset, bytes);
        } else if (pread(file, to.data(), bytes, offset) != static_cast<ssize_t>(bytes)) {
          return 1;
        }
        if (way == 0) close(file);
      }
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
      if (round >= 0) rates[way].push_back(static_cast<double>(order.size()) / taken.count());
    }
  }
  for (int way = 0; way < 3; ++way) {
    std::sort(rates[way].begin(), rates[way].end());
    std::printf("%-30s %.0f images/s\n", names[way], rates[way][kRounds / 2]);
  }
}
