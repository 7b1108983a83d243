#pragma once
// One loop compiled for several instruction sets, chosen when the program runs: what is shipped runs on any x86-64.

#include <cstring>

#define PETRIG_INLINE __attribute__((always_inline)) inline

#if defined(__x86_64__) && defined(__GNUC__)
/// Defines `name` as the faster of two compilations of `body`, an always_inline function of the same parameters.
#define PETRIG_DISPATCH(name, body, parameters, arguments)                                              \
  __attribute__((target("avx2,fma"))) static void name##Avx2 parameters { body arguments; }             \
  static void name##Base parameters { body arguments; }                                                 \
  void name parameters {                                                                                \
    static const bool fast = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");           \
    (fast ? name##Avx2 : name##Base) arguments;                                                         \
  }
#else
#define PETRIG_DISPATCH(name, body, parameters, arguments) \
  void name parameters { body arguments; }
#endif

namespace petrig::ct {

/// Eight floats: one register of AVX2, two of the base set.
typedef float Eight __attribute__((vector_size(32)));
inline constexpr int kLanes = 8;

PETRIG_INLINE void load(const float* from, Eight& to) { std::memcpy(&to, from, sizeof to); }
PETRIG_INLINE void store(const Eight& from, float* to) { std::memcpy(to, &from, sizeof from); }

}  // namespace petrig::ct
