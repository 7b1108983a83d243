import { readTable } from '../../hal/base/table.js';
import { ACCEPTED, Board, type Handler, type ModelIdentity, refuse, type WireRecord } from './board.js';
import type { Permit } from './lines.js';

const FIRMWARE: { identity: ModelIdentity; relayMs: number } = readTable(import.meta.url, './interlock.json');

/**
 * The safety chain: stop button, door contact and a latch in relays. It opens the permit lines itself, a relay's
 * drop-out time after the cause; the host only watches, asks for a stop, or resets the latch once all is well.
 */
export class InterlockBoard extends Board {
  readonly name = 'interlock';
  readonly identity = FIRMWARE.identity;
  #pressed = false;
  #doorClosed = true;
  #latched = false;
  #causeMs: number | undefined;

  protected readonly handlers: Readonly<Record<string, Handler>> = {
    stopAll: () => {
      this.#trip(this.agenda.now());
      return ACCEPTED;
    },
    reset: () => {
      if (this.#pressed) return refuse('chainOpen', 'the emergency stop is pressed');
      if (!this.#doorClosed) return refuse('chainOpen', 'the door is open');
      this.#latched = false;
      const at = this.agenda.now();
      this.plan(at, () => this.emit('chainReset', at));
      this.#settle(at);
      return ACCEPTED;
    },
  };

  /** When the chain was last opened by a hand, a door or the host, scanner ms. */
  get causeMs(): number | undefined {
    return this.#causeMs;
  }

  readState(): WireRecord {
    return {
      emergencyStop: this.#pressed,
      doorClosed: this.#doorClosed,
      tripped: this.#latched,
      beamPermit: this.lines.beamPermit.level === 'closed',
      motionPermit: this.lines.motionPermit.level === 'closed',
    };
  }

  pressEmergencyStop(): void {
    if (this.#pressed) return;
    this.#pressed = true;
    this.#trip(this.agenda.now());
  }

  releaseEmergencyStop(): void {
    if (!this.#pressed) return;
    this.#pressed = false;
    this.emit('emergencyStopReleased', this.agenda.now());
  }

  openDoor(): void {
    if (!this.#doorClosed) return;
    const at = this.agenda.now();
    this.#doorClosed = false;
    this.#causeMs = at;
    this.#settle(at);
    this.emit('doorOpened', at);
  }

  closeDoor(): void {
    if (this.#doorClosed) return;
    const at = this.agenda.now();
    this.#doorClosed = true;
    this.#settle(at);
    this.emit('doorClosed', at);
  }

  /** A board without power holds no relay: the chain opens, and stays open until it is reset. */
  protected reset(atMs: number): void {
    this.#latched = true;
    this.#causeMs = atMs;
    this.#settle(atMs);
  }

  #trip(at: number): void {
    this.#latched = true;
    this.#causeMs = at;
    this.#settle(at);
    this.emit('emergencyStopPressed', at);
  }

  /** Relays follow their cause after the drop-out time. */
  #settle(at: number): void {
    const level: Permit = this.#latched ? 'emergencyStop' : this.#doorClosed ? 'closed' : 'door';
    this.plan(at + FIRMWARE.relayMs, (ms) => {
      this.lines.beamPermit.drive(level, ms);
      this.lines.motionPermit.drive(level, ms);
      this.changed();
    });
  }
}
