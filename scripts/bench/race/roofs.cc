// The roofs of this machine: what no program can be faster than. Multiplications and additions in float32 (FMA), and
// copying memory, with one thread and with several.
//
//   c++ -O3 -march=native -ffp-contract=fast -std=c++20 -pthread scripts/bench/race/roofs.cc -o roofs && ./roofs
//   THREADS
//
// Prints {"flops": [one, all], "copy": [one, all]}: operations a second, two for a multiplication with an addition;
// bytes a second, those read and those written. Each is the best of several tries, as is right for a roof.
#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int kWidth = 16;
#elif defined(__AVX__)
constexpr int kWidth = 8;
#else
constexpr int kWidth = 4;
#endif
typedef float Vector __attribute__((vector_size(4 * kWidth)));

// An FMA takes about 4 cycles and a core starts 2 a cycle: 8 chains keep it busy, and 12 with two constants fit into
// sixteen registers.
constexpr int kChains = 12;
constexpr long kRounds = 20'000'000;
constexpr size_t kCopied = size_t{128} << 20;
constexpr int kTries = 5;

volatile float sink;

void multiply() {
  Vector sums[kChains], factor, term;
  for (int lane = 0; lane < kWidth; ++lane) factor[lane] = 0.999f, term[lane] = 1e-3f;
  for (int chain = 0; chain < kChains; ++chain) sums[chain] = term * static_cast<float>(chain);
  for (long round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains; ++chain) sums[chain] = sums[chain] * factor + term;
  }
  float total = 0;
  for (const Vector& sum : sums)
    for (int lane = 0; lane < kWidth; ++lane) total += sum[lane];
  sink = total;
}

// The shortest time, in seconds, in which so many threads that begin together have all done their work.
template <typename Work>
double shortest(int threads, Work work) {
  double best = 1e9;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::barrier gate(threads + 1);
    std::vector<std::thread> running;
    for (int thread = 0; thread < threads; ++thread)
      running.emplace_back([&, thread] {
        gate.arrive_and_wait();
        work(thread);
      });
    // Before the gate opens: whoever begins earlier than this thread goes on must not look faster than it is.
    const auto begin = std::chrono::steady_clock::now();
    gate.arrive_and_wait();
    for (auto& thread : running) thread.join();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

}  // namespace

int main(int count, char** words) {
  const int threads = count == 2 ? std::atoi(words[1]) : 0;
  if (threads < 1) return 2;
  std::vector<std::vector<char>> from(threads, std::vector<char>(kCopied, 1)),
      to(threads, std::vector<char>(kCopied, 2));
  double flops[2], copied[2];
  const int numbers[] = {1, threads};
  for (int i = 0; i < 2; ++i) {
    flops[i] = 2.0 * kWidth * kChains * kRounds * numbers[i] / shortest(numbers[i], [](int) { multiply(); });
    copied[i] = 2.0 * kCopied * numbers[i] /
                shortest(numbers[i], [&](int thread) { std::memcpy(to[thread].data(), from[thread].data(), kCopied); });
  }
  std::printf("{\"flops\": [%.6g, %.6g], \"copy\": [%.6g, %.6g]}\n", flops[0], flops[1], copied[0], copied[1]);
}
