/** The thread that pumps between sockets and files, beside the plain way in TypeScript: the same outcome whatever comes. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { CT_IMAGE, scratch } from '../helpers/dicom.js';
import { associateRq, commandPdu, RawPeer } from '../helpers/raw-peer.js';

const test = suite('pump');
const NETWORK_MS = 700;

interface Server {
  folder: string;
  port: number;
  child: ChildProcess;
}

const servers: Server[] = [];

async function startServer(env: Record<string, string>): Promise<Server> {
  const folder = scratch();
  const script = fileURLToPath(new URL('../helpers/store-server.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, folder, String(NETWORK_MS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout!.once('data', (text: Buffer) => resolve(Number(text)));
    child.once('exit', (code) => reject(new Error(`the server ended: ${code}`)));
  });
  return { folder, port, child };
}

test.before(async () => {
  servers.push(await startServer({}), await startServer({ PETRIG_ADDON: 'none' }));
});
test.after(() => {
  for (const { child } of servers) child.kill();
});

/** Small seeded generator: whole numbers below `n`. */
function dice(seed: number): (n: number) => number {
  let state = seed * 2654435761 + 1;
  return (n) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) | 0;
    return ((state ^ (state >>> 13)) >>> 0) % n;
  };
}

/** Bytes without a pattern, the same for the same seed. */
function randomBytesOf(length: number, seed: number): Buffer {
  const key = Buffer.alloc(32, seed & 0xff);
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** A dataset in fragments of odd and even sizes, some empty, several to a PDU. */
function framed(data: Buffer, roll: (n: number) => number): { bytes: Buffer; headers: number[] } {
  const parts: Buffer[] = [];
  const headers: number[] = [];
  let length = 0;
  for (let offset = 0; offset < data.length; ) {
    const fragments: Buffer[] = [];
    for (let count = 1 + roll(3), room = 28_000; count > 0 && offset < data.length; count--) {
      const size = roll(5) === 0 ? 0 : Math.min(data.length - offset, Math.max(1, roll(room - 6)));
      const head = Buffer.alloc(6);
      head.writeUInt32BE(size + 2);
      head[4] = 1;
      head[5] = offset + size === data.length ? 2 : 0;
      fragments.push(head, data.subarray(offset, offset + size));
      offset += size;
      room = Math.max(16, room - size - 6);
      if (room < 100) break;
    }
    const body = Buffer.concat(fragments);
    const head = Buffer.from([4, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(body.length, 2);
    headers.push(length);
    parts.push(head, body);
    length += 6 + body.length;
  }
  return { bytes: Buffer.concat(parts), headers };
}

type Damage = (bytes: Buffer, headers: number[], roll: (n: number) => number) => Buffer;

const DAMAGE: Record<string, Damage> = {
  none: (bytes) => bytes,
  'a byte of a header': (bytes, headers, roll) => {
    bytes[headers[roll(headers.length)]! + roll(12)]! ^= 1 << roll(8);
    return bytes;
  },
  'an A-ABORT between PDUs': (bytes, headers, roll) => {
    const at = headers[1 + roll(headers.length - 1)]!;
    return Buffer.concat([bytes.subarray(0, at), Buffer.from([7, 0, 0, 0, 0, 4, 0, 0, 0, 0])]);
  },
  'a release within the dataset': (bytes, headers, roll) => {
    const at = headers[1 + roll(headers.length - 1)]!;
    return Buffer.concat([bytes.subarray(0, at), Buffer.from([5, 0, 0, 0, 0, 4, 0, 0, 0, 0])]);
  },
  'the end is missing': (bytes, _headers, roll) => bytes.subarray(0, bytes.length - 1 - roll(5000)),
  'a PDU longer than was agreed': (bytes, headers, roll) => {
    bytes.writeUInt32BE(0x7fff_ffff, headers[roll(headers.length)]! + 2);
    return bytes;
  },
};

interface Outcome {
  /** Types of the PDUs that came, and the status of a response. */
  answers: string[];
  sha256: string | undefined;
}

async function send({ port, folder }: Server, seed: number, damage: string): Promise<Outcome> {
  const roll = dice(seed);
  const uid = `2.25.${seed + 1}`;
  const data = randomBytesOf(150_000 + roll(150_000), seed);
  const { bytes, headers } = framed(data, roll);
  const stream = DAMAGE[damage]!(bytes, headers, roll);
  const peer = await RawPeer.connect(port);
  peer.send(associateRq({ 1: CT_IMAGE }));
  assert.is((await peer.next()).type, 2);
  const command = { CommandField: 1, MessageID: 7, Priority: 0, AffectedSOPClassUID: CT_IMAGE };
  peer.send(commandPdu(1, { ...command, AffectedSOPInstanceUID: uid }, true));
  for (let offset = 0; offset < stream.length; ) {
    const size = roll(3) === 0 ? 1 + roll(20) : 1 + roll(90_000);
    peer.send(stream.subarray(offset, offset + size));
    offset += size;
    if (roll(4) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const answers: string[] = [];
  for (;;) {
    const { type, body } = await peer.next(20_000);
    if (type === 0) break;
    answers.push(type === 4 ? `status ${decodeCommand(body.subarray(6)).Status}` : `type ${type}`);
    if (type === 4) peer.send({ type: 'release-rq' });
    if (type === 6) break;
  }
  peer.end();
  const path = join(folder, `${uid}.dcm`);
  if (!existsSync(path)) return { answers, sha256: undefined };
  const stored = readFileSync(path);
  const dataset = stored.subarray(144 + stored.readUInt32LE(140));
  if (damage === 'none') assert.ok(dataset.equals(data), 'the dataset is kept byte for byte');
  return { answers, sha256: createHash('sha256').update(dataset).digest('hex') };
}

test('what is received, refused and kept is the same with and without the thread, for streams whole and broken', async () => {
  const kinds = Object.keys(DAMAGE);
  const cases = Array.from({ length: 36 }, (_, i) => ({ seed: i, damage: kinds[i % kinds.length]! }));
  const seen = new Set<string>();
  for (let start = 0; start < cases.length; start += 18) {
    const batch = cases.slice(start, start + 18).map(async ({ seed, damage }) => {
      const [pumped, plain] = await Promise.all(servers.map((server) => send(server, seed, damage)));
      assert.equal(pumped, plain, `${damage}, seed ${seed}`);
      seen.add(`${damage}: ${pumped!.answers.join(' ')}`);
    });
    await Promise.all(batch);
  }
  assert.ok(seen.has('none: status 0 type 6'), [...seen].join('\n'));
  assert.ok(seen.has('the end is missing: type 7'), [...seen].join('\n'));
  assert.ok(seen.has('a PDU longer than was agreed: type 7'), [...seen].join('\n'));
  for (const { folder } of servers) {
    assert.equal(
      readdirSync(folder).filter((name) => name.endsWith('.part')),
      [],
      'no half file is left',
    );
  }
});

test.run();
