// libjpeg-turbo, loaded at run time through its TurboJPEG interface of version 3. It is not needed to build the addon,
// and images are decoded in another way where it is missing.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace mbconv {

// The constants and types of libjpeg-turbo's turbojpeg.h that are used here, under its names. Their values and layout
// are part of its binary interface.
enum TJINIT { TJINIT_DECOMPRESS = 1 };
enum TJSAMP {
  TJSAMP_UNKNOWN = -1,
  TJSAMP_444,
  TJSAMP_422,
  TJSAMP_420,
  TJSAMP_GRAY,
  TJSAMP_440,
  TJSAMP_411,
  TJSAMP_441
};
enum TJPF { TJPF_RGBA = 7, TJPF_CMYK = 11 };
enum TJCS { TJCS_RGB, TJCS_YCbCr, TJCS_GRAY, TJCS_CMYK, TJCS_YCCK };
enum TJERR { TJERR_WARNING, TJERR_FATAL };
enum TJPARAM {
  TJPARAM_SUBSAMP = 4,
  TJPARAM_JPEGWIDTH = 5,
  TJPARAM_JPEGHEIGHT = 6,
  TJPARAM_PRECISION = 7,
  TJPARAM_COLORSPACE = 8,
  TJPARAM_PROGRESSIVE = 12,
  TJPARAM_SCANLIMIT = 13,
  TJPARAM_ARITHMETIC = 14,
  TJPARAM_LOSSLESS = 15,
  TJPARAM_MAXMEMORY = 23,
  TJPARAM_SAVEMARKERS = 25,
};
struct tjscalingfactor {
  int num, denom;
};
struct tjregion {
  int x, y, w, h;
};
using tjhandle = void*;

// The loaded library. It stays loaded until the process ends.
struct TurboJpeg {
  std::string path;
  // 1 for version 3.1 and newer, 0 for 3.0.
  int minor = 0;

  tjhandle (*tj3Init)(int) = nullptr;
  void (*tj3Destroy)(tjhandle) = nullptr;
  char* (*tj3GetErrorStr)(tjhandle) = nullptr;
  int (*tj3GetErrorCode)(tjhandle) = nullptr;
  int (*tj3Set)(tjhandle, int, int) = nullptr;
  int (*tj3Get)(tjhandle, int) = nullptr;
  int (*tj3DecompressHeader)(tjhandle, const unsigned char*, size_t) = nullptr;
  int (*tj3SetScalingFactor)(tjhandle, tjscalingfactor) = nullptr;
  int (*tj3SetCroppingRegion)(tjhandle, tjregion) = nullptr;
  int (*tj3Decompress8)(tjhandle, const unsigned char*, size_t, unsigned char*, int, int) = nullptr;
};

// The first of the paths that can be loaded. Throws ERR_ENVIRONMENT with the reason of each that cannot.
std::shared_ptr<const TurboJpeg> loadTurboJpeg(const std::vector<std::string>& paths);

}  // namespace mbconv
