/** What a storage user may decide for itself: transfer syntaxes offered and converted, and small objects taken in memory. */

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WrittenFile } from '../../runtime/dicom/dataset/durable-file.js';
import { type FileMeta, readFileMeta, readHeader } from '../../runtime/dicom/dataset/header.js';
import { bufferSource } from '../../runtime/dicom/dimse/source.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { type StoreScpOptions, storageService } from '../../runtime/dicom/services/store-scp.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { CT_IMAGE, clock, EXPLICIT, localNode, log, makeObject, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { runTool, startStorescp } from '../helpers/peers.js';

enterPrivateNetwork();
const test = suite('storage hooks');
const IMPLICIT = '1.2.840.10008.1.2';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';

async function receiver(options: Partial<StoreScpOptions>) {
  const folder = scratch();
  const files: WrittenFile[] = [];
  const service = storageService({
    syntaxes: { [CT_IMAGE]: [EXPLICIT] },
    pathFor: ({ sopInstanceUid }) => join(folder, `${sopInstanceUid}.dcm`),
    onStored: async (_object, file) => void files.push(file),
    ...options,
  });
  const server = new DicomServer({ port: 0, clock, log, services: [service] });
  const port = await server.listen();
  return { folder, files, port, server };
}

test('syntaxes are proposed as offered, and one that is not the own is asked of the converter', async () => {
  const folder = scratch();
  const peer = await startStorescp({ folder, args: ['+xb'] });
  const { path } = await makeObject(scratch());
  const asked: string[] = [];
  let closed = 0;
  const options = { ...scu(peer.node), offer: () => [BIG_ENDIAN, EXPLICIT] };
  const convert = async (from: string, _meta: FileMeta, to: string) => {
    asked.push(to);
    const turned = `${from}.big`;
    assert.is((await runTool('dcmconv', ['+tb', from, turned])).code, 0);
    const source = bufferSource(readFileSync(turned).subarray((await readFileMeta(turned)).datasetOffset));
    return { ...source, close: async () => void closed++ };
  };
  const [sent] = await storeFiles({ ...options, convert }, [path]);
  assert.equal([sent!.outcome, asked, closed], ['stored', [BIG_ENDIAN], 1], peer.output());
  assert.is((await readFileMeta(join(folder, readdirSync(folder)[0]!))).transferSyntax, BIG_ENDIAN);
  const [own] = await storeFiles({ ...options, convert: async () => undefined }, [path]);
  assert.is(own!.outcome, 'stored', 'what cannot be turned goes in the next syntax offered');
  const [none] = await storeFiles({ ...options, offer: () => [BIG_ENDIAN], convert: async () => undefined }, [path]);
  assert.equal([none!.outcome, none!.error?.code], ['no-context', 'peer.context']);
  await peer.stop();
});

test('implicit VR is offered beside explicit by default and made when the peer takes nothing else', async () => {
  const folder = scratch();
  const peer = await startStorescp({ folder, args: ['+xi'] });
  const made = await makeObject(scratch());
  const [sent] = await storeFiles(scu(peer.node), [made.path]);
  assert.is(sent!.outcome, 'stored');
  const [name] = readdirSync(folder);
  assert.is((await readHeader(join(folder, name!))).transferSyntax, IMPLICIT);
  const [refused] = await storeFiles({ ...scu(peer.node), offer: (meta) => [meta.transferSyntax] }, [made.path]);
  assert.is(refused!.outcome, 'no-context');
  await peer.stop();
});

test('objects up to the limit come in memory as storescu sent them, larger ones as files', async () => {
  const small: Buffer[] = [];
  const { port, server, files } = await receiver({
    smallLimit: 20_000,
    onSmall: async (_object, part10) => void small.push(part10),
  });
  const sender = scratch();
  const made = [await makeObject(sender, { bytes: 4000 }), await makeObject(sender, { bytes: 40_000 })];
  const paths = made.map(({ path }) => path);
  const { code, output } = await runTool('storescu', ['-xe', '127.0.0.1', String(port), ...paths]);
  assert.is(code, 0, output);
  assert.equal([small.length, files.length], [1, 1]);
  const pixels = (bytes: Buffer) => bytes.subarray(-4000);
  assert.ok(pixels(small[0]!).equals(pixels(readFileSync(paths[0]!))));
  assert.is(small[0]!.toString('latin1', 128, 132), 'DICM');
  assert.is(basename(files[0]!.path), `${made[1]!.sopInstanceUid}.dcm`);
  await server.close();
});

test('a small object is answered when its keeper has it, and with what its keeper says', async () => {
  const { port, server } = await receiver({ onSmall: async () => ({ status: 0xa700, comment: 'no room' }) });
  const { path } = await makeObject(scratch());
  const [result] = await storeFiles(scu(localNode(port)), [path]);
  assert.equal([result!.outcome, result!.status], ['refused', 'A700']);
  await server.close();
});

test.run();
