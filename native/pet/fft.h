#pragma once
// Complex Fourier transform of a power of two of values, in place.

#include <complex>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

namespace petrig::pet {

class Fft {
 public:
  /// @param size a power of two
  explicit Fft(size_t size) : size_(size), turns_(size / 2), reversed_(size) {
    for (size_t i = 0; i < size / 2; ++i) {
      turns_[i] = std::polar<float>(1.0F, static_cast<float>(-2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(size)));
    }
    for (size_t i = 1; i < size; ++i) reversed_[i] = reversed_[i / 2] / 2 + (i & 1 ? size / 2 : 0);
  }

  size_t size() const { return size_; }

  void forward(std::complex<float>* x) const {
    for (size_t i = 0; i < size_; ++i) {
      if (i < reversed_[i]) std::swap(x[i], x[reversed_[i]]);
    }
    for (size_t half = 1; half < size_; half *= 2) {
      const size_t turn = size_ / (2 * half);
      for (size_t begin = 0; begin < size_; begin += 2 * half) {
        for (size_t k = 0; k < half; ++k) {
          const std::complex<float> w = turns_[k * turn], b = x[begin + half + k];
          // written out: the library's product tests for infinities
          const std::complex<float> t(w.real() * b.real() - w.imag() * b.imag(), w.real() * b.imag() + w.imag() * b.real());
          x[begin + half + k] = x[begin + k] - t;
          x[begin + k] += t;
        }
      }
    }
  }

  /// Inverse without the division by the size.
  void backward(std::complex<float>* x) const {
    for (size_t i = 0; i < size_; ++i) x[i] = std::conj(x[i]);
    forward(x);
    for (size_t i = 0; i < size_; ++i) x[i] = std::conj(x[i]);
  }

 private:
  size_t size_;
  std::vector<std::complex<float>> turns_;
  std::vector<size_t> reversed_;
};

}  // namespace petrig::pet
