/** The simulated devices at the far end of links of any kind, and the drivers at the near end. */

import { type Clock, ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import type { Fault } from '../../hal/contract/device.js';
import { createDrivers } from '../../hal/driver/chain.js';
import { linksAt, parseEndpoint } from '../../hal/link/endpoints.js';
import type { Link } from '../../hal/link/link.js';
import { memoryPair } from '../../hal/link/memory.js';
import { openSerial } from '../../hal/link/serial.js';
import { connectTcp, listenTcp } from '../../hal/link/tcp.js';
import { BulkSender } from '../../hal/wire/bulk.js';
import { WIRE_DEVICES, type WireDeviceName } from '../../hal/wire/dictionary.js';
import { DeviceNode } from '../../hal/wire/node.js';
import { openPtyPair } from '../../native/pty.js';
import { type Boards, makeScanner } from '../../sim/devices/scanner.js';
import { type FaultRule, FaultyLink } from './faulty-link.js';

export type BenchKind = 'memory' | 'pty' | 'tcp';

export interface Far {
  boards: Boards;
  nodes: ReadonlyMap<WireDeviceName, DeviceNode>;
  /** How often each command was carried out, e.g. `table.halt`. */
  executed: Map<string, number>;
  openControl(device: WireDeviceName): Promise<Link>;
  openBulk(device: WireDeviceName): Promise<Link>;
  close(): Promise<void>;
}

export type ChainBench = Awaited<ReturnType<typeof makeChainBench>>;

/** @param speed of scanner time */
export async function makeChainBench(kind: BenchKind, options: { speed?: number; rules?: readonly FaultRule[] } = {}) {
  const clock = new ScaledClock({ speed: options.speed ?? 10 });
  const far = await makeFar(kind, clock);
  const controls = new Map<WireDeviceName, FaultyLink>();
  const chain = createDrivers({
    clock,
    log: silentLog,
    async openControl(name) {
      const link = new FaultyLink(await far.openControl(name), {
        clock,
        rules: options.rules,
        reboot: () => far.boards[name].reboot(),
      });
      controls.set(name, link);
      return link;
    },
    openBulk: (name) => far.openBulk(name),
  });
  const faults: Fault[] = [];
  for (const name of WIRE_DEVICES) chain[name].faults$.subscribe((fault) => faults.push(fault));
  return {
    ...far,
    chain,
    clock,
    faults,
    control: (name: WireDeviceName) => controls.get(name)!,
    async close() {
      await chain.close();
      await far.close();
    },
  };
}

/** Drivers on hardware outside, at `serial:DIR` or `tcp:HOST:PORT`. */
export function outsideChain(endpoint: string) {
  const clock = new ScaledClock();
  const links = linksAt(parseEndpoint(endpoint), clock);
  return { chain: createDrivers({ ...links, clock, log: silentLog }), clock };
}

async function makeFar(kind: BenchKind, clock: Clock): Promise<Far> {
  const bulk = new Map<WireDeviceName, BulkSender>();
  const executed = new Map<string, number>();
  const { boards } = makeScanner({
    clock,
    log: silentLog,
    ctPhysics: {
      project: async ({ angles, rows, channels }) => new Uint16Array(angles.length * rows * channels).fill(1024),
    },
    petPhysics: { slice: async ({ startSeconds, seconds }) => timeTags(startSeconds, seconds) },
    readings: async (block) => bulk.get('ctdetector')?.sendReadings(block, 0n),
    words: async (block) => bulk.get('petrings')?.sendWords(block, 0n),
    signal: (source) => wave(source === 'ecg' ? 800 : 4000),
  });
  const pairs = WIRE_DEVICES.map((name) => {
    const board = boards[name];
    const command = board.command.bind(board);
    board.command = (what, args) => {
      executed.set(`${name}.${what}`, (executed.get(`${name}.${what}`) ?? 0) + 1);
      return command(what, args);
    };
    return [name, new DeviceNode({ model: board, clock, log: silentLog })] as const;
  });
  const node = new Map(pairs);
  const attach = (name: WireDeviceName, link: Link) => node.get(name)!.connect(link);
  const attachBulk = (name: WireDeviceName, link: Link) => bulk.set(name, new BulkSender(link));
  const transport = await TRANSPORTS[kind]({ attach, attachBulk, clock });
  return {
    boards,
    nodes: node,
    executed,
    openControl: transport.openControl,
    openBulk: transport.openBulk,
    async close() {
      for (const one of node.values()) one.close();
      await transport.close();
    },
  };
}

interface TransportOptions {
  attach(name: WireDeviceName, link: Link): void;
  attachBulk(name: WireDeviceName, link: Link): void;
  clock: Clock;
}

type Transport = Pick<Far, 'openControl' | 'openBulk' | 'close'>;

const TRANSPORTS: Record<BenchKind, (options: TransportOptions) => Promise<Transport>> = {
  async memory({ attach, attachBulk }) {
    const open = (serve: TransportOptions['attach']) => async (name: WireDeviceName) => {
      const [near, far] = memoryPair();
      serve(name, far);
      return near;
    };
    return { openControl: open(attach), openBulk: open(attachBulk), async close() {} };
  },

  async pty(options) {
    const pairs = new Map(WIRE_DEVICES.map((name) => [name, openPtyPair()]));
    const far: Link[] = [];
    for (const [name, pair] of pairs) {
      const link = await openSerial({ path: pair.b, device: name });
      far.push(link);
      options.attach(name, link);
    }
    // a serial line cannot carry detector data: it goes by TCP
    const tcp = await TRANSPORTS.tcp({ ...options, attach() {} });
    return {
      openControl: (name) => openSerial({ path: pairs.get(name)!.a, device: name }),
      openBulk: tcp.openBulk,
      async close() {
        await Promise.all([...far.map((link) => link.close()), tcp.close()]);
        for (const pair of pairs.values()) pair.close();
      },
    };
  },

  async tcp({ attach, attachBulk, clock }) {
    const host = '127.0.0.1';
    const listen = (serve: TransportOptions['attach']) =>
      Promise.all(
        WIRE_DEVICES.map(async (name) => {
          const server = await listenTcp({ host, port: 0, onLink: (link) => serve(name, link) });
          return [name, server] as const;
        }),
      );
    const control = new Map(await listen(attach));
    const bulk = new Map(await listen(attachBulk));
    const connect = (servers: typeof control) => (name: WireDeviceName) =>
      connectTcp({ host, port: servers.get(name)!.port, device: name, clock });
    return {
      openControl: connect(control),
      openBulk: connect(bulk),
      async close() {
        await Promise.all([...control.values(), ...bulk.values()].map((server) => server.close()));
      },
    };
  },
};

/** A list-mode stream of nothing but its time tags, one each ms. */
function timeTags(startSeconds: number, seconds: number) {
  const first = Math.ceil(startSeconds * 1000);
  const count = Math.ceil((startSeconds + seconds) * 1000) - first;
  const words = Uint32Array.from({ length: count }, (_, i) => (0x8000_0000 | (first + i)) >>> 0);
  return { words, prompts: 0, delayeds: 0, singles: 0 };
}

function wave(periodMs: number) {
  return {
    valueAt: (ms: number) => Math.sin((2 * Math.PI * ms) / periodMs),
    nextTrigger: (ms: number) => (Math.floor(ms / periodMs) + 1) * periodMs,
    perMinute: () => 60_000 / periodMs,
  };
}
