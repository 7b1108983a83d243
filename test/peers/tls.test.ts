import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { NodeAccess } from '../../runtime/dicom/services/access.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { DicomServer, verificationService } from '../../runtime/dicom/services/server.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { Authority, type Identity } from '../helpers/certificates.js';
import { CT_IMAGE, clock, EXPLICIT, log, makeObject, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { runTool, startStorescp } from '../helpers/peers.js';

enterPrivateNetwork();

const test = suite('DCMTK over TLS');
const folder = scratch();
const authority = new Authority(folder);
const stranger = new Authority(folder, 'stranger');
const ours = authority.issue('ours');
const theirs = authority.issue('theirs');
const other = authority.issue('other');
const expired = authority.issue('expired', { days: -1 });
const foreign = stranger.issue('foreign');
const ca = [authority.file];
const inbox = join(folder, 'in');

/** DCMTK's options for a secure connection on which each end must show its certificate. */
function secured({ key, certificate }: Identity, authorities = authority.file, profile = '+py'): string[] {
  return ['+tls', key, certificate, '+cf', authorities, '-rc', profile];
}

async function datasetBytes(path: string): Promise<Buffer> {
  return readFileSync(path).subarray((await readFileMeta(path)).datasetOffset);
}

async function startServer(): Promise<{ server: DicomServer; port: string; said: string[] }> {
  const said: string[] = [];
  const noting = {
    ...log,
    warn: (fields: object, message: string) => void said.push(`${message} ${JSON.stringify(fields)}`),
    child: () => noting,
  };
  mkdirSync(inbox, { recursive: true });
  const storage = storageService({
    syntaxes: { [CT_IMAGE]: [EXPLICIT] },
    pathFor: ({ sopInstanceUid }) => join(inbox, `${sopInstanceUid}.dcm`),
  });
  const node = {
    name: 'workstation',
    aeTitle: 'WS',
    from: ['127.0.0.0/8'],
    services: ['storage'] as const,
    tls: { fingerprints: [theirs.fingerprint] },
  };
  const server = new DicomServer({
    port: 0,
    clock,
    log: noting,
    services: [verificationService(), storage],
    access: new NodeAccess({ nodes: [node], acceptUnknown: false, clock }),
    tls: { ca, ...ours, clientCertificates: 'required' },
  });
  return { server, port: String(await server.listen()), said };
}

test('storescu and echoscu come with their certificate; the object arrives byte for byte', async () => {
  const { server, port } = await startServer();
  const address = ['-aet', 'WS', '-aec', 'RIG', '127.0.0.1', port];
  for (const profile of ['+py', '+px']) {
    const hello = await runTool('echoscu', [...secured(theirs, authority.file, profile), ...address]);
    assert.is(hello.code, 0, hello.output);
  }
  const object = await makeObject(folder, { bytes: 700_001 });
  const sent = await runTool('storescu', [...secured(theirs), ...address, object.path]);
  assert.is(sent.code, 0, sent.output);
  const arrived = join(inbox, `${object.sopInstanceUid}.dcm`);
  assert.ok((await datasetBytes(object.path)).equals(await datasetBytes(arrived)));
  await server.close();
});

test('certificates that are expired, foreign or another node’s, none at all, and retired suites are refused', async () => {
  const { server, port, said } = await startServer();
  const address = ['-aet', 'WS', '-aec', 'RIG', '127.0.0.1', port];
  const refused = async (...args: string[]) => {
    const { code, output } = await runTool('echoscu', ['-to', '10', ...args, ...address]);
    assert.is.not(code, 0, output);
    return said.pop() ?? '';
  };
  assert.match(await refused(...secured(expired)), /expired/);
  assert.match(await refused(...secured(foreign)), /unknown authority/);
  assert.match(await refused(...secured(other)), /"rejection":"callingAe".*not that of workstation/);
  assert.match(await refused('+tla', '-ic'), /TLS (handshake failed|client refused)/);
  assert.match(await refused('+pa', ...secured(theirs).slice(0, 6)), /no cipher suite|safe/);
  assert.match(await refused(), /TLS handshake failed/);
  await server.close();
});

test('storescp takes our objects over TLS, and its certificate is checked before anything is sent', async () => {
  const inboxOfPeer = join(folder, 'scp');
  const peer = await startStorescp({ folder: inboxOfPeer, args: ['+B', ...secured(theirs)] });
  const node = { ...peer.node, tls: { ca, ...ours } };
  assert.ok((await echo(scu(node))).ms >= 0);
  const object = await makeObject(folder, { bytes: 700_001 });
  assert.is((await storeFiles(scu(node), [object.path]))[0]?.outcome, 'stored');
  const [name] = readdirSync(inboxOfPeer);
  assert.ok((await datasetBytes(object.path)).equals(await datasetBytes(join(inboxOfPeer, name!))));

  const timeouts = { connectMs: 5000, associateMs: 5000 };
  const end = (tls?: object) =>
    echo(scu({ ...peer.node, tls, timeouts })).then(
      () => 'done',
      (error: ScannerError) => `${error.code} ${error.message}`,
    );
  assert.match(await end({ ca: [stranger.file], ...ours }), /^peer\.tls .*unknown authority/);
  assert.match(await end({ ca, ...ours, fingerprints: [other.fingerprint] }), /^peer\.tls .*fingerprint/);
  assert.match(await end({ ca, ...ours, peerName: 'pacs.example' }), /^peer\.tls .*not pacs\.example/);
  assert.match(await end({ ca }), /^peer\.(aborted|tls)/);
  assert.match(await end({ ca, ...foreign }), /^peer\.(aborted|tls)/);
  assert.match(await end(), /^(peer\.aborted|protocol\.pdu|peer\.timeout)/);
  await peer.stop();
});

test.run();
