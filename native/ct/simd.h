#pragma once
// One loop compiled for several instruction sets, chosen when the program runs: what is shipped runs on any x86-64.

#if defined(__x86_64__) && defined(__GNUC__)
/// Defines `name` as the fastest of three compilations of `body`, an always_inline function of the same signature.
#define PETRIG_DISPATCH(name, body, parameters, arguments)                                      \
  __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))) static void name##Avx512 parameters { body arguments; } \
  __attribute__((target("avx2,fma"))) static void name##Avx2 parameters { body arguments; }     \
  static void name##Base parameters { body arguments; }                                         \
  void name parameters {                                                                        \
    static const int level = petrig::ct::simdLevel();                                           \
    (level == 2 ? name##Avx512 : level == 1 ? name##Avx2 : name##Base) arguments;               \
  }
#else
#define PETRIG_DISPATCH(name, body, parameters, arguments) \
  void name parameters { body arguments; }
#endif

#define PETRIG_INLINE __attribute__((always_inline)) inline

namespace petrig::ct {

/// 2: AVX-512, 1: AVX2 with FMA, 0: what every processor of the architecture has.
inline int simdLevel() {
#if defined(__x86_64__) && defined(__GNUC__)
  const bool fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return 2;
  return fma ? 1 : 0;
#else
  return 0;
#endif
}

}  // namespace petrig::ct
