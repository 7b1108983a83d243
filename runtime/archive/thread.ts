import { Worker } from 'node:worker_threads';

/** Starts `module`, named without its extension, beside this one; run from sources the thread has to learn TypeScript first. */
export function startThread(module: string, workerData: unknown): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL(`./${module}.js`, import.meta.url), { workerData });
  }
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(new URL(`./${module}.ts`, import.meta.url).href);
  const script = `import(${loader}).then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(script, { eval: true, workerData });
}
