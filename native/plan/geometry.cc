#include "plan/geometry.h"

#include <numeric>

namespace mbconv::plan {

void Geometry::arrange() {
  // The largest first, each at the lowest offset that is free while it is in use.
  std::vector<size_t> order(places_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return places_[a].floats > places_[b].floats; });
  std::vector<const Place*> placed;  // by offset
  for (const size_t index : order) {
    Place& place = places_[index];
    size_t offset = 0;
    for (const Place* other : placed) {
      if (other->last < place.first || other->first > place.last) continue;
      if (other->offset >= offset + place.floats) break;
      offset = std::max(offset, other->offset + other->floats);
    }
    place.offset = offset;
    const auto after =
        std::find_if(placed.begin(), placed.end(), [&](const Place* other) { return other->offset > offset; });
    placed.insert(after, &place);
    arena_ = std::max(arena_, offset + place.floats);
  }
}

}  // namespace mbconv::plan
