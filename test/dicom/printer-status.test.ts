/** Every status of printers and print jobs: what the operator reads, the symbol, what becomes of the queue. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  judgePrinter,
  PRINTER_SETS,
  PRINTER_STATUSES,
  type PrinterSet,
} from '../../runtime/dicom/services/printer-status.js';

const test = suite('printer statuses');

/** Counted and picked from the tables 51 to 56 by hand; every status that is in neither list asks for something soon. */
const COUNTS: Record<PrinterSet | 'jobs', number> = {
  standard: 107,
  agfa: 3,
  'kodak-pacs-link': 1,
  'kodak-190': 2,
  'kodak-2180': 4,
  codonics: 34,
  jobs: 4,
};
const STOPPED: Partial<Record<PrinterSet | 'jobs', string[]>> = {
  standard: ['ELEC CONFIG ERR', 'ELEC SW ERROR', 'REQ MED NOT AVAI'],
  'kodak-190': ['FATAL ERROR'],
  'kodak-2180': ['FATAL'],
  // the second as the standard abbreviates it, PS3.3 C.13.9.1: a CS has 16 characters
  jobs: ['INVALID PAGE DES', 'INSUFFICIENT MEMORY', 'INSUFFIC MEMORY'],
};
const IDLE: Partial<Record<PrinterSet | 'jobs', string[]>> = {
  standard: ['NORMAL', 'CALIBRATING', 'PRINTER INIT', 'PROC INIT', 'QUEUED'],
  agfa: ['WARMING UP', 'NONE'],
  codonics: ['STANDARD'],
  jobs: ['NONE'],
};
/** Shown without words. */
const SILENT = ['QUEUED', 'NONE'];

for (const set of [...PRINTER_SETS, 'jobs'] as const) {
  test(`${set}: each row has its message, its symbol and its queue`, () => {
    const rows = set === 'jobs' ? PRINTER_STATUSES.jobs : PRINTER_STATUSES.sets[set];
    assert.is(rows.length, COUNTS[set]);
    assert.is(new Set(rows.map(({ info }) => info)).size, rows.length, 'each once');
    const sets = set === 'jobs' ? [] : [set];
    const of = set === 'jobs' ? 'printJob' : 'printer';
    for (const { info, text } of rows) {
      const expected = STOPPED[set]?.includes(info) ? 'stopped' : IDLE[set]?.includes(info) ? 'idle' : 'interact';
      for (const state of ['NORMAL', 'WARNING', 'FAILURE']) {
        for (const sent of [info, ` ${info} `, info.toUpperCase()]) {
          const judged = judgePrinter({ of, state, info: sent }, sets);
          assert.is(judged.symbol, expected, info);
          assert.is(judged.stopsQueue, expected === 'stopped', info);
          assert.is(judged.message, text, info);
        }
      }
      assert.is(text === '', SILENT.includes(info), info);
      if (expected === 'stopped') assert.match(text, /Queue stopped/);
    }
  });
}

test('an unknown status is shown as it came; of a failure it stops the queue', () => {
  const judge = (state: string, info: string, sets: PrinterSet[] = []) =>
    judgePrinter({ of: 'printer', state, info }, sets);
  assert.equal(judge('WARNING', 'DOOR AJAR'), {
    state: 'WARNING',
    info: 'DOOR AJAR',
    message: 'Camera: DOOR AJAR.',
    symbol: 'interact',
    stopsQueue: false,
  });
  assert.equal(judge('FAILURE', 'DOOR AJAR'), {
    state: 'FAILURE',
    info: 'DOOR AJAR',
    message: 'Camera: DOOR AJAR. Queue stopped.',
    symbol: 'stopped',
    stopsQueue: true,
  });
  assert.is(judge('NORMAL', '').symbol, 'idle');
  assert.match(judge('FAILURE', '').message, /no details/);
});

test("a vendor's status is known only where that vendor is set, and never of a print job", () => {
  const warming = (sets: PrinterSet[]) =>
    judgePrinter({ of: 'printer', state: 'WARNING', info: 'WARMING UP' }, sets).symbol;
  assert.is(warming([]), 'interact');
  assert.is(warming(['codonics']), 'interact');
  assert.is(warming(['agfa']), 'idle');
  assert.is(warming(['codonics', 'agfa']), 'idle');
  const job = judgePrinter({ of: 'printJob', state: 'FAILURE', info: 'NO TONER' }, ['kodak-2180']);
  assert.is(job.symbol, 'stopped');
  assert.is(judgePrinter({ of: 'printer', state: 'FAILURE', info: 'NO TONER' }, ['kodak-2180']).symbol, 'interact');
  assert.is(judgePrinter({ of: 'printer', state: 'FAILURE', info: 'INVALID PAGE DES' }).symbol, 'stopped');
});

test('an execution status of a job that goes on does not stop anything', () => {
  assert.is(judgePrinter({ of: 'printJob', state: 'PENDING', info: 'SOMETHING NEW' }).stopsQueue, false);
  assert.is(judgePrinter({ of: 'printJob', state: 'PENDING', info: 'QUEUED' }).symbol, 'idle');
  assert.is(judgePrinter({ of: 'printJob', state: 'FAILURE', info: 'INSUFFICIENT MEMORY' }).stopsQueue, true);
});

test.run();
