/** What our storage SCP takes at most, against echoscu and storescu. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../runtime/config.js';
import { DicomServer, verificationService } from '../../runtime/dicom/services/server.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { requestAssociation } from '../../runtime/dicom/upper-layer/request.js';
import { serverOptions } from '../../runtime/listening.js';
import { clock, log, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { runTool } from '../helpers/peers.js';
import { makeImage } from '../helpers/pixels.js';
import { type Receiver, startReceiver } from '../helpers/receiver.js';

enterPrivateNetwork();

const test = suite('limits of the storage SCP');
const folder = scratch();

function to(receiver: Receiver): string[] {
  return ['-aec', 'RIG', receiver.node.host, String(receiver.node.port)];
}

test('storescu: a full disk is A700 and the association is aborted', async () => {
  const receiver = await startReceiver({ reserveBytes: Number.MAX_SAFE_INTEGER });
  const files = [await makeImage(folder, {}), await makeImage(folder, {})].map(({ path }) => path);
  const run = await runTool('storescu', ['-v', '-nh', ...to(receiver), ...files]);
  assert.match(run.output, /Refused: ?OutOfResources|0xa700/i);
  assert.not.match(run.output, /Received Store Response \(Success\)/);
  assert.is(receiver.kept.size, 0);
  await receiver.close();
});

test('echoscu is answered in each of the three syntaxes; of 128 contexts that storescu proposes 127 are accepted', async () => {
  const receiver = await startReceiver();
  for (const syntaxes of ['1', '2', '3']) {
    const run = await runTool('echoscu', ['-v', '-pts', syntaxes, ...to(receiver)]);
    assert.is(run.code, 0, run.output);
  }
  const [single] = await Promise.all([makeImage(folder, {})]);
  const profile = join(folder, 'many.cfg');
  const contexts = Array.from({ length: 128 }, (_, i) => `PresentationContext${i + 1} = ${CLASSES[i % 2]}\\T${i % 3}`);
  const syntaxes = ['LittleEndianExplicit', 'LittleEndianImplicit', 'JPEGBaseline'];
  writeFileSync(
    profile,
    [
      '[[TransferSyntaxes]]',
      ...syntaxes.flatMap((name, i) => [`[T${i}]`, `TransferSyntax1 = ${name}`]),
      '[[PresentationContexts]]',
      '[Many]',
      ...contexts,
      '[[Profiles]]',
      '[Test]',
      'PresentationContexts = Many',
    ].join('\n'),
  );
  const { output } = await runTool('storescu', ['-d', '-xf', profile, 'Test', ...to(receiver), single!.path]);
  const answer = output.slice(output.lastIndexOf('BEGIN A-ASSOCIATE-AC'));
  assert.is([...answer.matchAll(/Context ID: +\d+ \(Accepted\)/g)].length, 127, output.slice(0, 2000));
  assert.is(receiver.kept.size, 1);
  await receiver.close();
});

const CLASSES = ['SecondaryCaptureImageStorage', 'CTImageStorage'];

test('ten associations at a time; echoscu is rejected as the eleventh, and served when one has gone', async () => {
  const receiver = await startReceiver({ maxAssociations: 10 });
  const proposal = [{ abstractSyntax: UIDS.verification, transferSyntaxes: ['1.2.840.10008.1.2'] }];
  const open = await Promise.all(Array.from({ length: 10 }, () => requestAssociation(scu(receiver.node), proposal)));
  const full = await runTool('echoscu', ['-v', ...to(receiver)]);
  assert.is.not(full.code, 0);
  assert.match(full.output, /Rejected/);
  open[0]!.abort('the test makes room');
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.is((await runTool('echoscu', ['-v', ...to(receiver)])).code, 0);
  for (const association of open) association.abort('the test is over');
  await receiver.close();
});

test('echoscu under a title that no node has is let in, unless the configuration forbids it', async () => {
  for (const acceptUnknownPeers of [true, false]) {
    const nodes = [{ aeTitle: 'KNOWN', host: '127.0.0.1', port: 104, services: ['storage' as const] }];
    const config = parseConfig({ dicom: { port: 0, acceptUnknownPeers }, nodes });
    const server = new DicomServer({ ...serverOptions(config, clock, log), services: [verificationService()] });
    const port = String(await server.listen());
    const echo = (title: string) => runTool('echoscu', ['-v', '-aet', title, '-aec', 'PETRIG', '127.0.0.1', port]);
    assert.is((await echo('KNOWN')).code, 0);
    const { code, output } = await echo('STRANGER');
    assert.is(code === 0, acceptUnknownPeers, output);
    if (!acceptUnknownPeers) assert.match(output, /Calling AE Title Not Recognized/i);
    await server.close();
  }
});

test.run();
