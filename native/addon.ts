import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ScannerError } from '../hal/base/errors.js';

/** A kernel of the addon: writes its result into typed arrays of `options`. */
type NativeKernel = (options: object, control: Int32Array, threads: number) => Promise<void>;

let addon: Record<string, unknown> | undefined;

/** Where the built addon is looked for. */
export function addonPath(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'binding.gyp')) && dirname(dir) !== dir) dir = dirname(dir);
  return process.env.PETRIG_ADDON ?? join(dir, 'build', 'Release', 'petrig.node');
}

/** The loaded addon. @throws ScannerError native.load, saying what to do. */
export function loadAddon(): Record<string, unknown> {
  if (addon) return addon;
  try {
    addon = createRequire(import.meta.url)(addonPath()) as Record<string, unknown>;
    return addon;
  } catch (cause) {
    throw new ScannerError('native.load', { message: (cause as Error).message }, cause);
  }
}

export interface KernelOptions {
  /** Threads of this call; all cores when absent. */
  threads?: number;
  signal?: AbortSignal;
  /** Fraction done, 0 to 1, every 100 ms of wall time. */
  onProgress?: (fraction: number) => void;
}

/**
 * Runs one kernel off the event loop.
 * @throws ScannerError native.failed, or timeout.aborted when `signal` fires (within one chunk of work).
 */
export async function runKernel(name: string, options: object, run: KernelOptions = {}): Promise<void> {
  const kernel = loadAddon()[name] as NativeKernel | undefined;
  if (!kernel) throw new ScannerError('native.failed', { kernel: name, message: 'not in the built addon' });
  if (run.signal?.aborted) throw new ScannerError('timeout.aborted', { what: `kernel ${name}` }, run.signal.reason);
  const control = new Int32Array(new SharedArrayBuffer(8));
  const cancel = () => Atomics.store(control, 0, 1);
  run.signal?.addEventListener('abort', cancel, { once: true });
  const timer = run.onProgress && setInterval(() => run.onProgress?.(Atomics.load(control, 1) / 1000), 100);
  try {
    await kernel(options, control, run.threads ?? availableParallelism());
    run.onProgress?.(1);
  } catch (cause) {
    if (run.signal?.aborted) throw new ScannerError('timeout.aborted', { what: `kernel ${name}` }, cause);
    throw new ScannerError('native.failed', { kernel: name, message: (cause as Error).message }, cause);
  } finally {
    clearInterval(timer);
    run.signal?.removeEventListener('abort', cancel);
  }
}

/** Checks a kernel argument. @throws ScannerError native.argument */
export function expectArgument(kernel: string, what: string, ok: boolean, got: unknown, expected: string): asserts ok {
  if (!ok) throw new ScannerError('native.argument', { kernel, what, got: String(got), expected });
}
