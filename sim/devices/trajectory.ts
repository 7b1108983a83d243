/** One piece of a motion: constant acceleration for some seconds. */
export interface Phase {
  seconds: number;
  /** Units a second squared. */
  acceleration: number;
}

interface Piece {
  fromMs: number;
  position: number;
  velocity: number;
  acceleration: number;
}

const KEPT_PIECES = 1024;

/**
 * Where an axis is, as a closed function of time: pieces of constant acceleration, the last one open-ended.
 * Positions in any unit u, velocities in u/s, times in scanner ms. The past stays readable, so that a detector
 * can ask later where the axis was.
 */
export class Trajectory {
  #pieces: Piece[];

  constructor(position: number, atMs: number) {
    this.#pieces = [{ fromMs: atMs, position, velocity: 0, acceleration: 0 }];
  }

  position(ms: number): number {
    return positionOn(this.#pieceAt(ms), ms);
  }

  velocity(ms: number): number {
    const piece = this.#pieceAt(ms);
    return piece.velocity + piece.acceleration * seconds(piece, ms);
  }

  /**
   * From `ms` on the axis makes `phases`, then keeps its speed: what was planned before is dropped.
   * @param end what the axis has exactly after the last phase, so that rounding does not accumulate.
   * @returns when the last phase ends, ms.
   */
  follow(ms: number, phases: readonly Phase[], end: { velocity: number; position?: number }): number {
    let position = this.position(ms);
    let velocity = this.velocity(ms);
    let at = ms;
    this.#pieces = this.#pieces.filter((piece) => piece.fromMs < ms);
    for (const { seconds: s, acceleration } of phases) {
      this.#pieces.push({ fromMs: at, position, velocity, acceleration });
      position += velocity * s + (acceleration * s * s) / 2;
      velocity += acceleration * s;
      at += s * 1000;
    }
    this.#pieces.push({ fromMs: at, position: end.position ?? position, velocity: end.velocity, acceleration: 0 });
    if (this.#pieces.length > KEPT_PIECES) this.#pieces.splice(0, this.#pieces.length - KEPT_PIECES);
    return at;
  }

  /** When the axis first passes `position` at or after `fromMs`, ms; undefined when it never does on its present plan. */
  timeAt(position: number, fromMs: number): number | undefined {
    for (let index = this.#indexAt(fromMs); index < this.#pieces.length; index++) {
      const piece = this.#pieces[index]!;
      const end = this.#pieces[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
      const begin = Math.max(fromMs, piece.fromMs);
      const hit = crossing(piece, position)
        .map((s) => piece.fromMs + s * 1000)
        .find((ms) => ms >= begin - 1e-6 && ms <= end + 1e-6);
      if (hit !== undefined) return Math.max(hit, begin);
    }
    return undefined;
  }

  #indexAt(ms: number): number {
    let index = this.#pieces.length - 1;
    while (index > 0 && this.#pieces[index]!.fromMs > ms) index--;
    return index;
  }

  #pieceAt(ms: number): Piece {
    return this.#pieces[this.#indexAt(ms)]!;
  }
}

/** Phases of a move of `distance` (signed) from standstill to standstill: trapezoid, or triangle where it is short. */
export function trapezoid(distance: number, speed: number, acceleration: number): Phase[] {
  const sign = Math.sign(distance);
  const length = Math.abs(distance);
  const peak = Math.min(speed, Math.sqrt(length * acceleration));
  if (peak === 0) return [];
  const ramp = peak / acceleration;
  return [
    { seconds: ramp, acceleration: sign * acceleration },
    { seconds: Math.max(0, (length - peak * ramp) / peak), acceleration: 0 },
    { seconds: ramp, acceleration: -sign * acceleration },
  ];
}

/** Phase that takes an axis from one velocity to another. */
export function ramp(from: number, to: number, acceleration: number): Phase {
  return { seconds: Math.abs(to - from) / acceleration, acceleration: Math.sign(to - from) * acceleration };
}

function seconds(piece: Piece, ms: number): number {
  return Math.max(0, ms - piece.fromMs) / 1000;
}

function positionOn(piece: Piece, ms: number): number {
  const s = seconds(piece, ms);
  return piece.position + piece.velocity * s + (piece.acceleration * s * s) / 2;
}

/** Times in s after the start of the piece at which it is at `position`, rising. */
function crossing(piece: Piece, position: number): number[] {
  const c = piece.position - position;
  const { velocity: v, acceleration: a } = piece;
  if (a === 0) return v === 0 ? (c === 0 ? [0] : []) : [-c / v];
  const root = v * v - 2 * a * c;
  if (root < 0) return [];
  return [(-v - Math.sqrt(root)) / a, (-v + Math.sqrt(root)) / a].sort((x, y) => x - y);
}
