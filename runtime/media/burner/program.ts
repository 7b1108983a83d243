/** Programs that make and burn discs: their output, their end, their complaints. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { ScannerError } from '../../../hal/base/errors.js';

/** The end of what a program says is kept for its error. */
const COMPLAINT_LIMIT = 4000;

export interface RunningProgram {
  child: ChildProcess;
  /** Resolves when it has ended well. @throws ScannerError device.fault with what it said last, timeout.aborted */
  ended: Promise<void>;
  /** What it said on stderr and, unless that is piped, on stdout. */
  said: () => string;
}

/** @param output who reads the program's standard output: our caller, or nobody but `said` */
export function startProgram(
  program: string,
  args: readonly string[],
  output: 'caller' | 'said',
  signal?: AbortSignal,
): RunningProgram {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  const hear = (chunk: Buffer) => {
    text = (text + chunk.toString('latin1')).slice(-COMPLAINT_LIMIT);
  };
  child.stderr.on('data', hear);
  if (output === 'said') child.stdout.on('data', hear);
  child.stdin.on('error', () => {}); // a program that has ended takes no more; its exit code tells why
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  const ended = endOf(child, program, () => text, signal).finally(() => signal?.removeEventListener('abort', kill));
  ended.catch(() => {}); // whoever awaits it is told
  return { child, ended, said: () => text };
}

async function endOf(child: ChildProcess, program: string, said: () => string, signal?: AbortSignal): Promise<void> {
  try {
    const [code, killed] = (await once(child, 'close')) as [number | null, string | null];
    if (signal?.aborted) throw new ScannerError('timeout.aborted', { what: program });
    if (code === 0) return;
    const fault = `${program} ended with ${killed ?? code}: ${lastComplaint(said())}`;
    throw new ScannerError('device.fault', { device: 'burner', fault });
  } catch (error) {
    if (error instanceof ScannerError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new ScannerError('device.fault', { device: 'burner', fault: `${program}: ${message}` }, error);
  }
}

/** The line that says what is wrong, or the last one. */
function lastComplaint(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.find((line) => /FAILURE|FATAL|SORRY/.test(line)) ?? lines.at(-1) ?? 'it said nothing';
}
