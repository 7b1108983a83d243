import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import type { CtBlock, WordBlock } from '../../hal/wire/blocks.js';
import { Agenda } from './agenda.js';
import { CtDetectorBoard, type CtPhysics, type Sink } from './ctdetector.js';
import { GantryBoard } from './gantry.js';
import { GatingBoard, type GatingOptions } from './gating.js';
import { GeneratorBoard } from './generator.js';
import { InterlockBoard } from './interlock.js';
import { type Lines, makeLines } from './lines.js';
import { type PetPhysics, PetRingsBoard } from './petrings.js';
import { TableBoard } from './table.js';

export interface ScannerOptions {
  clock: Clock;
  log: Log;
  ctPhysics: CtPhysics;
  petPhysics: PetPhysics;
  readings: Sink<CtBlock>;
  words: Sink<WordBlock>;
  signal: GatingOptions['signal'];
}

/** All boards of the acquisition chain. */
export interface Boards {
  interlock: InterlockBoard;
  gantry: GantryBoard;
  table: TableBoard;
  generator: GeneratorBoard;
  ctdetector: CtDetectorBoard;
  petrings: PetRingsBoard;
  gating: GatingBoard;
}

export interface Scanner {
  boards: Boards;
  agenda: Agenda;
  lines: Lines;
}

/** Builds the boards and wires them with each other; no host is on any link yet. */
export function makeScanner(options: ScannerOptions): Scanner {
  const agenda = new Agenda(options.clock);
  const lines = makeLines(agenda.now());
  const base = { agenda, lines, log: options.log };
  const gantry = new GantryBoard(base);
  const table = new TableBoard(base);
  const boards: Boards = {
    interlock: new InterlockBoard(base),
    gantry,
    table,
    generator: new GeneratorBoard(base),
    ctdetector: new CtDetectorBoard({ ...base, gantry, table, physics: options.ctPhysics, sink: options.readings }),
    petrings: new PetRingsBoard({ ...base, table, physics: options.petPhysics, sink: options.words }),
    gating: new GatingBoard({ ...base, signal: options.signal }),
  };
  return { boards, agenda, lines };
}
