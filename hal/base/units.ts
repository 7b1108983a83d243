/** Units as types. They are plain numbers at run time; the names say what a number means. */

export type Millimetre = number;
export type MillimetrePerSecond = number;
export type Degree = number;
export type Second = number;
export type Millisecond = number;
/** Microseconds of device time since the device booted. */
export type DeviceMicroseconds = bigint;
export type Kilovolt = number;
export type Milliampere = number;
export type MilliampereSecond = number;
/** Heat units: kVp x mA x s for a constant-potential generator times 1.35. */
export type HeatUnit = number;
export type Becquerel = number;
export type BecquerelPerMillilitre = number;
export type KiloElectronVolt = number;
export type Milligray = number;
/** Linear attenuation, 1/mm. */
export type PerMillimetre = number;
