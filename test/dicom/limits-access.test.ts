import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import type { ScannerError } from '../../hal/base/errors.js';
import { parseConfig } from '../../runtime/config.js';
import { serviceOf } from '../../runtime/dicom/service-names.js';
import { type AdmittedNode, NodeAccess } from '../../runtime/dicom/services/access.js';
import { DicomServer, type DicomServerOptions, verificationService } from '../../runtime/dicom/services/server.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { serverOptions } from '../../runtime/listening.js';
import { CT_IMAGE, clock, log } from '../helpers/dicom.js';
import { associateRq, RawPeer, VERIFICATION } from '../helpers/raw-peer.js';

const test = suite('access to the network services');
const IMPLICIT = '1.2.840.10008.1.2';
const STUDY_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const STUDY_MOVE = '1.2.840.10008.5.1.4.1.2.2.2';

async function serve<T>(options: Partial<DicomServerOptions>, use: (port: number) => Promise<T>): Promise<T> {
  const storage = storageService({ syntaxes: { [CT_IMAGE]: [IMPLICIT] }, pathFor: () => ({ status: 0xa700 }) });
  const query = { syntaxes: { [STUDY_FIND]: [IMPLICIT], [STUDY_MOVE]: [IMPLICIT] }, operations: {} };
  const services = [verificationService(), storage, query];
  const server = new DicomServer({ clock, log, ...options, services, port: 0 });
  try {
    return await use(await server.listen());
  } finally {
    await server.close();
  }
}

/** The rejection, or the results of the contexts in their order. */
async function answer(port: number, more: object = {}, contexts: Record<number, string> = { 1: VERIFICATION }) {
  const peer = await RawPeer.connect(port);
  peer.send(associateRq(contexts, more));
  const { type, body } = await peer.next();
  peer.end();
  if (type === 3) return { rejection: [...body.subarray(1)] };
  const results: number[] = [];
  for (let at = 68; at < body.length; at += 4 + body.readUInt16BE(at + 2)) {
    if (body[at] === 0x21) results.push(body[at + 6]!);
  }
  return { results };
}

const node = (aeTitle: string, more: Partial<AdmittedNode> = {}): AdmittedNode => {
  return { name: aeTitle, aeTitle, from: [], services: ['storage'], ...more };
};
const decide = async (access: NodeAccess, callingAe: string, address: string) =>
  (await access.check({ callingAe, address, secure: false })).kind;

test('each reason of a rejection is told by its number', async () => {
  const access = new NodeAccess({ nodes: [node('KNOWN')], acceptUnknown: false, clock });
  await serve({ aeTitles: ['PEER'], access, strictApplicationContext: true }, async (port) => {
    const rejection = async (more: object) => (await answer(port, { callingAe: 'KNOWN', ...more })).rejection;
    assert.is(await rejection({}), undefined);
    assert.equal(await rejection({ applicationContext: '1.2.3' }), [1, 1, 2]);
    assert.equal(await rejection({ callingAe: 'UNKNOWN' }), [1, 1, 3]);
    assert.equal(await rejection({ calledAe: 'ELSE' }), [1, 1, 7]);
    assert.equal(await rejection({ protocolVersion: 2 }), [1, 2, 2]);
    assert.is(await rejection({ protocolVersion: 3 }), undefined, 'bit 0 counts');
  });
});

test('by default any application context name is taken', async () => {
  await serve({}, async (port) => {
    assert.equal((await answer(port, { applicationContext: '1.2.3' })).results, [0]);
  });
});

test('a node may ask for its services only, Verification always', async () => {
  const nodes = [node('STORER'), node('VIEWER', { services: ['query', 'retrieve'] }), node('VIEWER', { name: 'two' })];
  const access = new NodeAccess({ nodes, acceptUnknown: true, clock });
  const contexts = { 1: VERIFICATION, 3: CT_IMAGE, 5: STUDY_FIND, 7: STUDY_MOVE, 9: '1.2.3' };
  await serve({ access }, async (port) => {
    const results = async (callingAe: string) => (await answer(port, { callingAe }, contexts)).results;
    assert.equal(await results('STORER'), [0, 0, 1, 1, 3]);
    assert.equal(await results('VIEWER'), [0, 0, 0, 0, 3], 'two nodes of one title');
    assert.equal(await results('ANYBODY'), [0, 0, 0, 0, 3]);
  });
});

test('abstract syntaxes belong to services', () => {
  assert.equal(
    [VERIFICATION, CT_IMAGE, STUDY_FIND, STUDY_MOVE, UIDS.modalityWorklist, UIDS.storageCommitment].map(serviceOf),
    ['verification', 'storage', 'query', 'retrieve', 'worklist', 'commitment'],
  );
  assert.is(serviceOf(UIDS.modalityPerformedProcedureStep), 'mpps');
  assert.is(serviceOf('1.2.840.10008.5.1.1.9'), 'print');
  assert.is(serviceOf('1.3.12.2.1107.5.9.1'), 'storage');
});

test('a node comes from its places: addresses, blocks, names', async () => {
  const resolve = async (host: string) => (host === 'pacs.example' ? ['192.0.2.7', '2001:db8::7'] : []);
  const nodes = [
    node('ADDRESS', { from: ['192.0.2.1', '2001:db8::1'] }),
    node('BLOCK', { from: ['10.1.0.0/16', '2001:db8:1::/48'] }),
    node('NAME', { from: ['pacs.example'] }),
    node('LOST', { from: ['gone.example'] }),
  ];
  const access = new NodeAccess({ nodes, acceptUnknown: false, clock, resolve });
  const admitted: [string, string, boolean][] = [
    ['ADDRESS', '192.0.2.1', true],
    ['ADDRESS', '::ffff:192.0.2.1', true],
    ['ADDRESS', '2001:db8::1', true],
    ['ADDRESS', '192.0.2.2', false],
    ['BLOCK', '10.1.255.255', true],
    ['BLOCK', '10.2.0.0', false],
    ['BLOCK', '2001:db8:1:2::3', true],
    ['BLOCK', '2001:db8:2::3', false],
    ['NAME', '192.0.2.7', true],
    ['NAME', '2001:db8::7', true],
    ['NAME', '192.0.2.8', false],
    ['LOST', '192.0.2.8', false],
  ];
  for (const [aeTitle, address, expected] of admitted) {
    assert.is(await decide(access, aeTitle, address), expected ? 'admitted' : 'refused', `${aeTitle} ${address}`);
  }
});

test('addresses of a name are looked up again after a minute, and kept while the name server is away', async () => {
  const manual = new ManualClock();
  let addresses: readonly string[] | undefined = ['192.0.2.1'];
  let lookups = 0;
  const resolve = async () => {
    lookups++;
    if (!addresses) throw new Error('no name server');
    return addresses;
  };
  const access = new NodeAccess({
    nodes: [node('A', { from: ['host'] })],
    acceptUnknown: false,
    clock: manual,
    resolve,
  });
  assert.equal(
    [await decide(access, 'A', '192.0.2.1'), await decide(access, 'A', '192.0.2.1')],
    Array(2).fill('admitted'),
  );
  assert.is(lookups, 1);
  addresses = undefined;
  manual.advance(61_000);
  assert.is(await decide(access, 'A', '192.0.2.1'), 'admitted');
  addresses = ['192.0.2.2'];
  assert.is(await decide(access, 'A', '192.0.2.1'), 'refused');
});

test('the configuration says it all', async () => {
  const tls = { ca: ['ca.crt'], certificate: 'own.crt', key: 'own.key' };
  const config = parseConfig({
    aeTitle: 'RIG',
    dicom: { tls: { ...tls, port: 2762 }, timeouts: { storeMs: 1000 }, checkHosts: true, acceptUnknownPeers: false },
    nodes: [
      { aeTitle: 'PACS', host: '127.0.0.1', port: 104, services: ['storage'] },
      {
        aeTitle: 'SAFE',
        host: 'h',
        port: 1,
        services: ['query'],
        tls: {},
        timeouts: { storeMs: 5 },
        from: ['10.0.0.0/8'],
      },
    ],
  });
  const [pacs, safe] = config.nodes;
  assert.equal([pacs?.tls, pacs?.timeouts, pacs?.maxPduLength], [undefined, { storeMs: 1000 }, 28672]);
  assert.equal(
    [safe?.tls?.ca, safe?.tls?.certificate, safe?.tls?.incoming, safe?.timeouts],
    [['ca.crt'], 'own.crt', 'tls', { storeMs: 5 }],
  );
  const options = serverOptions(config, clock, log);
  assert.equal([options.aeTitles, options.tls?.port, options.timeouts], [['RIG'], 2762, { storeMs: 1000 }]);
  const check = (callingAe: string, address: string, secure: boolean) =>
    Promise.resolve(options.access!.check({ callingAe, address, secure })).then(({ kind }) => kind);
  assert.is(await check('PACS', '127.0.0.1', false), 'admitted');
  assert.is(await check('PACS', '127.0.0.2', false), 'refused');
  assert.is(await check('SAFE', '10.2.3.4', true), 'admitted');
  assert.is(await check('SAFE', '10.2.3.4', false), 'refused');
  assert.is(await check('OTHER', '127.0.0.1', true), 'refused');
});

test('settings that cannot be are named', () => {
  const wrong = (input: unknown) => {
    try {
      parseConfig(input);
    } catch (error) {
      return (error as ScannerError).message;
    }
    return 'taken';
  };
  const nodeWith = (more: object) => ({ nodes: [{ aeTitle: 'A', host: 'h', port: 1, services: ['query'], ...more }] });
  assert.match(wrong(nodeWith({ tls: {} })), /dicom\.tls is not set/);
  assert.is(wrong(nodeWith({ tls: { incoming: 'any' } })), 'taken');
  assert.match(wrong(nodeWith({ from: ['10.0.0.0/33'] })), /nodes\.0\.from\.0.*address/);
  assert.match(wrong(nodeWith({ tls: { incoming: 'any', fingerprints: ['12:34'] } })), /64 hexadecimal digits/);
  assert.match(wrong({ dicom: { timeouts: { storeSeconds: 1 } } }), /dicom\.timeouts/);
  assert.match(wrong({ dicom: { timeouts: { worklistMs: 1 } } }), /dicom\.timeouts/);
  assert.match(wrong({ dicom: { tls: { certificate: 'a' } } }), /dicom\.tls/);
});

test('nodes that share a title are told apart by where they come from', async () => {
  const nodes = [
    node('SHARED', { name: 'first', host: '192.0.2.1' }),
    node('SHARED', { name: 'second', host: '192.0.2.2' }),
    node('SHARED', { name: 'third', host: '192.0.2.9', from: ['198.51.100.0/24'] }),
  ];
  const access = new NodeAccess({ nodes, acceptUnknown: false, clock });
  for (const [address, name] of [
    ['192.0.2.1', 'first'],
    ['::ffff:192.0.2.2', 'second'],
    ['198.51.100.7', 'third'],
    ['203.0.113.1', 'first'],
  ] as const) {
    const decision = await access.check({ callingAe: 'SHARED', address, secure: false });
    assert.is(decision.kind === 'admitted' && decision.node, name, address);
  }
});

test.run();
