import type { Clock } from '../hal/base/clock.js';
import type { Log } from '../hal/base/log.js';
import type { BulkDeviceName } from '../hal/link/endpoints.js';
import type { Link } from '../hal/link/link.js';
import { WIRE_DEVICES, type WireDeviceName } from '../hal/wire/dictionary.js';
import { DeviceNode } from '../hal/wire/node.js';
import type { SimAction } from './actions.js';
import { actOnBoards } from './boardactions.js';
import { BulkOutlet } from './bulkoutlet.js';
import type { Notice } from './devices/board.js';
import type { CtPhysics } from './devices/ctdetector.js';
import type { PetPhysics } from './devices/petrings.js';
import { type Boards, makeScanner } from './devices/scanner.js';
import { FaultPlayer, parseFaultScript } from './faults.js';
import { HostLink } from './hostlink.js';
import { WorldCt, WorldPet } from './scannerphysics.js';
import { PatientSignals } from './signals.js';
import { DEFAULT_NUCLIDE, type PatientChange, World } from './world.js';

export interface BenchOptions {
  clock: Clock;
  log: Log;
  seed: number;
  /** Name or path, or more about the patient on the table. */
  phantom: string | PatientChange;
  /** Instead of the physics of the world. */
  ctPhysics?: CtPhysics;
  petPhysics?: PetPhysics;
}

export interface BenchStats {
  beamOn: boolean;
  /** Scanner ms from the last opening of the safety chain during an exposure until the tube was dark. */
  beamOffLatencyMs: number | null;
  ctBlocksSent: number;
  petBlocksSent: number;
  /** Bulk blocks that no host was there to take. */
  bulkBlocksLost: number;
  phantom: string;
}

export interface Bench {
  readonly boards: Boards;
  readonly world: World;
  /** Serves a host that has come; the one before on that device is left. */
  connectControl(device: WireDeviceName, link: Link): void;
  connectBulk(device: BulkDeviceName, link: Link): void;
  /** Tells hosts where bulk data are served; 0 when they need not know. */
  setBulkPort(device: BulkDeviceName, port: number): void;
  /** @throws ScannerError operator.unknown, config.invalid */
  act(action: SimAction): BenchStats;
  close(): void;
}

/** The whole simulated scanner: boards, their nodes, and the patient, ready to be put on links. */
export function createBench(options: BenchOptions): Bench {
  return new ScannerBench(options);
}

class ScannerBench implements Bench {
  readonly boards: Boards;
  readonly world: World;
  readonly #clock: Clock;
  readonly #nodes: Record<WireDeviceName, DeviceNode>;
  readonly #outlets: Record<BulkDeviceName, BulkOutlet> = { ctdetector: new BulkOutlet(), petrings: new BulkOutlet() };
  readonly #signals: PatientSignals;
  readonly #faults: FaultPlayer;
  readonly #muteUntil = new Map<WireDeviceName, number>();
  readonly #closeAgenda: () => void;
  #beamOffLatencyMs: number | null = null;

  constructor({ clock, log, seed, phantom, ctPhysics, petPhysics }: BenchOptions) {
    this.#clock = clock;
    const patient = typeof phantom === 'string' ? { phantom } : phantom;
    this.world = new World(seed, {
      referenceMs: clock.now(),
      nuclide: DEFAULT_NUCLIDE,
      activityScale: 1,
      ...patient,
    });
    this.#signals = new PatientSignals(seed, clock.now());
    const outlets = this.#outlets;
    const { boards, agenda } = makeScanner({
      clock,
      log,
      ctPhysics: ctPhysics ?? new WorldCt(this.world),
      petPhysics: petPhysics ?? new WorldPet(this.world),
      readings: (block) => outlets.ctdetector.readings(block, boards.ctdetector.deviceTimeUs()),
      words: (block) => outlets.petrings.words(block, boards.petrings.deviceTimeUs()),
      signal: (source) => this.#signals.of(source),
    });
    this.boards = boards;
    this.#closeAgenda = () => agenda.close();
    this.#faults = new FaultPlayer({ agenda, act: (action) => void this.act(action) });
    const node = (device: WireDeviceName) => new DeviceNode({ model: boards[device], clock, log });
    this.#nodes = Object.fromEntries(WIRE_DEVICES.map((device) => [device, node(device)])) as Record<
      WireDeviceName,
      DeviceNode
    >;
    for (const device of WIRE_DEVICES) boards[device].watch((notice: Notice) => this.#notice(notice));
  }

  connectControl(device: WireDeviceName, link: Link): void {
    const { wall } = this.#clock;
    const isCut = () => wall.now() < (this.#muteUntil.get(device) ?? 0);
    this.#nodes[device].connect(new HostLink(link, { wall, isCut }));
  }

  connectBulk(device: BulkDeviceName, link: Link): void {
    this.#outlets[device].connect(link);
  }

  setBulkPort(device: BulkDeviceName, port: number): void {
    this.boards[device].bulkPort = port;
  }

  act(action: SimAction): BenchStats {
    const { boards } = this;
    switch (action.do) {
      case 'setPhantom': {
        const { do: _, ...change } = action;
        this.world.setPatient(change, this.#clock.now());
        break;
      }
      case 'setHeart': {
        const { do: _, ...heart } = action;
        this.#signals.setHeart(heart);
        break;
      }
      case 'setBreath': {
        const { do: _, ...breath } = action;
        this.#signals.setBreath(breath);
        break;
      }
      case 'muteLink':
        this.#muteUntil.set(action.device, this.#clock.wall.now() + action.seconds * 1000);
        break;
      case 'runFaults':
        this.#faults.run(parseFaultScript(action.script));
        break;
      case 'stats':
        break;
      default:
        actOnBoards(boards, action);
    }
    return this.#stats();
  }

  close(): void {
    this.#faults.stop();
    for (const device of WIRE_DEVICES) {
      this.#nodes[device].close();
      this.boards[device].reboot(); // outputs off, physics cancelled
    }
    this.#closeAgenda();
    for (const outlet of Object.values(this.#outlets)) outlet.close();
  }

  #notice(notice: Notice): void {
    this.#faults.notice(notice);
    if (notice.name !== 'exposureEnded') return;
    const { reason } = notice.fields;
    const cause = this.boards.interlock.causeMs;
    if ((reason === 'emergencyStop' || reason === 'interlock') && cause !== undefined)
      this.#beamOffLatencyMs = this.boards.generator.beamOffMs! - cause;
  }

  #stats(): BenchStats {
    const { ctdetector, petrings } = this.#outlets;
    return {
      beamOn: Boolean(this.boards.generator.readState().beamOn),
      beamOffLatencyMs: this.#beamOffLatencyMs,
      ctBlocksSent: ctdetector.sentBlocks,
      petBlocksSent: petrings.sentBlocks,
      bulkBlocksLost: ctdetector.lostBlocks + petrings.lostBlocks,
      phantom: this.world.patient.phantom,
    };
  }
}
