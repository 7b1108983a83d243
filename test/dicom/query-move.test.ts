import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dataset, dataset } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import type { Response } from '../../runtime/dicom/dimse/channel.js';
import { COMMAND_FIELD } from '../../runtime/dicom/dimse/command.js';
import type { RequestHandler } from '../../runtime/dicom/dimse/performer.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { needContext, withChannel } from '../../runtime/dicom/services/session.js';
import { storageSyntaxes } from '../../runtime/dicom/storage-classes.js';
import { clock, localNode, log, scratch, scu } from '../helpers/dicom.js';
import { eventually } from '../helpers/peers.js';
import { type QuerySite, seriesOf, startQuerySite, summary } from '../helpers/query-site.js';
import { associateRq, commandPdu, pdv, RawPeer } from '../helpers/raw-peer.js';

const test = suite('C-MOVE SCP');
const STUDY_MOVE = '1.2.840.10008.5.1.4.1.2.2.2';
const IMPLICIT = '1.2.840.10008.1.2';
const STUDY = dataset({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '2.25.1.1' });
let site: QuerySite;

test.before(async () => {
  site = await startQuerySite(scratch(), seriesOf(25, { patient: 1, study: 1, series: 1 }));
});

test.after(() => site.close());

interface Destination {
  title: string;
  received: Map<string, string>;
  close(): Promise<void>;
}

/** A storage SCP that takes `ms` for each object, known to the site by `title`. */
async function destination(title: string, ms: number): Promise<Destination> {
  const received = new Map<string, string>();
  const store: RequestHandler = async ({ command, data }) => {
    const hash = createHash('sha256');
    for await (const part of data!) hash.update(part);
    await new Promise((resolve) => setTimeout(resolve, ms));
    received.set(command.AffectedSOPInstanceUID!, hash.digest('hex'));
    return { status: 0 };
  };
  const services = [{ syntaxes: storageSyntaxes(), operations: { 'C-STORE': store } }];
  const server = new DicomServer({ port: 0, clock, log, services });
  const node = localNode(await server.listen(), title);
  site.destinations.set(title, { node, callingAe: 'PETRIG', clock, log });
  return { title, received, close: () => server.close() };
}

/** C-MOVE; a cancel goes out after so many responses. */
async function move(title: string, identifier: Dataset, cancelAfter = 1e9): Promise<Response[]> {
  const proposals = [{ abstractSyntax: STUDY_MOVE, transferSyntaxes: UNCOMPRESSED }];
  return withChannel(scu(localNode(site.port)), proposals, async (channel) => {
    const responses: Response[] = [];
    const context = needContext(channel, STUDY_MOVE);
    const command = {
      CommandField: COMMAND_FIELD['C-MOVE'],
      AffectedSOPClassUID: STUDY_MOVE,
      MoveDestination: title,
      Priority: 0,
    };
    for await (const response of channel.exchange(context, command, identifier, 20_000)) {
      responses.push(response);
      if (responses.length !== cancelAfter) continue;
      await channel.send(context, { CommandField: 0x0fff, MessageIDBeingRespondedTo: 1 });
    }
    return responses;
  });
}

test('a cancelled C-MOVE stops sending', async () => {
  const slow = await destination('SLOW', 60);
  const [status, remaining, completed, failed, warning] = summary(await move(slow.title, STUDY, 2));
  assert.is(status, 'FE00');
  assert.is(Number(remaining) + Number(completed), 25);
  assert.ok(Number(completed) < 25);
  assert.equal([failed, warning], [0, 0]);
  await new Promise((resolve) => setTimeout(resolve, 200));
  // the one under way when the cancel came may have arrived without its answer
  assert.ok(slow.received.size <= Number(completed) + 1);
  await slow.close();
});

test('the requestor of a C-MOVE may leave: the destination is left alone, the server lives', async () => {
  const slow = await destination('SLOW2', 60);
  const peer = await RawPeer.connect(site.port);
  peer.send(associateRq({ 1: STUDY_MOVE }));
  assert.is((await peer.next()).type, 2);
  const command = {
    CommandField: COMMAND_FIELD['C-MOVE'],
    MessageID: 1,
    AffectedSOPClassUID: STUDY_MOVE,
    MoveDestination: slow.title,
  };
  peer.send(commandPdu(1, command, true), pdv(1, encodeDataset(STUDY, IMPLICIT), { command: false }));
  await eventually(() => (slow.received.size >= 2 ? true : undefined), 10_000);
  peer.end();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const after = slow.received.size;
  assert.ok(after < 25, `${after} sent`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.is(slow.received.size, after);
  await slow.close();
});

test('no destination, and one that is blank, are A801', async () => {
  for (const title of ['', '   ', 'NOWHERE']) assert.is(summary(await move(title, STUDY))[0], 'A801');
});

test.run();
