#pragma once
// Small jobs for the kernels, run under the sanitizers. A case is registered by its file and returns what the kernel computed.

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "parallel.h"

namespace driver {

struct Case {
  std::string name;
  std::function<std::vector<double>(const petrig::JobControl&)> run;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Register {
  Register(std::string name, std::function<std::vector<double>(const petrig::JobControl&)> run) {
    cases().push_back({std::move(name), std::move(run)});
  }
};

inline void expect(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

template <class Values>
std::vector<double> doubles(const Values& values) {
  return {values.begin(), values.end()};
}

inline void append(std::vector<double>& to, const std::vector<double>& more) { to.insert(to.end(), more.begin(), more.end()); }

}  // namespace driver
