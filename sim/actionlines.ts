import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { asScannerError } from '../hal/base/errors.js';
import { parseAction, type SimAction } from './actions.js';
import type { BenchStats } from './bench.js';

/** Longer lines are no actions; a fault script fits. */
const LINE_LIMIT = 1024 * 1024;

/**
 * Serves actions as lines of JSON, e.g. `{"do":"pressEmergencyStop"}`. Each is answered with a line
 * `{"ok":true,"stats":{...}}` or `{"ok":false,"error":{...}}`.
 */
export function serveActionLines(
  input: Readable,
  output: Writable,
  act: (action: SimAction) => BenchStats | Promise<BenchStats>,
): void {
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const answer = (value: object) => {
    if (output.writable) output.write(`${JSON.stringify(value)}\n`);
  };
  let order = Promise.resolve();
  lines.on('line', (line) => {
    if (line.trim() === '') return;
    order = order.then(async () => {
      try {
        answer({ ok: true, stats: await act(parseLine(line)) });
      } catch (error) {
        answer({ ok: false, error: asScannerError(error).toJSON() });
      }
    });
  });
}

function parseLine(line: string): SimAction {
  if (line.length > LINE_LIMIT) return parseAction(undefined, 'line too long');
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return parseAction(undefined, `not JSON: ${(error as Error).message}`);
  }
  return parseAction(value);
}
