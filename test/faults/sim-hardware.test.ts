import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { readTable } from '../../hal/base/table.js';
import { linksAt, parseEndpoint } from '../../hal/link/endpoints.js';
import type { Link } from '../../hal/link/link.js';
import { WIRE_DEVICES } from '../../hal/wire/dictionary.js';
import { type Hardware, type HardwareAddress, startHardware } from '../../sim/hardware.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { collect, TestHost } from '../unit/sim-host.js';

enterPrivateNetwork();

const BASE_PORT = 21_000;
const clock = () => new ScaledClock({ speed: 10 });

interface Rig {
  hardware: Hardware;
  host(device: TestHost['device']): Promise<TestHost>;
  bulk(device: TestHost['device']): Promise<Link>;
  directory: string;
}

function onHardware(name: string, kind: 'pty' | 'tcp', body: (rig: Rig) => Promise<void>): void {
  test(name, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'petrig-rig-'));
    const address: HardwareAddress = kind === 'pty' ? { pty: directory } : { tcp: BASE_PORT };
    const hardware = await startHardware(address, {
      clock: clock(),
      log: silentLog,
      seed: 3,
      phantom: 'uniform-cylinder',
    });
    const links = linksAt(parseEndpoint(hardware.endpoint), new ScaledClock());
    const open: (() => void)[] = [];
    const keep = <T extends Link>(link: T): T => {
      open.push(() => void link.close());
      return link;
    };
    try {
      await body({
        hardware,
        directory,
        bulk: async (device) => keep(await links.openBulk(device)),
        host: async (device) => {
          const host = new TestHost(device, await links.openControl(device));
          open.push(() => void host.close());
          return host;
        },
      });
    } finally {
      for (const close of open) close();
      await hardware.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

async function fire(generator: TestHost): Promise<void> {
  await generator.activate();
  await generator.command('prepare', { kv: 80, ma: 20, maxSeconds: 100 });
  await generator.event('ready');
  assert.is((await generator.command('arm', { trigger: 'host' })).kind, 'accepted');
  assert.is((await generator.command('fire')).kind, 'accepted');
}

for (const kind of ['pty', 'tcp'] as const) {
  onHardware(`${kind}: every device answers, and a PET frame comes whole`, kind, async ({ host, bulk, hardware }) => {
    for (const device of WIRE_DEVICES) if (device !== 'petrings') await (await (await host(device)).activate()).close();
    const petrings = await (await host('petrings')).activate();
    const got = collect(await bulk('petrings'));
    await petrings.command('start', { frameId: 2, seconds: 1 });
    const { fields } = await petrings.event('drained', 20_000);
    await petrings.until(() => got.words.reduce((sum, block) => sum + block.words.length, 0) === fields.words, 'words');
    assert.equal(got.problems, []);
    assert.is(hardware.act({ do: 'stats' }).bulkBlocksLost, 0);
  });

  onHardware(
    `${kind}: a host that dies in mid-exposure leaves no beam; the next one is served`,
    kind,
    async ({ host, hardware }) => {
      const first = await host('generator');
      await fire(first);
      const died = performance.now();
      await first.close();
      while (hardware.act({ do: 'stats' }).beamOn && performance.now() - died < 2000)
        await new Promise((resolve) => setTimeout(resolve, 5));
      const silence = performance.now() - died;
      assert.ok(silence > 140 && silence < 500, `beam off after ${silence} ms of silence`);
      console.log(`${kind}: beam off ${silence.toFixed(0)} ms after the host's end`);
      const second = await (await host('generator')).activate();
      await second.until(() => second.state.phase === 'standby', 'standby');
      await fire(second);
      assert.is(hardware.act({ do: 'stats' }).beamOn, true);
    },
  );
}

onHardware('tcp: a later host takes the device over', 'tcp', async ({ host }) => {
  const first = await (await host('table')).activate();
  const second = await (await host('table')).activate();
  assert.is((await second.command('home')).kind, 'accepted');
  await second.event('homed');
  await first.until(() => first.lost, 'loss');
});

onHardware('a fault script makes an arc in the exposure, then reboots and mutes', 'tcp', async ({ host, hardware }) => {
  const script = readTable<unknown>(import.meta.url, './sim-trouble.json');
  const table = await (await host('table')).activate();
  const generator = await host('generator');
  await generator.activate();
  hardware.act({ do: 'runFaults', script });
  await fire(generator);
  const { fields } = await generator.event('exposureEnded');
  assert.is(fields.reason, 'arc');
  // 0.3 ms until the high voltage has gone
  assert.ok(Math.abs(Number(fields.seconds) - 0.2503) < 1e-5, String(fields.seconds));
  await table.until(() => table.lost, 'loss of the muted link');
  await generator.until(() => generator.rebooted, 'reboot');
  assert.throws(
    () => hardware.act({ do: 'runFaults', script: { name: 'x', steps: [{ atSeconds: -1, action: { do: 'arc' } }] } }),
    (error: Error) => /steps\.0/.test(error.message),
  );
});

function lines(socket: Socket): (text: string) => Promise<Record<string, unknown>> {
  const answers = createInterface({ input: socket })[Symbol.asyncIterator]();
  return async (text) => {
    socket.write(`${text}\n`);
    return JSON.parse(String((await answers.next()).value)) as Record<string, unknown>;
  };
}

onHardware(
  'hands act through lines of JSON; what is no action is answered, not obeyed',
  'pty',
  async ({ host, directory }) => {
    const socket = connect(join(directory, 'control'));
    const say = lines(socket);
    const interlock = await (await host('interlock')).activate();
    assert.is((await say('{"do":"openDoor"}')).ok, true);
    await interlock.event('doorOpened');
    await interlock.until(() => interlock.state.beamPermit === false, 'open chain');
    for (const wrong of [
      '{"do":"explode"}',
      'not json',
      '[]',
      '{"do":"failBlock","block":1e9}',
      '{"do":"setPhantom","phantom":"../../etc"}',
    ])
      assert.is((await say(wrong)).ok, false, wrong);
    assert.is((await say('{"do":"closeDoor"}')).ok, true);
    socket.destroy();
  },
);

test('stale links of a killed simulator are replaced, other files are not, and nothing is left behind', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'petrig-rig-'));
  const options = { clock: clock(), log: silentLog, seed: 3, phantom: 'air' };
  try {
    symlinkSync('/dev/pts/nowhere', join(directory, 'table'));
    const hardware = await startHardware({ pty: directory }, options);
    assert.ok(lstatSync(join(directory, 'table')).isSymbolicLink());
    assert.ok(existsSync(join(directory, 'table')), 'points at a terminal');
    const ports = JSON.parse(readFileSync(join(directory, 'bulk.json'), 'utf8'));
    assert.ok(ports.ctdetector.port > 0 && ports.petrings.port > 0);
    await hardware.close();
    assert.equal(readdirSync(directory), []);
    writeFileSync(join(directory, 'gantry'), 'mine');
    const outcome = await startHardware({ pty: directory }, options).then(
      () => 'started',
      (error: Error) => error.message,
    );
    assert.match(outcome, 'not a symbolic link');
    assert.equal(readdirSync(directory), ['gantry']);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test.run();
