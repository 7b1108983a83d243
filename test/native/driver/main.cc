// Runs every case with 1 and with 4 threads and compares the answers.
#include <cmath>

#include "case.h"

int main() {
  for (const auto& each : driver::cases()) {
    std::vector<double> answers[2];
    const int threads[2] = {1, 4};
    for (int i = 0; i < 2; ++i) {
      std::atomic<int32_t> cancel{0};
      std::atomic<int32_t> permille{0};
      answers[i] = each.run({&cancel, &permille, threads[i]});
    }
    driver::expect(!answers[0].empty() && answers[0].size() == answers[1].size(), each.name.c_str());
    double largest = 0;
    for (const double value : answers[0]) largest = std::max(largest, std::abs(value));
    driver::expect(std::isfinite(largest) && largest > 0, each.name.c_str());
    for (size_t k = 0; k < answers[0].size(); ++k)
      driver::expect(std::abs(answers[0][k] - answers[1][k]) <= 1e-4 * largest, each.name.c_str());
    std::printf("ran %s: %zu values\n", each.name.c_str(), answers[0].size());
  }
  std::printf("cases %zu\n", driver::cases().size());
  return 0;
}
