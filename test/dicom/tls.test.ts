import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { NodeAccess } from '../../runtime/dicom/services/access.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import type { TlsListener } from '../../runtime/dicom/services/listeners.js';
import { DicomServer, type DicomServerOptions, verificationService } from '../../runtime/dicom/services/server.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import type { TlsSettings } from '../../runtime/dicom/upper-layer/tls.js';
import { Authority } from '../helpers/certificates.js';
import { CT_IMAGE, clock, EXPLICIT, localNode, log, makeObject, scratch, scu } from '../helpers/dicom.js';
import { associateRq, RawPeer, VERIFICATION } from '../helpers/raw-peer.js';

const test = suite('DICOM TLS');
const folder = scratch();
const authority = new Authority(folder);
const stranger = new Authority(folder, 'stranger');
const ours = authority.issue('ours');
const theirs = authority.issue('PACS');
const expired = authority.issue('expired', { days: -1 });
const foreign = stranger.issue('foreign');
const elsewhere = authority.issue('elsewhere', { names: 'DNS:pacs.example' });
const weak = authority.issue('weak', { bits: 1024 });
const ca = [authority.file];

type ServerChanges = Partial<DicomServerOptions> & { listener?: Partial<TlsListener> };

/** A server that speaks TLS, and what it said in its log. */
async function serve({ listener, ...more }: ServerChanges = {}) {
  const said: string[] = [];
  const warn = (fields: object, message: string) => void said.push(`${message} ${JSON.stringify(fields)}`);
  const noting = { ...log, warn, child: () => noting };
  const server = new DicomServer({
    port: 0,
    clock,
    log: noting,
    services: [verificationService()],
    tls: { ca, ...ours, clientCertificates: 'required', ...listener },
    timeouts: { artimMs: 2000, closingMs: 300 },
    ...more,
  });
  return { server, port: await server.listen(), said };
}

/** What an echo ends with: 'done', or the code and text of its error. */
async function ask(port: number, tls?: TlsSettings, host = '127.0.0.1'): Promise<string> {
  const node = { ...localNode(port), host, tls };
  return echo(scu(node, { timeouts: { connectMs: 3000, associateMs: 3000 } })).then(
    () => 'done',
    (error: ScannerError) => `${error.code} ${error.message}`,
  );
}

function opensslClient(port: number, args: readonly string[]): Promise<string> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
  return new Promise((resolve) => child.once('close', () => resolve(output)));
}

test('both ends show certificates of one authority, and objects pass unchanged', async () => {
  const storage = storageService({
    syntaxes: { [CT_IMAGE]: [EXPLICIT] },
    pathFor: ({ sopInstanceUid }) => join(folder, 'in', `${sopInstanceUid}.dcm`),
  });
  const { server, port } = await serve({ services: [verificationService(), storage] });
  assert.is(server.tlsPort, port);
  assert.is(await ask(port, { ca, ...theirs }), 'done');
  assert.is(await ask(port, { ca, ...theirs }, 'localhost'), 'done');
  const object = await makeObject(folder, { bytes: 900_000 });
  const results = await storeFiles(scu({ ...localNode(port), tls: { ca, ...theirs } }), [object.path]);
  assert.is(results[0]?.outcome, 'stored');
  const pixels = Buffer.alloc(900_000, 3);
  assert.ok(
    readFileSync(join(folder, 'in', `${object.sopInstanceUid}.dcm`))
      .subarray(-900_000)
      .equals(pixels),
  );
  await server.close();
});

test('a server that is not who it must be is told apart', async () => {
  const reason = async (identity: { certificate: string; key: string }, tls: TlsSettings = { ca, ...theirs }) => {
    const { server, port } = await serve({ listener: identity });
    const end = await ask(port, tls);
    await server.close();
    return end;
  };
  assert.match(await reason(expired), /^peer\.tls .*certificate has expired/);
  assert.match(await reason(foreign), /^peer\.tls .*unknown authority/);
  assert.match(await reason(elsewhere), /^peer\.tls .*is for pacs\.example, elsewhere, not 127\.0\.0\.1/);
  assert.is(await reason(elsewhere, { ca, ...theirs, peerName: 'pacs.example' }), 'done');
  assert.is(await reason(elsewhere, { ca, ...theirs, peerName: false }), 'done');
  assert.match(await reason(ours, { ca, ...theirs, fingerprints: [theirs.fingerprint] }), /^peer\.tls .*fingerprint/);
  assert.is(await reason(ours, { ca, ...theirs, fingerprints: [ours.fingerprint] }), 'done');
  const pin = (fingerprint: string) => ({ ca: [], ...theirs, fingerprints: [fingerprint.replaceAll(':', '')] });
  assert.is(await reason(foreign, pin(foreign.fingerprint)), 'done', 'trusted by its fingerprint alone');
  assert.match(await reason(expired, pin(expired.fingerprint)), /^peer\.tls .*certificate has expired/);
});

test('a client that is not who it must be is turned away, and the log says why', async () => {
  const { server, port, said } = await serve();
  assert.match(await ask(port, { ca }), /^peer\.aborted/);
  assert.match(said.pop() ?? '', /TLS client refused.*no certificate/);
  assert.match(await ask(port, { ca, ...expired }), /^peer\.aborted/);
  assert.match(said.pop() ?? '', /TLS client refused.*expired/);
  assert.match(await ask(port, { ca, ...foreign }), /^peer\.aborted/);
  assert.match(said.pop() ?? '', /TLS client refused.*unknown authority/);
  assert.is(await ask(port, { ca, ...theirs }), 'done');
  assert.is(server.associations, 0);
  await server.close();
});

test('a revoked certificate is refused, on either side', async () => {
  const crl = [authority.revoke(theirs)];
  const { server, port, said } = await serve({ listener: { crl } });
  assert.match(await ask(port, { ca, ...theirs }), /^peer\.aborted/);
  assert.match(said.pop() ?? '', /TLS client refused.*revoked/);
  assert.is(await ask(port, { ca, ...elsewhere }), 'done');
  await server.close();
  const wrong = await serve({ listener: theirs });
  assert.match(await ask(wrong.port, { ca, crl, ...ours }), /^peer\.tls .*revoked/);
  await wrong.server.close();
});

test('without the duty to show one, a client needs no certificate, yet a wrong one is refused', async () => {
  const { server, port } = await serve({ listener: { clientCertificates: 'optional' } });
  assert.is(await ask(port, { ca }), 'done');
  assert.match(await ask(port, { ca, ...expired }), /^peer\.aborted/);
  await server.close();
});

test('one server speaks plain on one port and TLS on another; neither takes the other', async () => {
  const { server, port, said } = await serve({ listener: { port: 0 } });
  const tlsPort = server.tlsPort!;
  assert.is.not(tlsPort, port);
  assert.is(await ask(port), 'done');
  assert.is(await ask(tlsPort, { ca, ...theirs }), 'done');
  assert.match(await ask(port, { ca, ...theirs }), /^peer\.tls/);
  assert.match(await ask(tlsPort), /^peer\.aborted/);
  assert.match(said.pop() ?? '', /TLS handshake failed/);
  await server.close();
});

test('old versions and suites outside the profile get no further than the handshake', async () => {
  const { server, port, said } = await serve({ listener: { clientCertificates: 'optional' } });
  const suiteOf = async (...args: string[]) => /Cipher is (.*)/.exec(await opensslClient(port, args))?.[1];
  assert.is(await suiteOf('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'), '(NONE)');
  assert.match(said.pop() ?? '', /no version of TLS that is safe/);
  assert.is(await suiteOf('-tls1_2', '-cipher', 'AES128-SHA'), '(NONE)');
  assert.match(said.pop() ?? '', /no cipher suite of the profile/);
  assert.is(await suiteOf('-tls1_2'), 'ECDHE-RSA-AES256-GCM-SHA384');
  assert.is(await suiteOf('-tls1_3'), 'TLS_AES_256_GCM_SHA384');
  await server.close();
});

test('we go down to no older version either', async () => {
  const old = createServer({
    cert: readFileSync(ours.certificate),
    key: readFileSync(ours.key),
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'ALL:@SECLEVEL=0',
  });
  old.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
  const address = old.address();
  const end = await ask(typeof address === 'object' && address ? address.port : 0, { ca, ...theirs });
  assert.match(end, /^peer\.tls .*(version|acceptable)/);
  await new Promise((resolve) => old.close(resolve));
});

test('a client may not renegotiate', async () => {
  const { server, port } = await serve({ listener: { clientCertificates: 'optional' } });
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2']);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
  while (!/Verify return code/.test(output)) await new Promise((resolve) => setTimeout(resolve, 20));
  child.stdin.write('R\n');
  await new Promise((resolve) => child.once('close', resolve));
  assert.match(output, /RENEGOTIATING[\s\S]*no renegotiation/i);
  await server.close();
});

test('a peer that stays silent in the handshake, or speaks plain DICOM to TLS, is let go', async () => {
  const { server, port, said } = await serve({ timeouts: { artimMs: 300, closingMs: 300 } });
  const silent = await RawPeer.connect(port);
  assert.equal(await silent.typesToEnd(), []);
  assert.match(said.pop() ?? '', /did not finish the TLS handshake in time/);
  const plain = await RawPeer.connect(port);
  plain.send(associateRq({ 1: VERIFICATION }));
  await plain.next().catch(() => undefined); // an alert is no PDU
  while (server.idleConnections > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  plain.end();
  await server.close();
});

test('certificates tell nodes apart, and a node with TLS does not come plain', async () => {
  const node = (aeTitle: string, tls?: object) => ({ name: aeTitle, aeTitle, from: [], services: [], tls });
  const nodes = [
    node('PETRIG', { fingerprints: [theirs.fingerprint] }),
    node('NAMED', { peerName: 'PACS' }),
    node('OLD'),
  ];
  const access = new NodeAccess({ nodes, acceptUnknown: false, clock });
  const { server, port, said } = await serve({ access, listener: { port: 0 } });
  const as = async (callingAe: string, tls?: TlsSettings) => {
    const target = { ...localNode(tls ? server.tlsPort! : port), tls };
    return echo({ ...scu(target), callingAe }).then(
      () => 'done',
      (error: ScannerError) => error.code,
    );
  };
  assert.equal(await Promise.all([as('PETRIG', { ca, ...theirs }), as('NAMED', { ca, ...theirs }), as('OLD')]), [
    'done',
    'done',
    'done',
  ]);
  assert.equal(
    [await as('PETRIG', { ca, ...ours }), await as('NAMED', { ca, ...ours }), await as('PETRIG'), await as('WHO')],
    Array(4).fill('peer.rejected'),
  );
  const why = said.map((line) => /"why":"([^"]*)"/.exec(line)?.[1]);
  assert.match(why[0] ?? '', /is not that of PETRIG/);
  assert.match(why[1] ?? '', /is for .*, not PACS/);
  assert.match(why[2] ?? '', /must come over TLS/);
  assert.match(why[3] ?? '', /no node has the AE title WHO/);
  await server.close();
});

test('files that cannot be used are named before anything is opened', async () => {
  const nonsense = join(folder, 'nonsense.pem');
  writeFileSync(nonsense, 'no certificate');
  const wrong = async (listener: Partial<TlsListener>) => {
    const error = await serve({ listener }).then(
      () => undefined,
      (thrown: ScannerError) => thrown,
    );
    return `${error?.code} ${error?.message}`;
  };
  assert.match(await wrong({ certificate: join(folder, 'none.pem') }), /^config\.invalid .*none\.pem.*ENOENT/);
  assert.match(await wrong({ ca: [nonsense] }), /^config\.invalid .*nonsense\.pem.*no CERTIFICATE/);
  assert.match(await wrong({ key: theirs.key }), /^config\.invalid .*ours\.crt.*mismatch/);
  assert.match(await wrong(weak), /^config\.invalid .*weak\.crt.*too small/);
  assert.match(await ask(1, { ca, certificate: ours.certificate }), /^config\.invalid .*belong together/);
});

test.run();
