import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isUsable, type ServiceVerification, verifyNode } from '../../runtime/network/verify.js';
import { startDcmqrscp } from '../helpers/dcmqrscp.js';
import { clock, localNode, log } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { freePort, runTool, startOrthanc, startStorescp, startWorklist } from '../helpers/peers.js';
import { killLeftOvers, runPetrig, startServe, testFolder } from '../helpers/petrig.js';

enterPrivateNetwork();

const test = suite('verification and nodes');
test.after(killLeftOvers);

type Verdict = { ok: boolean; services: ServiceVerification[] };
const brief = (services: readonly ServiceVerification[]) =>
  Object.fromEntries(services.map((one) => [one.service, isUsable(one)]));

test('each service of storescp, Orthanc, dcmqrscp and wlmscpfs is verified with its own contexts', async () => {
  const folder = testFolder('echo');
  const storescp = await startStorescp({ folder: join(folder, 'scp') });
  const orthanc = await startOrthanc({ folder: join(folder, 'orthanc') });
  const qr = await startDcmqrscp({ folder: join(folder, 'qr') });
  const worklist = await startWorklist({ folder: join(folder, 'wl'), entries: [] });
  const config = join(folder, 'site.json');
  const nodes = [
    { ...storescp.node, services: ['storage', 'query'] },
    { ...orthanc.node, services: ['storage', 'commitment', 'query', 'retrieve'] },
    { ...qr.node, services: ['storage', 'query', 'retrieve'] },
    { ...worklist.node, services: ['worklist', 'mpps'] },
  ];
  writeFileSync(config, JSON.stringify({ nodes }));
  const ask = async (name: string) => {
    const run = await runPetrig(['echo', name, '--config', config, '--json']);
    const verdict = JSON.parse(run.stdout) as Verdict;
    assert.is(run.code, verdict.ok ? 0 : 4, run.stderr);
    return verdict.services;
  };
  assert.equal(brief(await ask('STORESCP')), { storage: true, query: false });
  assert.equal(brief(await ask('ORTHANC')), { storage: true, commitment: true, query: true, retrieve: true });
  assert.equal(brief(await ask('QR')), { storage: true, query: true, retrieve: true });
  assert.equal(brief(await ask('WLM')), { worklist: true, mpps: false });
  for (const peer of [storescp, orthanc, qr, worklist]) await peer.stop();
});

test('our port answers echoscu, and petrig echo finds it by its address', async () => {
  const folder = testFolder('echo-us');
  const serve = await startServe(folder, {});
  const port = String((serve.ready as { ports: { dicom: number } }).ports.dicom);
  const run = await runTool('echoscu', ['-v', '-aec', 'PETRIG', '127.0.0.1', port]);
  assert.is(run.code, 0, run.output);
  assert.match(run.output, /Received Echo Response \(Success\)/);
  const wrong = await runTool('echoscu', ['-aec', 'NOBODY', '127.0.0.1', port]);
  assert.is.not(wrong.code, 0);
  const direct = await runPetrig(['echo', `PETRIG@127.0.0.1:${port}`]);
  assert.is(direct.code, 0, direct.stderr);
  assert.match(direct.stderr, /C-ECHO [\d.]+ ms/);
  const usage = await runPetrig(['echo', 'PETRIG@127.0.0.1']);
  assert.is(usage.code, 2);
  assert.match(usage.stderr, /AET@HOST:PORT/);
  await serve.stop();
});

test('a node that refuses, is silent, closes, sends garbage or is not there: one line each, and soon', async () => {
  const folder = testFolder('echo-bad');
  const refusing = await startStorescp({ folder, args: ['--refuse'] });
  const silent = createServer(() => {});
  const closing = createServer((socket) => socket.destroy());
  const garbage = createServer((socket) => socket.end(Buffer.alloc(64, 0x41)));
  const listening = await Promise.all(
    [silent, closing, garbage].map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
        ),
    ),
  );
  const timeouts = { associateMs: 400, closingMs: 100 };
  const ports = [refusing.node.port, ...listening, await freePort()];
  const codes = await Promise.all(
    ports.map(async (port) => {
      const node = localNode(port, 'PEER');
      const [result] = await verifyNode({
        node,
        clock,
        log,
        timeouts,
        services: ['storage'],
        titleFor: () => 'PETRIG',
      });
      assert.not.ok(isUsable(result!));
      return result!.error?.code;
    }),
  );
  assert.equal(codes, ['peer.rejected', 'peer.timeout', 'peer.aborted', 'protocol.pdu', 'peer.connect']);
  for (const server of [silent, closing, garbage]) server.close();
  silent.unref();
  await refusing.stop();
});

test('nodes are added, verified, changed and removed over the socket and in the file; bad ones change nothing', async () => {
  const folder = testFolder('nodes');
  const storescp = await startStorescp({ folder: join(folder, 'scp') });
  const serve = await startServe(folder, {});
  const file = join(folder, 'site.json');
  const data = ['--data', join(folder, 'data'), '--json'];
  const address = `STORESCP@127.0.0.1:${storescp.node.port}`;
  const nodes = async (...args: string[]) => runPetrig(['nodes', ...args]);

  const early = await nodes('verify', 'Store', ...data);
  assert.is(early.code, 2, 'what is not saved cannot be verified');
  const added = await nodes('add', 'Store', address, '--services', 'storage', ...data);
  assert.is(added.code, 0, added.stderr);
  const verified = await nodes('verify', 'Store', ...data);
  assert.is(verified.code, 0, verified.stderr);
  assert.is((JSON.parse(verified.stdout) as Verdict).services[0]!.contexts > 30, true);

  const again = await nodes('add', 'Store', address, '--services', 'storage', ...data);
  assert.is(again.code, 2);
  assert.match(again.stderr, /two nodes are called Store/);
  const bad = await nodes('change', 'Store', 'port=99999', 'shoe=1', ...data);
  assert.is(bad.code, 2);
  assert.match(bad.stderr, /port.*shoe|shoe.*port/s, 'both mistakes are named');

  const changed = await nodes('change', 'Store', 'import=preserve', 'send.automatic=false', '--config', file);
  assert.is(changed.code, 0, changed.stderr);
  type Saved = { nodes: { name: string; import?: string; send?: { automatic: boolean }; port: number }[] };
  const saved = JSON.parse(readFileSync(file, 'utf8')) as Saved;
  assert.equal(
    saved.nodes.map(({ name, import: policy, send, port }) => [name, policy, send?.automatic, port]),
    [['Store', 'preserve', false, storescp.node.port]],
  );
  const removed = await nodes('remove', 'Store', ...data);
  assert.is(removed.code, 0, removed.stderr);
  const list = await nodes('list', ...data);
  assert.equal(JSON.parse(list.stdout), []);
  await serve.stop();
  await storescp.stop();
});

test.run();
