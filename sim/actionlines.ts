import type { Readable, Writable } from 'node:stream';
import { asScannerError, ScannerError } from '../hal/base/errors.js';
import { parseAction, type SimAction } from './actions.js';
import type { BenchStats } from './bench.js';

/** Longer lines are no actions; a fault script fits. Characters. */
const LINE_LIMIT = 1024 * 1024;

/**
 * Serves actions as lines of JSON, e.g. `{"do":"pressEmergencyStop"}`. Each is answered with a line
 * `{"ok":true,"stats":{...}}` or `{"ok":false,"error":{...}}`. Input without an end of line is given up.
 */
export function serveActionLines(input: Readable, output: Writable, act: (action: SimAction) => BenchStats): void {
  let rest = '';
  const answer = (value: object) => {
    if (output.writable) output.write(`${JSON.stringify(value)}\n`);
  };
  input.setEncoding('utf8');
  input.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') answer(obey(line, act));
    if (rest.length <= LINE_LIMIT) return;
    answer({ ok: false, error: new ScannerError('limit.size', { what: 'line', value: rest.length, max: LINE_LIMIT }) });
    rest = '';
    input.destroy();
  });
}

function obey(line: string, act: (action: SimAction) => BenchStats): object {
  try {
    return { ok: true, stats: act(parseAction(readJson(line))) };
  } catch (error) {
    return { ok: false, error: asScannerError(error).toJSON() };
  }
}

function readJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    const { message } = cause as Error;
    throw new ScannerError('config.invalid', { where: 'action line', message, expected: 'a JSON object' }, cause);
  }
}
