import { readTable } from '../../hal/base/table.js';

interface BlocksTable {
  blocks: number;
  blockCelsius: number;
  blockSpreadCelsius: number;
  hotCelsius: number;
}

const FIRMWARE: BlocksTable = readTable(import.meta.url, './petrings.json');

/** Which detector blocks count, and how warm each is. Each block has its own place in the cooling air. */
export class BlockHealth {
  readonly #failed = new Set<number>();
  readonly #celsius = Float32Array.from(
    { length: FIRMWARE.blocks },
    (_, block) => FIRMWARE.blockCelsius + FIRMWARE.blockSpreadCelsius * Math.sin(block * 2.399963),
  );

  get failed(): readonly number[] {
    return [...this.#failed].sort((a, b) => a - b);
  }

  /** @throws RangeError when there is no such block */
  fail(block: number): void {
    this.#check(block);
    this.#failed.add(block);
  }

  repair(): void {
    this.#failed.clear();
  }

  /** @returns true when that is too hot */
  heat(block: number, celsius: number): boolean {
    this.#check(block);
    this.#celsius[block] = celsius;
    return celsius > FIRMWARE.hotCelsius;
  }

  hottest(): number {
    return this.#celsius.reduce((a, b) => Math.max(a, b));
  }

  temperatures(): Float32Array {
    return this.#celsius.slice();
  }

  /** A letter a block: `.` counts, `F` failed, `H` too hot. */
  status(): string {
    return Array.from(this.#celsius, (celsius, block) => {
      if (this.#failed.has(block)) return 'F';
      return celsius > FIRMWARE.hotCelsius ? 'H' : '.';
    }).join('');
  }

  #check(block: number): void {
    if (!Number.isInteger(block) || block < 0 || block >= FIRMWARE.blocks)
      throw new RangeError(`block ${block}: 0 to ${FIRMWARE.blocks - 1}`);
  }
}
