// Discrete Fourier transforms.
#include <ATen/Functions.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Size = std::optional<int64_t>;
using Ints = std::vector<int64_t>;
using Norm = std::optional<std::string>;
using NormView = std::optional<c10::string_view>;

at::OptionalIntArrayRef list(const std::optional<Ints>& values) {
  return values ? at::OptionalIntArrayRef(*values) : at::OptionalIntArrayRef();
}
NormView view(const Norm& norm) { return norm ? NormView(*norm) : NormView(); }

// Along one dimension.
template <Tensor (*Fn)(const Tensor&, Size, int64_t, NormView)>
Tensor along(const Tensor& input, Size n, int64_t dim, Norm norm) {
  return Fn(input, n, dim, view(norm));
}
// Over a plane.
template <Tensor (*Fn)(const Tensor&, at::OptionalIntArrayRef, at::IntArrayRef, NormView)>
Tensor plane(const Tensor& input, std::optional<Ints> size, Ints dim, Norm norm) {
  return Fn(input, list(size), dim, view(norm));
}
// Over any dimensions.
template <Tensor (*Fn)(const Tensor&, at::OptionalIntArrayRef, at::OptionalIntArrayRef, NormView)>
Tensor over(const Tensor& input, std::optional<Ints> size, std::optional<Ints> dim, Norm norm) {
  return Fn(input, list(size), list(dim), view(norm));
}
template <Tensor (*Fn)(const Tensor&, at::OptionalIntArrayRef)>
Tensor shift(const Tensor& input, std::optional<Ints> dim) {
  return Fn(input, list(dim));
}
template <Tensor (*Fn)(int64_t, double, at::TensorOptions)>
Tensor frequencies(int64_t n, double spacing, at::ScalarType dtype, at::Device device) {
  return Fn(n, spacing, at::TensorOptions(dtype).device(device));
}

}  // namespace

void initFft(const Exports& exports) {
  bind<&along<&at::fft_fft>>(exports, "fft", {"input", "n", "dim", "norm"});
  bind<&along<&at::fft_ifft>>(exports, "ifft", {"input", "n", "dim", "norm"});
  bind<&along<&at::fft_rfft>>(exports, "rfft", {"input", "n", "dim", "norm"});
  bind<&along<&at::fft_irfft>>(exports, "irfft", {"input", "n", "dim", "norm"});
  bind<&along<&at::fft_hfft>>(exports, "hfft", {"input", "n", "dim", "norm"});
  bind<&along<&at::fft_ihfft>>(exports, "ihfft", {"input", "n", "dim", "norm"});
  bind<&plane<&at::fft_fft2>>(exports, "fft2", {"input", "s", "dim", "norm"});
  bind<&plane<&at::fft_ifft2>>(exports, "ifft2", {"input", "s", "dim", "norm"});
  bind<&plane<&at::fft_rfft2>>(exports, "rfft2", {"input", "s", "dim", "norm"});
  bind<&plane<&at::fft_irfft2>>(exports, "irfft2", {"input", "s", "dim", "norm"});
  bind<&over<&at::fft_fftn>>(exports, "fftn", {"input", "s", "dim", "norm"});
  bind<&over<&at::fft_ifftn>>(exports, "ifftn", {"input", "s", "dim", "norm"});
  bind<&over<&at::fft_rfftn>>(exports, "rfftn", {"input", "s", "dim", "norm"});
  bind<&over<&at::fft_irfftn>>(exports, "irfftn", {"input", "s", "dim", "norm"});
  bind<&shift<&at::fft_fftshift>>(exports, "fftshift", {"input", "dim"});
  bind<&shift<&at::fft_ifftshift>>(exports, "ifftshift", {"input", "dim"});
  bind<&frequencies<&at::fft_fftfreq>>(exports, "fftfreq", {"n", "d", "dtype", "device"});
  bind<&frequencies<&at::fft_rfftfreq>>(exports, "rfftfreq", {"n", "d", "dtype", "device"});
}

}  // namespace mbconv
