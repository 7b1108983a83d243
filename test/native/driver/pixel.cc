#include "pixel/pixel.h"

#include <cmath>

#include "case.h"

namespace {

using petrig::JobControl;
using namespace petrig::pixel;

std::vector<float> wild(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = std::sin(static_cast<float>(i)) * std::pow(10.0f, static_cast<float>(i % 40));
  values[0] = NAN;
  values[1] = -INFINITY;
  values[2] = INFINITY;
  return values;
}

const driver::Register stored("quantise and window take any float", [](const JobControl& control) {
  const auto values = wild(600'001);
  std::vector<uint16_t> words(values.size());
  quantise(values, {0.5, -1024, 0, 65535}, words, control);
  std::vector<uint16_t> words2(values.size());
  quantise(values, {2, 3, -32768, 32767}, words2, control);
  std::vector<uint8_t> bytes(values.size());
  window(values, -160, 240, bytes, control);
  auto all = driver::doubles(words);
  driver::append(all, driver::doubles(words2));
  driver::append(all, driver::doubles(bytes));
  return all;
});

const driver::Register moments("statistics", [](const JobControl& control) {
  std::vector<float> values(600'001, 2.5f);
  return driver::doubles(statistics(values, control));
});

const driver::Register plane("a plane through and far beyond a volume of 1 x 3 x 2", [](const JobControl& control) {
  const std::vector<float> data{1, 2, 3, 4, 5, 6};
  std::vector<float> out(37 * 19);
  samplePlane({data, {1, 3, 2}, {2, 2, 2}, {0, 0, 0}}, {{-3, -3, -3}, {0.2, 0.3, 0.1}, {0.01, 0.1, 0.4}, 37, 19}, -1, out,
              control);
  return driver::doubles(out);
});

}  // namespace
