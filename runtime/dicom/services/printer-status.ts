import { readTable } from '../../../hal/base/table.js';

/** What a printer's state asks of people: nothing, something soon, or at once because its queue stands. */
export type PrinterSymbol = 'idle' | 'interact' | 'stopped';

interface Row {
  /** Printer Status Info (2110,0020) or Execution Status Info (2100,0030). */
  info: string;
  /** For the operator; empty where nothing is shown. */
  text: string;
  symbol: PrinterSymbol;
  /** Of the queue of this camera. */
  queue: 'run' | 'stop';
}

export const PRINTER_SETS = ['standard', 'agfa', 'kodak-pacs-link', 'kodak-190', 'kodak-2180', 'codonics'] as const;
export type PrinterSet = (typeof PRINTER_SETS)[number];
/** Vendors' sets besides the standard's. */
export type PrinterSets = readonly PrinterSet[];

interface StatusTable {
  /** Tables 51 to 56 of the statement, by their headings. */
  sets: Readonly<Record<PrinterSet, readonly Row[]>>;
  /** Those of print jobs alone: the end of Table 51. INSUFFICIENT MEMORY is too long for a CS; cameras send the abbreviation of PS3.3 C.13.9.1. */
  jobs: readonly Row[];
  /** For an info that no row has, by the state that it came with. */
  others: Readonly<Record<string, Omit<Row, 'info'>>>;
}

/** Every printer status and execution status, and what is done about it: statement 3.5.2.1.3.8. */
export const PRINTER_STATUSES: Readonly<StatusTable> = readTable(import.meta.url, '../tables/printer-statuses.json');

export interface Reported {
  of: 'printer' | 'printJob';
  /** NORMAL, WARNING, FAILURE; PENDING, PRINTING, DONE, FAILURE for a job. */
  state: string;
  /** As it came; blanks around it and the case of its letters do not matter. */
  info: string;
}

/** What was reported and what it means. */
export interface PrinterStatus {
  state: string;
  info: string;
  /** For the operator; empty where nothing is shown. */
  message: string;
  symbol: PrinterSymbol;
  /** The queue of this camera is to stop. */
  stopsQueue: boolean;
}

const READY = PRINTER_STATUSES.sets.standard[0]!;

/**
 * The row of a status. The statement writes `8x10`, cameras send `8X10` as the standard's terms are: both are meant.
 * @param sets vendors' sets in which a printer's info is looked for after the standard one
 */
export function judgePrinter({ of, state, info }: Reported, sets: PrinterSets = []): PrinterStatus {
  const name = info.trim();
  const own = of === 'printer' ? sets.map((set) => PRINTER_STATUSES.sets[set]) : [PRINTER_STATUSES.jobs];
  const rows = [PRINTER_STATUSES.sets.standard, ...own].flat();
  const found = rows.find((row) => row.info.toUpperCase() === name.toUpperCase());
  const { text, symbol, queue } = found ?? PRINTER_STATUSES.others[state] ?? READY;
  const message = text.replace('{info}', name || 'no details');
  return { state, info: name, message, symbol, stopsQueue: queue === 'stop' };
}
