import type { CtDetector } from './ctdetector.js';
import type { Gantry } from './gantry.js';
import type { Gating } from './gating.js';
import type { Generator } from './generator.js';
import type { Interlock } from './interlock.js';
import type { PetRings } from './petrings.js';
import type { Table } from './table.js';

/** The acquisition chain as the controller sees it. */
export interface Chain {
  interlock: Interlock;
  gantry: Gantry;
  table: Table;
  generator: Generator;
  ctdetector: CtDetector;
  petrings: PetRings;
  gating: Gating;
}
