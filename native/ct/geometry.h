#pragma once
// CT geometry: source above the patient at angle 0, moving toward patient left; fan on an arc around the source.

#include <numbers>

namespace petrig::ct {

inline constexpr int kChannels = 736;
inline constexpr double kSourceIsocentre = 595.0;  // mm
inline constexpr double kSourceDetector = 1085.6;  // mm
inline constexpr double kChannelPitch = 1.2858;    // mm at the detector
inline constexpr double kFanStep = kChannelPitch / kSourceDetector;  // rad
/// Channel (fractional) of the central ray: the quarter offset makes opposite rays interleave.
inline constexpr double kCentralChannel = 367.5 - 0.25;
/// Detector words are 4096 x (-ln(I/I0)) + 1024.
inline constexpr float kWordScale = 4096.0f;
inline constexpr float kWordOffset = 1024.0f;

inline constexpr double fanAngle(double channel) { return (channel - kCentralChannel) * kFanStep; }

/// Row height at the isocentre, mm from the middle of the detector.
inline constexpr double rowHeight(int row, int rows, double rowPitch) { return (row - (rows - 1) / 2.0) * rowPitch; }

}  // namespace petrig::ct
