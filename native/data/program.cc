#include "data/program.h"

#include <cmath>
#include <iterator>
#include <locale>
#include <optional>
#include <sstream>

#include "binding/error.h"

namespace mbconv {

namespace {

std::string shown(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(12);
  text << value;
  return text.str();
}

[[noreturn]] void fail(const std::string& what) { throw Error("ERR_VALUE", "augmentation program: " + what); }

std::vector<std::string> words(const char* text) {
  std::istringstream stream(text);
  std::vector<std::string> list;
  for (std::string word; stream >> word;) list.push_back(word);
  return list;
}

constexpr size_t countWords(const char* text) {
  size_t count = *text == 0 ? 0 : 1;
  for (; *text != 0; ++text) count += *text == ' ';
  return count;
}

// The operands of one operation, checked as they are read.
class Operands {
 public:
  Operands(const char* operation, const char* names, const double* values)
      : operation_(operation), names_(names), values_(values) {}

  double number(size_t i, double low, double high) const {
    // Written so that NaN fails.
    if (!(values_[i] >= low && values_[i] <= high)) wrong(i, "a number", low, high);
    return values_[i];
  }

  int64_t whole(size_t i, double low, double high) const {
    const double value = values_[i];
    if (!(value >= low && value <= high && value == std::floor(value))) wrong(i, "a whole number", low, high);
    return static_cast<int64_t>(value);
  }

  Filter filter(size_t i) const {
    const auto value = whole(i, 0, 3);
    if (value == 1) fail(std::string(operation_) + ": filter must be 0 (nearest), 2 (bilinear) or 3 (bicubic), got 1");
    return static_cast<Filter>(value);
  }

  Colour colour(size_t i) const {
    Colour colour;
    for (size_t c = 0; c < colour.size(); ++c) colour[c] = static_cast<uint8_t>(whole(i + c, 0, 255));
    return colour;
  }

  // A box that lies in the image and is not empty.
  Box box(size_t i, const Image& image) const {
    const auto top = static_cast<int>(whole(i, 0, image.height - 1)),
               left = static_cast<int>(whole(i + 1, 0, image.width - 1));
    return {top, left, static_cast<int>(whole(i + 2, 1, image.height - top)),
            static_cast<int>(whole(i + 3, 1, image.width - left))};
  }

  template <size_t N>
  std::array<double, N> numbers(size_t i, double low, double high) const {
    std::array<double, N> list;
    for (size_t n = 0; n < N; ++n) list[n] = number(i + n, low, high);
    return list;
  }

 private:
  [[noreturn]] void wrong(size_t i, const char* kind, double low, double high) const {
    fail(std::string(operation_) + ": " + words(names_)[i] + " must be " + kind + " from " + shown(low) + " to " +
         shown(high) + ", got " + shown(values_[i]));
  }

  const char* operation_;
  const char* names_;
  const double* values_;
};

struct Machine {
  Image& image;
  std::optional<Mix> mix = std::nullopt;

  void startMix() {
    if (mix) fail("mixStart: another mix has not ended");
    mix.emplace(image);
  }

  Mix& currentMix(const char* operation) {
    if (!mix) fail(std::string(operation) + ": no mix has started");
    return *mix;
  }
};

struct Operation {
  const char* name;
  const char* operands;  // their names
  void (*apply)(Machine& machine, const Operands& operands);
};

constexpr double kMostFactor = 1000, kMostDegrees = 1e6, kMostCoordinate = 1e6, kMostLevel = 1e4, kMostRadius = 1000;
constexpr double kWord = 4294967295.0;

// Every operation; the first has opcode 1. An opcode never changes its meaning. lib/data/augment/program.ts has the
// same list, and test/augment.test.mjs compares them.
constexpr Operation kOperations[] = {
    {"flip", "", [](Machine& m, const Operands&) { flip(m.image); }},
    {"invert", "", [](Machine& m, const Operands&) { invert(m.image); }},
    {"autocontrast", "", [](Machine& m, const Operands&) { autocontrast(m.image); }},
    {"equalize", "", [](Machine& m, const Operands&) { equalize(m.image); }},
    {"posterize", "bits",
     [](Machine& m, const Operands& o) { posterize(m.image, static_cast<int>(o.whole(0, 0, 8))); }},
    {"solarize", "threshold", [](Machine& m, const Operands& o) { solarize(m.image, o.number(0, 0, 256)); }},
    {"solarizeAdd", "addition threshold",
     [](Machine& m, const Operands& o) {
       solarizeAdd(m.image, static_cast<int>(o.whole(0, 0, 255)), static_cast<int>(o.whole(1, 0, 256)));
     }},
    {"color", "factor", [](Machine& m, const Operands& o) { color(m.image, o.number(0, 0, kMostFactor)); }},
    {"contrast", "factor", [](Machine& m, const Operands& o) { contrast(m.image, o.number(0, 0, kMostFactor)); }},
    {"brightness", "factor", [](Machine& m, const Operands& o) { brightness(m.image, o.number(0, 0, kMostFactor)); }},
    {"sharpness", "factor", [](Machine& m, const Operands& o) { sharpness(m.image, o.number(0, 0, kMostFactor)); }},
    {"grayscale", "", [](Machine& m, const Operands&) { grayscale(m.image); }},
    {"hue", "shift", [](Machine& m, const Operands& o) { hue(m.image, o.number(0, -0.5, 0.5)); }},
    {"gaussianBlur", "radius",
     [](Machine& m, const Operands& o) { gaussianBlur(m.image, o.number(0, 0, kMostRadius)); }},
    {"rotate", "degrees filter red green blue",
     [](Machine& m, const Operands& o) {
       rotate(m.image, o.number(0, -kMostDegrees, kMostDegrees), o.filter(1), o.colour(2));
     }},
    {"affine", "a b c d e f filter red green blue",
     [](Machine& m, const Operands& o) {
       affine(m.image, o.numbers<6>(0, -kMostCoordinate, kMostCoordinate), o.filter(6), o.colour(7));
     }},
    {"erase", "top left height width red green blue",
     [](Machine& m, const Operands& o) { erase(m.image, o.box(0, m.image), o.colour(4)); }},
    {"eraseNoise",
     "top left height width redMean greenMean blueMean redDeviation greenDeviation blueDeviation lowKey highKey",
     [](Machine& m, const Operands& o) {
       const auto key = static_cast<uint64_t>(o.whole(10, 0, kWord)) | static_cast<uint64_t>(o.whole(11, 0, kWord))
                                                                           << 32;
       eraseNoise(m.image, o.box(0, m.image), o.numbers<3>(4, -kMostLevel, kMostLevel), o.numbers<3>(7, 0, kMostLevel),
                  key);
     }},
    {"mixStart", "", [](Machine& m, const Operands&) { m.startMix(); }},
    {"mixAdd", "weight", [](Machine& m, const Operands& o) { m.currentMix("mixAdd").add(m.image, o.number(0, 0, 1)); }},
    {"mixEnd", "share",
     [](Machine& m, const Operands& o) {
       m.currentMix("mixEnd").finish(m.image, o.number(0, 0, 1));
       m.mix.reset();
     }},
};

}  // namespace

void applyProgram(Image& image, const double* program, size_t length) {
  if (image.height < 1 || image.width < 1 || image.channels != kImageChannels ||
      image.pixels.size() != image.rowBytes() * image.height)
    throw Error("ERR_SHAPE", "augmentation needs an RGB image of at least 1 x 1 pixels");
  Machine machine{image};
  for (size_t at = 0; at < length;) {
    const double opcode = program[at++];
    if (!(opcode >= 1 && opcode <= std::size(kOperations) && opcode == std::floor(opcode)))
      fail("there is no opcode " + shown(opcode));
    const Operation& operation = kOperations[static_cast<size_t>(opcode) - 1];
    const size_t count = countWords(operation.operands);
    if (length - at < count)
      fail(std::string(operation.name) + " has " + std::to_string(length - at) + " of its " + std::to_string(count) +
           " operands");
    operation.apply(machine, Operands(operation.name, operation.operands, program + at));
    at += count;
  }
  if (machine.mix) fail("a mix has not ended");
}

std::vector<std::vector<std::string>> programOperations() {
  std::vector<std::vector<std::string>> list;
  for (const Operation& operation : kOperations) {
    list.push_back({operation.name});
    for (const std::string& name : words(operation.operands)) list.back().push_back(name);
  }
  return list;
}

}  // namespace mbconv
