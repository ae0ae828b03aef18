// Procedural scenes: labelled images that are drawn, not stored, at whatever resolution is asked for.
//
// A scene is a function of (seed, index): a shaded background, five patches that carry a fine texture, and as many
// distractors without one. Its class is the arrangement of the patches together with their texture. Every part is
// averaged over the pixel (waves exactly, edges by their distance). A scene therefore looks the same at every
// resolution, and lacks only the details that are finer than its pixels. Telling textures apart takes resolution,
// telling arrangements apart takes a view of the whole, and more textures take more features.
//
// lib/data/sources/scenes.ts lists the classes.
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "binding/bind.h"
#include "data/random.h"

namespace mbconv {

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kChannels = 3;
constexpr int kPatches = 5;
constexpr int kDistractors = 5;
constexpr int kWaves = 5;
constexpr int kTextures = 10;
constexpr int kArrangements = 10;

// A wave across the scene: cycles per scene side along x and y.
struct Wave {
  double fx, fy, phase, amplitude;
};

struct Disc {
  double x, y, radius;
  std::array<double, kChannels> colour;
  bool textured;
};

struct Scene {
  std::array<double, kChannels> background;
  Wave shading;
  std::array<Wave, kWaves> waves;
  int waveCount;
  std::array<Disc, kPatches + kDistractors> discs;
};

// A texture: directions relative to the first (degrees) and frequencies relative to the base.
struct Texture {
  int waves;
  std::array<double, kWaves> degrees;
  std::array<double, kWaves> frequencies;
};
constexpr std::array<Texture, kTextures> kTextureTable = {{
    {1, {0}, {1}},                                // lines
    {2, {0, 90}, {1, 1}},                         // squares
    {3, {0, 60, 120}, {1, 1, 1}},                 // hexagons
    {2, {0, 0}, {1, 0.5}},                        // every other line stronger
    {2, {0, 90}, {1, 0.5}},                       // bricks
    {2, {0, 35}, {1, 1}},                         // narrow rhombs
    {4, {0, 45, 90, 135}, {1, 1, 1, 1}},          // eightfold
    {2, {0, 0}, {1, 1.0 / 3}},                    // every third line stronger
    {2, {0, 60}, {1, 0.5}},                       // slanted bricks
    {5, {0, 36, 72, 108, 144}, {1, 1, 1, 1, 1}},  // tenfold
}};

// An arrangement: five positions about the scene's centre, in units of a quarter of its side.
using Positions = std::array<std::array<double, 2>, kPatches>;
constexpr std::array<Positions, kArrangements> kArrangementTable = {{
    {{{0, -1}, {0.95, -0.31}, {0.59, 0.81}, {-0.59, 0.81}, {-0.95, -0.31}}},  // ring
    {{{-1.2, 0}, {-0.6, 0}, {0, 0}, {0.6, 0}, {1.2, 0}}},                     // row
    {{{0, 0}, {0, -1}, {0, 1}, {-1, 0}, {1, 0}}},                             // cross
    {{{-1, -0.8}, {-0.5, 0}, {0, 0.8}, {0.5, 0}, {1, -0.8}}},                 // V
    {{{-1, -1}, {-1, -0.33}, {-1, 0.33}, {-0.33, 0.33}, {0.33, 0.33}}},       // L
    {{{-0.8, -0.8}, {0, -0.8}, {0.8, -0.8}, {0, 0}, {0, 0.8}}},               // T
    {{{-1.1, -0.4}, {-0.55, 0.4}, {0, -0.4}, {0.55, 0.4}, {1.1, -0.4}}},      // zigzag
    {{{-0.9, -0.9}, {-0.9, -0.3}, {-0.35, -0.75}, {0.8, 0.7}, {0.25, 0.9}}},  // two groups
    {{{-0.9, -0.9}, {0.9, -0.9}, {-0.9, 0.9}, {0.9, 0.9}, {0, 0}}},           // quincunx
    {{{-0.6, -0.9}, {0, -0.9}, {0.6, -0.9}, {-0.6, 0.9}, {0.6, 0.9}}},        // three over two
}};

// Cycles per side of the waves of frequency 1, evenly spaced in their logarithm. Of the textures of 100 scenes, the
// number that keep half of their contrast is 56 at 24 pixels, 78 at 32, 96 at 40 and 100 at 48, so that each step of
// resolution gains less than the one before it.
constexpr double kCyclesLow = 5, kCyclesHigh = 18;

Scene drawScene(uint64_t seed, uint32_t index, int texture, int arrangement) {
  Random random(seed, kScene, 0, index);
  Scene scene;
  for (double& value : scene.background) value = random.uniform(0.35, 0.65);
  const double slope = random.uniform(0, 2 * kPi), strength = random.uniform(0.3, 0.8);
  scene.shading = {strength * std::cos(slope), strength * std::sin(slope), random.uniform(), random.uniform(0.05, 0.2)};

  const Texture& kind = kTextureTable[texture];
  // Half of all directions: as much variety as a network can learn in minutes.
  const double direction = random.uniform(-45, 45);
  const double cycles = kCyclesLow * std::pow(kCyclesHigh / kCyclesLow, random.uniform());
  const double contrast = random.uniform(0.32, 0.45) / std::sqrt(kind.waves);
  scene.waveCount = kind.waves;
  for (int i = 0; i < kind.waves; ++i) {
    const double angle = (direction + kind.degrees[i]) * kPi / 180, frequency = cycles * kind.frequencies[i];
    scene.waves[i] = {frequency * std::cos(angle), frequency * std::sin(angle), random.uniform(), contrast};
  }

  const double turn = random.uniform(-15, 15) * kPi / 180, size = random.uniform(0.9, 1.1) * 0.27;
  const double centreX = 0.5 + random.uniform(-0.06, 0.06), centreY = 0.5 + random.uniform(-0.06, 0.06);
  for (int i = 0; i < kPatches + kDistractors; ++i) {
    Disc& disc = scene.discs[i];
    disc.textured = i < kPatches;
    disc.radius = random.uniform(0.12, 0.155);
    if (disc.textured) {
      const double x = kArrangementTable[arrangement][i][0] + random.uniform(-0.12, 0.12);
      const double y = kArrangementTable[arrangement][i][1] + random.uniform(-0.12, 0.12);
      disc.x = centreX + size * (x * std::cos(turn) - y * std::sin(turn));
      disc.y = centreY + size * (x * std::sin(turn) + y * std::cos(turn));
    } else {
      disc.x = random.uniform(0.1, 0.9);
      disc.y = random.uniform(0.1, 0.9);
    }
    for (double& value : disc.colour) value = random.uniform(0.4, 0.6);
  }
  return scene;
}

// The share of a wave that averaging over a pixel leaves, along one axis.
double sinc(double cyclesPerPixel) {
  const double x = kPi * cyclesPerPixel;
  return std::abs(x) < 1e-6 ? 1 : std::sin(x) / x;
}

// The share of a wave that the lens before the pixels lets through. It is 0 from half a cycle per pixel on: finer waves
// would alias to coarser ones that are not in the scene.
double lens(double cyclesPerPixel) {
  const double x = (cyclesPerPixel - 0.35) / 0.15;
  if (x <= 0) return 1;
  return x >= 1 ? 0 : 0.5 * (1 + std::cos(kPi * x));
}

// Adds a wave to one row of pixel averages by recurrence: a rotation a pixel instead of a sine.
void addWave(const Wave& wave, int64_t size, int64_t row, int64_t from, int64_t to, float* out) {
  const double pixel = 1.0 / size;
  const double through = lens(std::hypot(wave.fx, wave.fy) * pixel);
  if (through == 0) return;
  const double kept = wave.amplitude * through * sinc(wave.fx * pixel) * sinc(wave.fy * pixel);
  const double start = 2 * kPi * (wave.fx * (from + 0.5) * pixel + wave.fy * (row + 0.5) * pixel + wave.phase);
  const double stepSine = std::sin(2 * kPi * wave.fx * pixel), stepCosine = std::cos(2 * kPi * wave.fx * pixel);
  double sine = std::sin(start), cosine = std::cos(start);
  for (int64_t x = from; x < to; ++x) {
    out[x] += static_cast<float>(kept * sine);
    const double next = sine * stepCosine + cosine * stepSine;
    cosine = cosine * stepCosine - sine * stepSine;
    sine = next;
  }
}

// The scene as size × size pixels of three bytes, channel by channel.
void render(const Scene& scene, uint64_t seed, uint32_t index, int64_t size, double noise, uint8_t* out) {
  const double pixel = 1.0 / size;
  const int64_t plane = size * size;
  std::vector<float> texture(size), row(kChannels * size);
  Random random(seed, kNoise, 0, index);
  // White noise of a fixed density in the scene: a larger pixel averages more of it.
  const double perPixel = noise * size / 64.0 * 255 / std::sqrt(4 * (65536.0 - 1) / 12);
  for (int64_t y = 0; y < size; ++y) {
    std::fill(texture.begin(), texture.end(), 0.0f);
    addWave(scene.shading, size, y, 0, size, texture.data());
    for (int c = 0; c < kChannels; ++c) {
      for (int64_t x = 0; x < size; ++x) row[c * size + x] = static_cast<float>(scene.background[c]) + texture[x];
    }
    const double sceneY = (y + 0.5) * pixel;
    std::fill(texture.begin(), texture.end(), 0.0f);
    // Draw distractors first, so that none hides a patch.
    for (int i = static_cast<int>(scene.discs.size()) - 1; i >= 0; --i) {
      const Disc& disc = scene.discs[i];
      const double dy = sceneY - disc.y, reach = disc.radius + pixel;
      if (std::abs(dy) >= reach) continue;
      const double half = std::sqrt(reach * reach - dy * dy);
      const auto from = std::clamp<int64_t>(static_cast<int64_t>(std::floor((disc.x - half) * size)), 0, size);
      const auto to = std::clamp<int64_t>(static_cast<int64_t>(std::ceil((disc.x + half) * size)), 0, size);
      if (disc.textured) {
        std::fill(texture.begin() + from, texture.begin() + std::max(from, to), 0.0f);
        for (int w = 0; w < scene.waveCount; ++w) addWave(scene.waves[w], size, y, from, to, texture.data());
      }
      for (int64_t x = from; x < to; ++x) {
        const double dx = (x + 0.5) * pixel - disc.x;
        const double distance = std::sqrt(dx * dx + dy * dy);
        const auto cover = static_cast<float>(std::clamp((disc.radius - distance) * size + 0.5, 0.0, 1.0));
        const float wave = disc.textured ? texture[x] : 0.0f;
        for (int c = 0; c < kChannels; ++c) {
          float& value = row[c * size + x];
          value += cover * (static_cast<float>(disc.colour[c]) + wave - value);
        }
      }
    }
    for (int c = 0; c < kChannels; ++c) {
      for (int64_t x = 0; x < size; ++x) {
        // The sum of a word's four bytes is nearly normal, with mean 510.
        const uint32_t word = random.word();
        const int bytes = static_cast<int>((word & 255) + ((word >> 8) & 255) + ((word >> 16) & 255) + (word >> 24));
        const double value = 255.0 * row[c * size + x] + perPixel * (bytes - 510);
        out[c * plane + y * size + x] = static_cast<uint8_t>(std::clamp(value + 0.5, 0.0, 255.0));
      }
    }
  }
}

// Fills `out`, a Uint8Array of N·3·size·size bytes, with the scenes first … first+N−1. `kinds` has two bytes for each
// scene: its texture and its arrangement.
void renderScenes(Env& env, Napi::Value out, Napi::Value kinds, int64_t seed, int64_t first, int64_t size,
                  double noise) {
  const auto bytesOf = [&](Napi::Value value, const char* name) {
    if (value.IsTypedArray()) {
      auto bytes = value.As<Napi::Uint8Array>();
      if (bytes.TypedArrayType() == napi_uint8_array) return bytes;
    }
    throw Error("ERR_TYPE", std::string(name) + " must be a Uint8Array, got " + describe(env, value));
  };
  Napi::Uint8Array outBytes = bytesOf(out, "out"), kindBytes = bytesOf(kinds, "kinds");
  const size_t outLength = outBytes.ElementLength(), kindsLength = kindBytes.ElementLength();
  uint8_t* images = outBytes.Data();
  const uint8_t* kind = kindBytes.Data();
  if (size < 1 || size > 4096) throw Error("ERR_VALUE", "size must lie between 1 and 4096 pixels");
  if (!(noise >= 0 && noise <= 1)) throw Error("ERR_VALUE", "noise must lie in [0, 1]");
  const size_t count = kindsLength / 2, each = static_cast<size_t>(kChannels) * size * size;
  if (kindsLength % 2 != 0 || outLength != count * each)
    throw Error("ERR_SHAPE", "out has " + std::to_string(outLength) + " bytes; " + std::to_string(count) +
                                 " scenes of that size take " + std::to_string(count * each));
  constexpr int64_t kMost = 4294967296;
  if (first < 0 || first > kMost - static_cast<int64_t>(count))
    throw Error("ERR_VALUE", "scenes are numbered from 0 to 2^32 - 1");
  for (size_t i = 0; i < count; ++i) {
    if (kind[2 * i] >= kTextures || kind[2 * i + 1] >= kArrangements)
      throw Error("ERR_VALUE", "there are textures 0 to 9 and arrangements 0 to 9");
  }
  at::parallel_for(0, static_cast<int64_t>(count), 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto index = static_cast<uint32_t>(first + i);
      const Scene scene = drawScene(static_cast<uint64_t>(seed), index, kind[2 * i], kind[2 * i + 1]);
      render(scene, static_cast<uint64_t>(seed), index, size, noise, images + i * each);
    }
  });
}

}  // namespace

void initScenes(const Exports& exports) {
  bind<&renderScenes>(exports, "renderScenes", {"out", "kinds", "seed", "first", "size", "noise"});
}

}  // namespace mbconv
