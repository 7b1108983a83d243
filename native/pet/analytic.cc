#include "pet/analytic.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <complex>
#include <cstring>
#include <utility>
#include <vector>

#include "pet/fft.h"
#include "pet/vectors.h"

namespace petrig::pet {
namespace {

using Complex = std::complex<float>;

constexpr double kPi = std::numbers::pi;
constexpr int kSlots = 4;           // back images, summed in a fixed order
constexpr int kRow = 112;           // the 109 slices of a projection sample, filled up to whole vectors
constexpr double kBinMm = 2.005;    // even distance of the samples after arc correction
constexpr size_t kRampLength = 1024;
constexpr float kWeak = 0.05F;      // bins below this part of the line's mean efficiency are taken from their neighbours

/// Projections of one angle: [tof][radial][slice], line integrals (image value x mm).
struct Fan {
  std::vector<float> values, even;
  std::vector<float> efficiency;  // [radial][slice]
  LineBins bins;

  float* row(int tof, int radial) { return values.data() + (int64_t{tof} * kRadials + radial) * kRow; }
};

/// Position among the unevenly spaced radial bins of even sample `i`: the bins lie at R sin(pi t / 672).
double radialOf(int i) {
  const double sine = (i - kRadials / 2) * kBinMm / kRadiusMm;
  return std::asin(sine) * kCrystals / kPi + kRadials / 2;
}

/// out[k] += weight * row between a and b.
PETRIG_VECTORS void addBetween(const float* __restrict a, const float* __restrict b, float fraction, float weight, float* __restrict out) {
  for (int k = 0; k < kRow; ++k) out[k] += weight * (a[k] + fraction * (b[k] - a[k]));
}

PETRIG_VECTORS void between(const float* __restrict a, const float* __restrict b, float fraction, float* __restrict out) {
  for (int k = 0; k < kRow; ++k) out[k] = a[k] + fraction * (b[k] - a[k]);
}

/// Fourier transform of the band-limited ramp, sampled in space so that its zero frequency is right (Kak and Slaney 3.3).
std::vector<float> rampOf(const Fft& fft) {
  std::vector<Complex> h(fft.size(), 0.0F);
  h[0] = static_cast<float>(0.25 / (kBinMm * kBinMm));
  for (size_t n = 1; n < fft.size() / 2; n += 2) {
    const auto value = static_cast<float>(-1 / (kPi * kPi * static_cast<double>(n * n) * kBinMm * kBinMm));
    h[n] = h[fft.size() - n] = value;
  }
  fft.forward(h.data());
  std::vector<float> ramp;
  for (const Complex c : h) ramp.push_back(c.real() * static_cast<float>(kBinMm) / static_cast<float>(fft.size()));
  return ramp;
}

/// What TOF backprojection does to a point, at a frequency in plane (1/mm): the mean over directions of the timing blur, seen
/// through itself. For a long blur it tends to 1 / frequency, the ramp's inverse.
double spreadAt(double frequency, double sigmaMm) {
  constexpr int kHalf = 2000;
  double sum = 0;
  for (int i = 0; i < kHalf; ++i) {
    const double u = (i + 0.5) / kHalf;
    // substitution: directions across the frequency count most
    const double along = frequency * std::sin(kPi / 2 * u * u * u);
    const double x = kPi * along * kTofBinMm;
    const double sinc = x < 1e-6 ? 1 : std::sin(x) / x;
    sum += 3 * u * u * sinc * sinc * std::exp(-4 * kPi * kPi * sigmaMm * sigmaMm * along * along);
  }
  return kTofBinMm * kPi * sum / kHalf;
}

class Backprojection {
 public:
  Backprojection(const JobControl& job, const BedOptions& options)
      : job_(job), quiet_{job.cancel, nullptr, job.threads}, o_(options), grid_{options.matrix, voxelMmOf(options.matrix)},
        model_(job, options, 0.05), tof_(options.tofFwhmPs), fft_(kRampLength), ramp_(rampOf(fft_)), tofs_(options.bins.tof ? kTofBins : 1) {
    checkBins(o_.bins);
  }

  BedReport run(std::span<float> out) {
    for (auto& slot : slots_) slot.assign(static_cast<size_t>(grid_.n) * grid_.n * kRow, 0.0F);
    std::atomic<int> done{0};
    parallelFor(quiet_, kSlots, 1, [&](int64_t index, int64_t, int) {
      Fan fan;
      for (auto angle = static_cast<int>(index); angle < kAngles; angle += kSlots) {
        if (job_.cancelled()) throw Cancelled();
        fill(fan, angle);
        spread(fan, angle, slots_[index]);
        job_.progress(0.05 + 0.75 * ++done / kAngles);
      }
    });
    collect(out);
    if (o_.bins.tof) sharpen(out);
    filterVolume(quiet_, out, {grid_.n, grid_.n, kSlices}, {grid_.voxelMm, grid_.voxelMm, kPlanePitchMm}, o_.filter);
    job_.progress(1);
    return {impossible_.load()};
  }

 private:
  /// Precorrected projections of an angle, evenly spaced, ramp filtered when there is no TOF.
  void fill(Fan& fan, int angle) {
    fan.values.assign(static_cast<size_t>(tofs_) * kRadials * kRow, 0.0F);
    fan.efficiency.assign(static_cast<size_t>(kRadials) * kRow, 0.0F);
    for (int radial = 0; radial < kRadials; ++radial) {
      model_.open(angle, radial, fan.bins);
      std::copy_n(fan.bins.efficiency.data(), kSlices, fan.efficiency.data() + radial * kRow);
      addCounts(fan, angle, radial);
      for (int t = 0; t < tofs_; ++t) {
        float* row = fan.row(t, radial);
        for (int k = 0; k < kSlices; ++k) row[k] -= fan.bins.randoms[k] / static_cast<float>(tofs_);
      }
    }
    divide(fan);
    correctArc(fan);
    if (!o_.bins.tof) filterRamp(fan);
  }

  void addCounts(Fan& fan, int angle, int radial) {
    const int line = angle * kRadials + radial;
    int64_t impossible = 0;
    for (uint32_t c = o_.bins.lineStart[line]; c < o_.bins.lineStart[line + 1]; ++c) {
      const int plane = o_.bins.plane(c);
      if (plane >= kRebinnedPlanes) continue;
      const int slice = sliceOfPlane(plane, segmentOfPlane(plane));
      if (fan.bins.efficiency[slice] > 0) fan.row(o_.bins.tof ? o_.bins.tofBin(c) : 0, radial)[slice] += o_.counts[c];
      else impossible += o_.counts[c];
    }
    impossible_ += impossible;
  }

  /// Counts to line integrals. Bins in the gaps between blocks lie between their radial neighbours.
  void divide(Fan& fan) {
    std::array<int, kRadials> left, right;
    for (int k = 0; k < kSlices; ++k) {
      float mean = 0;
      for (int r = 0; r < kRadials; ++r) mean += fan.efficiency[r * kRow + k] / kRadials;
      const auto good = [&](int r) { return fan.efficiency[r * kRow + k] > kWeak * mean; };
      for (int r = 0; r < kRadials; ++r) left[r] = good(r) ? r : r > 0 ? left[r - 1] : -1;
      for (int r = kRadials - 1; r >= 0; --r) right[r] = good(r) ? r : r + 1 < kRadials ? right[r + 1] : -1;
      for (int t = 0; t < tofs_; ++t) {
        for (int r = 0; r < kRadials; ++r) {
          if (good(r)) fan.row(t, r)[k] /= fan.efficiency[r * kRow + k];
        }
        for (int r = 0; r < kRadials; ++r) {
          if (good(r)) continue;
          const int a = left[r] >= 0 ? left[r] : right[r], b = right[r] >= 0 ? right[r] : left[r];
          const float f = b > a ? static_cast<float>(r - a) / static_cast<float>(b - a) : 0;
          fan.row(t, r)[k] = a < 0 ? 0 : fan.row(t, a)[k] + f * (fan.row(t, b)[k] - fan.row(t, a)[k]);
        }
      }
    }
  }

  void correctArc(Fan& fan) const {
    fan.even.assign(fan.values.size(), 0.0F);
    for (int i = 0; i < kRadials; ++i) {
      const double at = radialOf(i);
      const int j = static_cast<int>(std::floor(at));
      if (j < 0 || j + 1 >= kRadials) continue;
      for (int t = 0; t < tofs_; ++t) {
        between(fan.row(t, j), fan.row(t, j + 1), static_cast<float>(at - j), fan.even.data() + (int64_t{t} * kRadials + i) * kRow);
      }
    }
    std::swap(fan.even, fan.values);
  }

  void filterRamp(Fan& fan) const {
    std::vector<Complex> x(fft_.size());
    for (int k = 0; k < kSlices; k += 2) {  // two real rows at once
      std::fill(x.begin(), x.end(), 0.0F);
      for (int r = 0; r < kRadials; ++r) x[r] = {fan.values[r * kRow + k], fan.values[r * kRow + k + 1]};
      fft_.forward(x.data());
      for (size_t i = 0; i < x.size(); ++i) x[i] *= ramp_[i];
      fft_.backward(x.data());
      for (int r = 0; r < kRadials; ++r) {
        fan.values[r * kRow + k] = x[r].real();
        fan.values[r * kRow + k + 1] = x[r].imag();
      }
    }
  }

  /// Adds an angle's share to every column of voxels.
  void spread(const Fan& fan, int angle, std::vector<float>& image) const {
    // middle of the two mashed views; position x = s n + l u with n = (sin, -cos), u = (cos, sin) toward crystal B
    const double theta = kPi * (4 * angle + 0.5 + kViews) / kCrystals;
    const double sine = std::sin(theta), cosine = std::cos(theta);
    const auto share = static_cast<float>(kPi / kAngles);
    for (int y = 0; y < grid_.n; ++y) {
      const double py = grid_.coordinate(y);
      for (int x = 0; x < grid_.n; ++x) {
        const double px = grid_.coordinate(x);
        if (std::hypot(px, py) >= kFieldRadiusMm) continue;
        const double at = (px * sine - py * cosine) / kBinMm + kRadials / 2;
        const int j = static_cast<int>(std::floor(at));
        if (j < 0 || j + 1 >= kRadials) continue;
        const auto fraction = static_cast<float>(at - j);
        float* out = image.data() + (int64_t{y} * grid_.n + x) * kRow;
        const float* rows = fan.values.data() + int64_t{j} * kRow;
        if (!o_.bins.tof) addBetween(rows, rows + kRow, fraction, share, out);
        else spreadTimed(rows, px * cosine + py * sine, fraction, share, out);
      }
    }
  }

  void spreadTimed(const float* rows, double along, float fraction, float share, float* out) const {
    const double reach = tof_.reachMm();
    const int first = std::max(0, static_cast<int>(std::ceil((along - reach) / kTofBinMm + kTofCentre)));
    const int last = std::min(kTofBins - 1, static_cast<int>(std::floor((along + reach) / kTofBinMm + kTofCentre)));
    for (int t = first; t <= last; ++t) {
      const float* row = rows + int64_t{t} * kRadials * kRow;
      addBetween(row, row + kRow, fraction, share * tof_.at(static_cast<float>(along - tofCentreMm(t))), out);
    }
  }

  void collect(std::span<float> out) const {
    const int64_t area = int64_t{grid_.n} * grid_.n;
    const auto scale = static_cast<float>(o_.scale);
    parallelFor(quiet_, grid_.n, 4, [&](int64_t begin, int64_t end, int) {
      for (int64_t c = begin * grid_.n; c < end * grid_.n; ++c) {
        for (int z = 0; z < kSlices; ++z) {
          const int64_t i = c * kRow + z;
          out[z * area + c] = scale * (slots_[0][i] + slots_[1][i] + slots_[2][i] + slots_[3][i]);
        }
      }
    });
  }

  /// Divides by spreadAt in the Fourier transform of each slice; two slices at once.
  void sharpen(std::span<float> out) const {
    const int n = grid_.n;
    const Fft fft(n <= 200 ? 256 : 512);
    const auto size = static_cast<int>(fft.size());
    const double sigma = o_.tofFwhmPs * kMmPerPs / std::sqrt(8 * std::numbers::ln2);
    std::vector<float> inverse(static_cast<size_t>(size));  // by distance from the zero frequency, in steps of the diagonal / size
    const double top = std::numbers::sqrt2 / 2 / grid_.voxelMm;
    for (int i = 0; i < size; ++i) inverse[i] = static_cast<float>(1 / spreadAt(top * i / (size - 1), sigma) / size / size);
    parallelFor(quiet_, (kSlices + 1) / 2, 1, [&](int64_t pair, int64_t, int) {
      std::vector<Complex> plane(static_cast<size_t>(size) * size, 0.0F), column(fft.size());
      float* a = out.data() + 2 * pair * n * n;
      float* b = 2 * pair + 1 < kSlices ? a + int64_t{n} * n : nullptr;
      for (int y = 0; y < n; ++y) {
        for (int x = 0; x < n; ++x) plane[y * size + x] = {a[y * n + x], b ? b[y * n + x] : 0};
        fft.forward(plane.data() + y * size);
      }
      for (int x = 0; x < size; ++x) {
        for (int y = 0; y < size; ++y) column[y] = plane[y * size + x];
        fft.forward(column.data());
        for (int y = 0; y < size; ++y) {
          const double at = std::hypot(std::min(x, size - x), std::min(y, size - y)) / (size * grid_.voxelMm) / top * (size - 1);
          const int i = std::min(static_cast<int>(at), size - 2);
          const auto f = static_cast<float>(at - i);
          column[y] *= inverse[i] + f * (inverse[i + 1] - inverse[i]);
        }
        fft.backward(column.data());
        for (int y = 0; y < n; ++y) plane[y * size + x] = column[y];
      }
      for (int y = 0; y < n; ++y) {
        fft.backward(plane.data() + y * size);
        for (int x = 0; x < n; ++x) {
          a[y * n + x] = plane[y * size + x].real();
          if (b) b[y * n + x] = plane[y * size + x].imag();
        }
      }
    });
  }

  const JobControl& job_;
  const JobControl quiet_;
  const BedOptions& o_;
  Grid grid_;
  BedModel model_;
  TofKernel tof_;
  Fft fft_;
  std::vector<float> ramp_;
  int tofs_;
  std::array<std::vector<float>, kSlots> slots_;
  std::atomic<int64_t> impossible_{0};
};

}  // namespace

BedReport backproject(const JobControl& job, const BedOptions& options, std::span<float> image) {
  return Backprojection(job, options).run(image);
}

}  // namespace petrig::pet
