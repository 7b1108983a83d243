import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { encodeFileMeta } from '../../runtime/dicom/dataset/file-meta.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { decodeCommand, encodeCommand } from '../../runtime/dicom/dimse/command.js';
import { encodePdu, writePdvHeader } from '../../runtime/dicom/upper-layer/pdu.js';
import { PduParser } from '../../runtime/dicom/upper-layer/pdu-parser.js';
import { CT_IMAGE, EXPLICIT, scratch } from '../helpers/dicom.js';

const test = suite('random bytes');
const RUNS = 10_000;
const SEED = 20261123;
const IMPLICIT = '1.2.840.10008.1.2';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Random bytes, and well-formed ones with a few bytes changed, cut out or cut off: those reach deeper. */
function bytesFrom(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const random = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'ones')), {
    minLength: 1,
    maxLength: 6,
  });
  const mutated = fc.tuple(fc.constantFrom(...seeds), edits).map(([seed, changes]) => {
    let bytes = Buffer.from(seed);
    for (const [place, value, how] of changes) {
      const at = bytes.length > 0 ? place % bytes.length : 0;
      if (how === 'cut')
        bytes =
          value % 2 ? bytes.subarray(0, at) : Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + (value % 8))]);
      else bytes.fill(how === 'ones' ? 0xff : value, at, Math.min(bytes.length, at + (how === 'ones' ? 4 : 1)));
    }
    return bytes;
  });
  return fc.oneof(random, mutated);
}

/** Runs a parser on many inputs: each ends with a result or a ScannerError that is no bug, and the heap does not grow. */
async function survive(seeds: readonly Buffer[], parse: (bytes: Buffer) => unknown): Promise<void> {
  let refused = 0;
  let accepted = 0;
  const property = fc.asyncProperty(bytesFrom(seeds), async (bytes) => {
    try {
      await parse(bytes);
      accepted++;
    } catch (error) {
      assert.instance(error, ScannerError, `${(error as Error).stack}\n${bytes.toString('hex')}`);
      assert.ok(['data', 'protocol', 'limit'].includes((error as ScannerError).kind), (error as Error).stack);
      refused++;
    }
  });
  await fc.assert(property, { numRuns: 500, seed: SEED });
  collectGarbage();
  const before = process.memoryUsage();
  await fc.assert(property, { numRuns: RUNS, seed: SEED + 1 });
  collectGarbage();
  const after = process.memoryUsage();
  const grown = after.heapUsed + after.external - before.heapUsed - before.external;
  assert.ok(grown < 8e6, `memory grew by ${grown} bytes`);
  assert.ok(refused > 1000 && accepted > 100, `${refused} refused, ${accepted} accepted: the inputs are not mixed`);
}

function seedDataset(): Dataset {
  const ds = dataset({
    SpecificCharacterSet: 'ISO_IR 192',
    SOPClassUID: CT_IMAGE,
    SOPInstanceUID: '2.25.4',
    PatientName: 'Größe^Zoë',
    Rows: [4, 5],
    PixelSpacing: [1.5, 2],
    FrameIncrementPointer: '00540010',
    ReferencedStudySequence: [dataset({ ReferencedSOPInstanceUID: '1.2', PatientName: 'x' }), dataset({})],
  });
  setElement(ds, '00291010', 'UN', [Uint8Array.of(1, 2, 3)]);
  return setElement(ds, 'PixelData', 'OW', [Buffer.alloc(64, 7)]);
}

const OPEN = Buffer.from(
  '4000000153510000FFFFFFFFFEFF00E0FFFFFFFF080060004353020050540000FEFF0DE000000000FEFFDDE000000000E07F10004F420000FFFFFFFFFEFF00E000000000FEFF00E004000000AABBCCDDFEFFDDE000000000',
  'hex',
);

test('the PDU parser', async () => {
  const user = {
    maxPduLength: 16384,
    implementationClassUid: '1.2.3',
    implementationVersionName: 'X',
    roles: [{ sopClassUid: '1.2', scu: true, scp: true }],
  };
  const common = {
    protocolVersion: 1,
    calledAe: 'A',
    callingAe: 'B',
    applicationContext: '1.2.840.10008.3.1.1.1',
    user,
  };
  const contexts = [{ id: 1, abstractSyntax: '1.2.3', transferSyntaxes: [EXPLICIT, IMPLICIT] }];
  const data = Buffer.alloc(40);
  writePdvHeader(data, 0, { contextId: 1, command: false, last: true, length: 28 });
  const seeds = [
    encodePdu({ ...common, type: 'associate-rq', contexts }),
    encodePdu({ ...common, type: 'associate-ac', contexts: [{ id: 1, result: 0, transferSyntax: EXPLICIT }] }),
    Buffer.concat([data, data, encodePdu({ type: 'release-rq' })]),
  ];
  await survive(seeds, (bytes) => {
    const parser = new PduParser({ maxPduLength: 1024, onPdu: () => {}, onData: () => {} });
    for (let at = 0; at < bytes.length; at += 50) parser.push(bytes.subarray(at, at + 50));
  });
});

test('the command set', async () => {
  const command = {
    CommandField: 1,
    MessageID: 7,
    AffectedSOPClassUID: CT_IMAGE,
    AffectedSOPInstanceUID: '1.2.3',
    Status: 0,
    AttributeIdentifierList: ['00100010'],
  };
  await survive([encodeCommand(command, true)], (bytes) => decodeCommand(bytes));
});

test('the dataset in explicit VR', async () => {
  await survive([encodeDataset(seedDataset(), EXPLICIT), OPEN], (bytes) => decodeDataset(bytes, EXPLICIT));
});

test('the dataset in implicit VR', async () => {
  await survive([encodeDataset(seedDataset(), IMPLICIT)], (bytes) => decodeDataset(bytes, IMPLICIT));
});

test('the Part 10 header scan', async () => {
  const object = { sopClassUid: CT_IMAGE, sopInstanceUid: '2.25.4', transferSyntax: EXPLICIT };
  const meta = encodeFileMeta(object);
  const implicitMeta = encodeFileMeta({ ...object, transferSyntax: IMPLICIT });
  const seeds = [
    Buffer.concat([meta, encodeDataset(seedDataset(), EXPLICIT)]),
    Buffer.concat([meta, OPEN]),
    Buffer.concat([implicitMeta, encodeDataset(seedDataset(), IMPLICIT)]),
  ];
  const path = join(scratch(), 'random.dcm');
  await survive(seeds, (bytes) => {
    writeFileSync(path, bytes);
    return readHeader(path);
  });
});

test.run();
