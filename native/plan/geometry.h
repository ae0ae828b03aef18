// Where the values of one image lie: shapes for one size of image, and one arena for all of them.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "kernels/cpu/packed.h"

namespace mbconv::plan {

// A map [blocks][height·width][lanes]; a vector is a map of one pixel.
struct Shape {
  int channels = 0;
  int height = 1;
  int width = 1;
  int pixels() const { return height * width; }
};

// Memory of the arena, for as long as the steps from `first` to `last` run.
struct Place {
  size_t floats = 0;
  int first = 0;
  int last = 0;
  size_t offset = 0;
};

// The sums over the pixels of a map, of several parts of the map.
struct Sums {
  int place = 0;
  int parts = 0;
};

class Geometry {
 public:
  Geometry(const kernels::Table& table, size_t values) : table(table), shapes(values), valuePlaces_(values, -1) {}

  const kernels::Table& table;
  std::vector<Shape> shapes;  // of the values
  std::map<int, Sums> sums;   // of the values whose step makes them
  std::vector<int> scaledBy;  // gates that were multiplied into their map, and are not to be again
  size_t scratch = 0;         // floats that each thread needs for itself

  int blocks(int channels) const { return kernels::roundedUp(channels, table.lanes) / table.lanes; }
  // Floats of a map, and of one of its blocks.
  size_t floats(const Shape& shape) const { return static_cast<size_t>(blocks(shape.channels)) * plane(shape); }
  size_t plane(const Shape& shape) const { return static_cast<size_t>(shape.pixels()) * table.lanes; }

  // Memory for the step with that number, and until the step that `use` names.
  int reserve(size_t floats, int step) {
    constexpr size_t kLine = kernels::kLine / sizeof(float);
    places_.push_back({(floats + kLine - 1) / kLine * kLine, step, step, 0});
    return static_cast<int>(places_.size()) - 1;
  }
  int reserveValue(int value, int step, size_t floats) {
    valuePlaces_[value] = reserve(floats, step);
    return valuePlaces_[value];
  }
  void use(int place, int step) { places_[place].last = std::max(places_[place].last, step); }
  void useValue(int value, int step) { use(valuePlaces_[value], step); }
  int placeOf(int value) const { return valuePlaces_[value]; }
  void needScratch(size_t floats) { scratch = std::max(scratch, floats); }

  // Gives every place its offset. Places that are in use at the same time do not overlap.
  void arrange();
  size_t arena() const { return arena_; }
  size_t offset(int place) const { return places_[place].offset; }

 private:
  std::vector<Place> places_;
  std::vector<int> valuePlaces_;
  size_t arena_ = 0;
};

}  // namespace mbconv::plan
