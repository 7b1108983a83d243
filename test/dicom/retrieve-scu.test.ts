import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import type { Command } from '../../runtime/dicom/dimse/command.js';
import { type MoveResult, move } from '../../runtime/dicom/services/move-scu.js';
import { type SearchResult, search } from '../../runtime/network/search.js';
import { localNode, scu } from '../helpers/dicom.js';
import { associateAc, commandPdu, pdv, type RawPeer, rawServer } from '../helpers/raw-peer.js';

const test = suite('query/retrieve SCU against peers that misbehave');

const IMPLICIT = '1.2.840.10008.1.2';
const FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const MOVE = '1.2.840.10008.5.1.4.1.2.2.2';
const RELEASE_RP = Buffer.from([6, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
const RELEASE_RQ = 5;

type Act = (peer: RawPeer) => void;

const response = (field: number, status: number, more: Partial<Command> = {}): Command => ({
  CommandField: field | 0x8000,
  MessageIDBeingRespondedTo: 1,
  AffectedSOPClassUID: field === 0x20 ? FIND : MOVE,
  Status: status,
  ...more,
});
const findAnswer =
  (status: number): Act =>
  (peer) =>
    peer.send(commandPdu(1, response(0x20, status)));
const match =
  (identifier: Buffer): Act =>
  (peer) =>
    peer.send(commandPdu(1, response(0x20, 0xff00), true), pdv(1, identifier, { command: false }));
const moveAnswer =
  (status: number, counts: Partial<Command> = {}): Act =>
  (peer) =>
    peer.send(commandPdu(1, response(0x21, status, counts)));
const STUDY = encodeDataset(dataset({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2.3' }), IMPLICIT);
const abort: Act = (peer) => peer.send(Buffer.from([7, 0, 0, 0, 0, 4, 0, 0, 2, 0]));
const close: Act = (peer) => peer.end();
const half: Act = (peer) => peer.send(commandPdu(1, response(0x20, 0xff00), true).subarray(0, 20));

/** Accepts, reads the request, does the acts, and answers a release. */
async function against<T>(acts: readonly Act[], call: (port: number) => Promise<T>): Promise<T | ScannerError> {
  const server = await rawServer(async (peer) => {
    await peer.next();
    peer.send(associateAc());
    await peer.next();
    await peer.next();
    for (const act of acts) act(peer);
    for (let pdu = await peer.next(); pdu.type !== 0; pdu = await peer.next()) {
      if (pdu.type === RELEASE_RQ) peer.send(RELEASE_RP);
    }
  });
  try {
    return await call(server.port);
  } catch (error) {
    return error as ScannerError;
  } finally {
    server.close();
  }
}

const timeouts = { queryMs: 300, releaseMs: 300, networkMs: 2000 };
const searching = (port: number): Promise<SearchResult> =>
  search({ ...scu(localNode(port), { timeouts }), models: ['study'], inputs: { patientId: 'P' } });
const moving = (port: number): Promise<MoveResult> => {
  const identifier = dataset({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2.3' });
  return move({ ...scu(localNode(port), { timeouts }), sopClass: MOVE, identifier, destination: 'PETRIG' });
};

const FAILING: readonly [string, readonly Act[], string, RegExp?][] = [
  ['silence', [], 'peer.timeout'],
  ['an abort after an answer', [match(STUDY), abort], 'peer.aborted'],
  ['a close after an answer', [match(STUDY), close], 'peer.aborted'],
  ['half a message, then nothing', [half, close], 'peer.aborted'],
  ['refused: out of resources', [findAnswer(0xa700)], 'peer.status', /A700/],
  ['refused: identifier does not match', [findAnswer(0xa900)], 'peer.status', /A900/],
  ['failed: unable to process', [findAnswer(0xc123)], 'peer.status', /C123/],
  ['a pending answer without an identifier', [findAnswer(0xff00)], 'protocol.dimse'],
];
for (const [name, acts, code, text] of FAILING) {
  test(`search: ${name}`, async () => {
    const error = await against(acts, searching);
    assert.is((error as ScannerError).code, code, JSON.stringify(error));
    if (text) assert.match((error as ScannerError).message, text);
  });
}

test('search: nothing found, keys not supported, an answer that cannot be read', async () => {
  const none = (await against([findAnswer(0)], searching)) as SearchResult;
  assert.equal(none.found, []);
  const pendingWarning: Act = (peer) =>
    peer.send(commandPdu(1, response(0x20, 0xff01), true), pdv(1, STUDY, { command: false }));
  const warned = (await against([pendingWarning, findAnswer(0)], searching)) as SearchResult;
  assert.is(warned.found.length, 1);
  assert.match(warned.notes.join(), /does not support every key/);
  const garbage = Buffer.from('0800520043530a', 'hex');
  const unread = (await against([match(garbage), match(STUDY), findAnswer(0)], searching)) as SearchResult;
  assert.is(unread.found.length, 1, 'the others are kept');
  assert.match(unread.notes.join(), /cannot be read/);
});

const counts = (remaining: number, completed: number, failed: number): Partial<Command> => ({
  NumberOfRemainingSuboperations: remaining,
  NumberOfCompletedSuboperations: completed,
  NumberOfFailedSuboperations: failed,
  NumberOfWarningSuboperations: 0,
});
const MOVES: readonly [string, readonly Act[], MoveResult['outcome'], number, number][] = [
  ['success after pendings', [moveAnswer(0xff00, counts(1, 1, 0)), moveAnswer(0, counts(0, 2, 0))], 'success', 2, 0],
  [
    'a final answer without counters keeps the last',
    [moveAnswer(0xff00, counts(1, 1, 0)), moveAnswer(0)],
    'success',
    1,
    0,
  ],
  ['B000: some failed', [moveAnswer(0xb000, counts(0, 1, 1))], 'warning', 1, 1],
  ['A702: none could be sent', [moveAnswer(0xa702, counts(0, 0, 2))], 'failure', 0, 2],
  ['A801: destination unknown', [moveAnswer(0xa801)], 'failure', 0, 0],
  ['FE00: the peer cancelled', [moveAnswer(0xfe00, counts(3, 1, 0))], 'cancel', 1, 0],
];
for (const [name, acts, outcome, completed, failed] of MOVES) {
  test(`move: ${name}`, async () => {
    const result = (await against(acts, moving)) as MoveResult;
    assert.equal(
      [result.outcome, result.completed, result.failed],
      [outcome, completed, failed],
      JSON.stringify(result),
    );
    assert.ok(result.status);
  });
}

test('move: silence, an abort and a close are errors, soon', async () => {
  assert.is(((await against([], moving)) as ScannerError).code, 'peer.timeout');
  const pending = moveAnswer(0xff00, counts(1, 1, 0));
  assert.is(((await against([pending, abort], moving)) as ScannerError).code, 'peer.aborted');
  assert.is(((await against([pending, close], moving)) as ScannerError).code, 'peer.aborted');
});

test('what the models and keys cannot do is said before anything is sent', async () => {
  const unknown = await against([], (port) =>
    search({ ...scu(localNode(port)), models: ['study'], inputs: { shoeSize: '42' } }),
  );
  assert.match((unknown as ScannerError).message, /shoeSize.*patientName/);
  const level = await against([], (port) =>
    search({ ...scu(localNode(port), { timeouts }), models: ['patientStudy'], inputs: {}, depth: 'SERIES' }),
  );
  assert.match((level as ScannerError).message, /no SERIES level/);
});

test.run();
