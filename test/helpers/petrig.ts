/** The program as its users run it: processes of the command line, started and stopped by tests. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect as connectService } from '../../runtime/cli/connection.js';
import type { ConfigInput } from '../../runtime/config.js';
import type { ServiceClient } from '../../runtime/service/client.js';
import type { ExamReport, ServiceEvent } from '../../runtime/service/operations.js';

const SOURCE = fileURLToPath(new URL('../../runtime/cli/petrig.ts', import.meta.url));
/** Arguments of node that run the program: the compiled one when the runner has made it, else its source. */
export const PROGRAM: readonly string[] = process.env.PETRIG_TEST_PROGRAM
  ? [process.env.PETRIG_TEST_PROGRAM]
  : ['--import', 'tsx', SOURCE];
const READY_MS = 60_000;

export interface PetrigProcess {
  pid: number;
  /** The document it printed when it was ready. */
  ready: Record<string, unknown>;
  /** What it wrote on stderr so far. */
  output(): string;
  exited: Promise<number | null>;
  /** SIGTERM, and waits for its end. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

const running = new Set<ChildProcess>();

/** Kills what a test that failed in its midst has left: for `test.after`, or the file would wait for it. */
export async function killLeftOvers(): Promise<void> {
  const ends = [...running].map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ends);
}

/** A folder of its own for a test, removed when the process ends. */
export function testFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `petrig-${name}-`));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function launch(args: readonly string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [...PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('close', () => running.delete(child));
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { child, output: () => text };
}

/** Starts a command that keeps running and prints a JSON document when ready (`--json` is added). */
export async function startPetrig(args: readonly string[]): Promise<PetrigProcess> {
  const { child, output } = launch([...args, '--json']);
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    let stdout = '';
    const timer = setTimeout(() => reject(new Error(`petrig ${args[0]} was not ready: ${output()}`)), READY_MS);
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      if (!stdout.trimEnd().endsWith('}')) return;
      clearTimeout(timer);
      resolve(JSON.parse(stdout) as Record<string, unknown>);
    });
    void exited.then((code) => reject(new Error(`petrig ${args.join(' ')} ended with ${code}: ${output()}`)));
  });
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
  };
  return { pid: child.pid!, ready, output, exited, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}

/** Runs a command to its end. */
export function runPetrig(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { child, output } = launch(args);
  let stdout = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr: output() })));
}

/** A server in `folder` with a configuration of its own; ports are free ones unless given. */
export async function startServe(folder: string, config: ConfigInput): Promise<PetrigProcess> {
  const file = join(folder, 'site.json');
  const full: ConfigInput = {
    speed: 50,
    logLevel: 'warn',
    dicom: { port: 0 },
    service: { port: 0 },
    data: join(folder, 'data'),
    ...config,
  };
  writeFileSync(file, JSON.stringify(full));
  return startPetrig(['serve', '--config', file]);
}

export function clientOf(folder: string): Promise<ServiceClient> {
  return connectService({ data: join(folder, 'data') });
}

/** Resolves at the first event that `pick` takes. */
export function nextEvent(
  client: ServiceClient,
  pick: (event: ServiceEvent) => boolean,
  ms = 120_000,
): Promise<ServiceEvent> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the event did not come')), ms);
    void client.onEvent((event) => {
      if (!pick(event)) return;
      clearTimeout(timer);
      resolve(event);
    });
  });
}

/** Resolves when work in a stage is seen under way. */
export function inStage(client: ServiceClient, stage: string): Promise<unknown> {
  return nextEvent(client, (event) => event.type === 'progress' && event.stage === stage && event.fraction > 0);
}

/** Waits until an examination is in a phase. */
export async function inPhase(client: ServiceClient, examId: string, phase: string): Promise<ExamReport> {
  const end = performance.now() + 30_000;
  for (;;) {
    const report = await client.call<ExamReport>('exam.get', { examId });
    if (report.phase === phase) return report;
    if (performance.now() > end) throw new Error(`${report.phase}, not ${phase}: ${report.reason}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Waits until an examination is over whatever its end was. */
export async function examOver(client: ServiceClient, examId: string, ms = 180_000): Promise<ExamReport> {
  const end = Date.now() + ms;
  for (;;) {
    const report = await client.call<ExamReport>('exam.get', { examId });
    if (report.phase === 'completed' || report.phase === 'discontinued') return client.call('exam.wait', { examId });
    if (Date.now() > end) throw new Error(`examination is still ${report.phase}: ${JSON.stringify(report)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Does something to the simulated hardware of another process, through the socket in its folder. */
export function actOnRig(folder: string, action: object): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const socket = connect(join(folder, 'control'));
    let text = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (!text.includes('\n')) return;
      socket.destroy();
      resolve(JSON.parse(text) as Record<string, unknown>);
    });
    socket.write(`${JSON.stringify(action)}\n`);
  });
}
