/** Properties of the dataset encoder and decoder in every syntax: seeds fixed. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, texts } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { encodeFileMeta } from '../../runtime/dicom/dataset/file-meta.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import {
  DEFLATED_EXPLICIT,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../runtime/dicom/dataset/transfer-syntax.js';
import { CT_IMAGE, scratch } from '../helpers/dicom.js';
import { everyVr } from '../helpers/every-vr.js';

const test = suite('dataset properties');
const folder = scratch();
const SEED = 20261123;

/** A Part 10 file. */
function file(name: string, body: Buffer, transferSyntax: string): string {
  const path = join(folder, name);
  const meta = encodeFileMeta({ sopClassUid: CT_IMAGE, sopInstanceUid: '2.25.44', transferSyntax });
  writeFileSync(path, Buffer.concat([meta, body]));
  return path;
}

/** Datasets with values of every kind. */
function datasets(depth = 2): fc.Arbitrary<Dataset> {
  const word = fc.stringMatching(/^[A-Za-z0-9]{1,8}$/);
  const name = fc
    .string({ unit: fc.constantFrom('é', 'ß', 'A', 'ö', '^', ' x'), minLength: 1, maxLength: 10 })
    .map((s) => `a${s}b`);
  const value = (vr: string, one: fc.Arbitrary<string | number | bigint | Uint8Array>, maxLength = 3) =>
    fc.array(one, { maxLength }).map((Value) => ({ vr, Value }));
  const even = fc.uint8Array({ minLength: 1, maxLength: 4 }).map((raw) => Buffer.concat([raw, raw, raw, raw]));
  const plain: Record<string, fc.Arbitrary<Dataset[string]>> = {
    '00080005': fc.constant({ vr: 'CS', Value: ['ISO_IR 100'] }),
    '00080008': value('CS', word),
    '00100010': value('PN', name),
    '00104000': value('LT', name, 1),
    '00280010': value('US', fc.nat(0xffff)),
    '00280107': value('SS', fc.integer({ min: -0x8000, max: 0x7fff })),
    '00186020': value('SL', fc.integer()),
    '00720083': value('UV', fc.bigInt(0n, 2n ** 64n - 1n)),
    '00720074': value('FD', fc.double({ noNaN: true })),
    '00720076': value('FL', fc.float({ noNaN: true })),
    '00280030': value('DS', fc.integer().map(String)),
    '00280009': value(
      'AT',
      fc.nat(0xffffffff).map((tag) => tag.toString(16).toUpperCase().padStart(8, '0')),
    ),
    '00660016': value('OF', even, 1),
    '7FE00010': value('OW', even, 1),
  };
  const model =
    depth === 0
      ? plain
      : { ...plain, '00400100': fc.array(datasets(depth - 1), { maxLength: 3 }).map((Value) => ({ vr: 'SQ', Value })) };
  return fc.record(model, { requiredKeys: ['00080005'] }) as fc.Arbitrary<Dataset>;
}

test('property: what is written is read, and written again the same, in every encoding', () => {
  for (const syntax of [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
    fc.assert(
      fc.property(datasets(), (ds) => {
        const raw = encodeDataset(ds, syntax);
        const read = decodeDataset(raw, syntax);
        assert.ok(encodeDataset(read, syntax).equals(raw));
        assert.equal(texts(read, '00080008'), ds['00080008']?.Value ?? []);
        if (syntax === EXPLICIT_BIG_ENDIAN) {
          assert.ok(encodeDataset(read, EXPLICIT_LITTLE_ENDIAN).equals(encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN)));
        } else assert.is(raw.length % 2, 0);
      }),
      { numRuns: 300, seed: SEED },
    );
  }
});

test('property: damaged datasets of every syntax are read or refused, nothing else', async () => {
  const seeds = [EXPLICIT_BIG_ENDIAN, DEFLATED_EXPLICIT, EXPLICIT_LITTLE_ENDIAN].map((syntax) => {
    const raw = encodeDataset(everyVr(), syntax === DEFLATED_EXPLICIT ? EXPLICIT_LITTLE_ENDIAN : syntax);
    return { syntax, raw: syntax === DEFLATED_EXPLICIT ? deflateRawSync(raw) : raw };
  });
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 });
  let refusals = 0;
  const tolerate = (error: unknown) => {
    assert.instance(error, ScannerError);
    assert.ok(['data', 'limit'].includes((error as ScannerError).kind), (error as Error).message);
    refusals++;
  };
  const property = fc.asyncProperty(
    fc.constantFrom(...seeds),
    changes,
    fc.boolean(),
    async ({ syntax, raw }, edits, cut) => {
      const damaged = Buffer.from(raw);
      for (const [at, value] of edits) damaged[at % damaged.length] = value;
      const input = cut ? damaged.subarray(0, edits[0]![0] % damaged.length) : damaged;
      try {
        decodeDataset(input, syntax);
      } catch (error) {
        tolerate(error);
      }
      await readHeader(file('damaged.dcm', input, syntax)).catch(tolerate);
    },
  );
  await fc.assert(property, { numRuns: 3000, seed: SEED });
  assert.ok(refusals > 1000, `${refusals} refused`);
});

test.run();
