import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Dataset, isDataset } from '../../runtime/dicom/dataset/dataset.js';
import { fromPlain, type PlainDataset } from '../../runtime/dicom/dataset/plain.js';
import type { Node } from '../../runtime/dicom/services/session.js';

/** DICOM programs of other makers, started for a test and stopped by their pid. Run inside `enterPrivateNetwork`: they bind every address. */
export interface Peer {
  node: Node;
  pid: number;
  /** What it printed so far. */
  output(): string;
  /** Resolves with its exit code once it is gone. */
  exited: Promise<number | null>;
  stop(): Promise<void>;
}

export interface Orthanc extends Peer {
  /** REST: the parsed JSON answer. */
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
  /** The answer to a PUT is not read. */
  put(path: string, body: unknown): Promise<void>;
}

const READY_MS = 30_000;
const ENVIRONMENT = { ...process.env, TCP_NODELAY: '1' }; // without it Debian's DCMTK waits 40 ms an acknowledgement

/** @throws Error naming the missing program and its Debian package */
export function needTool(tool: string, debianPackage: string): void {
  if (spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0) return;
  throw new Error(`${tool} is needed by this test: apt-get install ${debianPackage}`);
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Runs a program to its end. */
export function runTool(tool: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  needTool(tool, 'dcmtk');
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'pipe'], env: ENVIRONMENT });
    const output = collect(child);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: output() }));
  });
}

/** DCMTK's storage SCP, taking any class; objects land in `folder`. */
export async function startStorescp(options: {
  folder: string;
  aeTitle?: string;
  args?: readonly string[];
}): Promise<Peer> {
  const { folder, aeTitle = 'STORESCP', args = [] } = options;
  needTool('storescp', 'dcmtk');
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const all = ['-v', '-aet', aeTitle, '-pm', '+xa', '-od', folder, ...args, String(port)];
  return startPeer('storescp', all, { aeTitle, host: '127.0.0.1', port });
}

/** DCMTK's worklist SCP over entries given as JSON with dictionary keywords. */
export async function startWorklist(options: {
  folder: string;
  aeTitle?: string;
  entries: readonly PlainDataset[];
}): Promise<Peer> {
  const { folder, aeTitle = 'WLM', entries } = options;
  needTool('wlmscpfs', 'dcmtk');
  await writeWorklist(join(folder, aeTitle), entries);
  const port = await freePort();
  const args = ['-v', '-csk', '-dfp', folder, '-rfp', folder, String(port)];
  return startPeer('wlmscpfs', args, { aeTitle, host: '127.0.0.1', port });
}

/** Entries as `.wl` files, which DCMTK and Orthanc read anew at each query. */
export async function writeWorklist(folder: string, entries: readonly PlainDataset[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'lockfile'), '');
  for (const [i, entry] of entries.entries()) {
    const dump = join(folder, `entry${i}.dump`);
    const ds = fromPlain(entry);
    const latin = String(ds['00080005']?.Value[0] ?? '') === 'ISO_IR 100';
    writeFileSync(dump, dumpOf(ds).join('\n'), latin ? 'latin1' : 'utf8');
    const made = await runTool('dump2dcm', ['-q', dump, join(folder, `entry${i}.wl`)]);
    if (made.code !== 0) throw new Error(`dump2dcm: ${made.output}`);
  }
}

const WORKLIST_PLUGIN = '/usr/share/orthanc/plugins/libModalityWorklists.so';

/** Orthanc with an empty store; `modalities` are the nodes that it may send to. */
export async function startOrthanc(options: {
  folder: string;
  modalities?: Record<string, Node>;
  /** A folder of `.wl` files that its worklist plugin offers. */
  worklist?: string;
}): Promise<Orthanc> {
  needTool('Orthanc', 'orthanc');
  const { folder, modalities = {}, worklist } = options;
  mkdirSync(folder, { recursive: true });
  const [port, httpPort] = [await freePort(), await freePort()];
  const configuration = {
    Name: 'petrig test',
    StorageDirectory: join(folder, 'store'),
    IndexDirectory: join(folder, 'store'),
    Plugins: worklist ? [WORKLIST_PLUGIN] : [],
    Worklists: { Enable: worklist !== undefined, Database: worklist ?? '' },
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    DicomAet: 'ORTHANC',
    DicomPort: port,
    DicomModalities: Object.fromEntries(
      Object.entries(modalities).map(([name, node]) => [name, [node.aeTitle, node.host, node.port]]),
    ),
    UnknownSopClassAccepted: true,
    DicomAlwaysAllowStore: true,
    DicomAlwaysAllowFind: true,
    DicomAlwaysAllowMove: true,
    DicomAlwaysAllowGet: true,
  };
  const path = join(folder, 'orthanc.json');
  writeFileSync(path, JSON.stringify(configuration));
  const peer = await startPeer('Orthanc', [path], { aeTitle: 'ORTHANC', host: '127.0.0.1', port }, [port, httpPort]);
  const call = async (target: string, init?: RequestInit): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}${target}`, init);
    if (!answer.ok) throw new Error(`Orthanc ${target}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return {
    ...peer,
    get: (target) => call(target),
    post: (target, body) => call(target, { method: 'POST', body: JSON.stringify(body) }),
    put: async (target, body) => {
      const answer = await fetch(`http://127.0.0.1:${httpPort}${target}`, {
        method: 'PUT',
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`Orthanc ${target}: ${answer.status} ${await answer.text()}`);
    },
  };
}

/** Waits until `probe` gives something. */
export async function eventually<T>(probe: () => Promise<T | undefined> | T | undefined, ms = READY_MS): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`nothing came within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Any program that listens on `node.port` once it is ready. */
export async function startPeer(tool: string, args: readonly string[], node: Node, ports = [node.port]): Promise<Peer> {
  const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'pipe'], env: ENVIRONMENT });
  const output = collect(child);
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stopNow = () => child.kill('SIGKILL');
  process.once('exit', stopNow);
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`${tool} ended: ${output()}`);
    return ports.every(isListening) || undefined;
  });
  const stop = async () => {
    process.removeListener('exit', stopNow);
    child.kill('SIGTERM');
    const hard = setTimeout(stopNow, 5000);
    await exited;
    clearTimeout(hard);
  };
  return { node, pid: child.pid!, output, exited, stop };
}

/** Asks the kernel rather than the peer, which would log a broken association. */
function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const listening = new RegExp(`:${hex} [0-9A-F]+:0000 0A `);
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((table) => listening.test(readFileSync(table, 'latin1')));
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString('latin1')).slice(-200_000);
    });
  }
  return () => text;
}

/** A dataset as dump2dcm reads it. */
function dumpOf(ds: Dataset): string[] {
  return Object.keys(ds)
    .sort()
    .flatMap((tag) => {
      const { vr, Value } = ds[tag]!;
      const name = `(${tag.slice(0, 4)},${tag.slice(4)}) ${vr}`;
      if (vr !== 'SQ') return [`${name} [${Value.map(String).join('\\')}]`];
      const items = Value.filter(isDataset).flatMap((item) => ['(fffe,e000) na', ...dumpOf(item), '(fffe,e00d) na']);
      return [name, ...items, '(fffe,e0dd) na'];
    });
}
