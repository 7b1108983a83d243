import type { DeviceName } from '../contract/device.js';
import type { Link } from '../link/link.js';
import type { BulkFrame } from '../wire/frame.js';
import { BulkInlet, DrainGate } from './bulk-inlet.js';
import { type DriverOptions, type Shape, WireDriver } from './wire-driver.js';

export interface BulkDriverOptions extends DriverOptions {
  /** Opens a new bulk link each time. @throws ScannerError link.open */
  openBulk(): Promise<Link>;
}

/** A device with detector data beside its control link. */
export abstract class BulkDriver<S extends Shape> extends WireDriver<S> {
  protected readonly gate: DrainGate;
  readonly #inlet: BulkInlet;

  constructor(name: DeviceName, options: BulkDriverOptions) {
    super(name, options);
    this.gate = new DrainGate(options.clock);
    this.#inlet = new BulkInlet({
      openBulk: options.openBulk,
      onFrame: (frame) => this.takeBulk(frame),
      onFault: (code, text) => (code === 'bulkClosed' ? this.fail(code, text) : this.fault(code, text)),
    });
  }

  /** @throws ScannerError data.invalid */
  protected abstract takeBulk(frame: BulkFrame): void;

  protected override openMore(): Promise<void> {
    return this.#inlet.open();
  }

  protected override async closeMore(): Promise<void> {
    this.gate.abandon();
    await this.#inlet.close();
  }

  /** Emits `drained` when all its data are here; when they do not come, after a fault that says what is missing. */
  protected emitDrained(event: S['events'], id: number, expected: number, unit: string): void {
    this.gate.hold(id, expected, (complete, received) => {
      if (!complete) this.fault('bulkIncomplete', `${received} of ${expected} ${unit} came`);
      super.emit(event);
    });
  }
}
