import type { KernelOptions } from '../../native/addon.js';

/** Kernel options for a step that stands for the part `from`..`to` of the whole job's progress. */
export function partOf(run: KernelOptions, from: number, to: number): KernelOptions {
  const { threads, signal, onProgress } = run;
  return { threads, signal, onProgress: (fraction) => onProgress?.(from + (to - from) * fraction) };
}
