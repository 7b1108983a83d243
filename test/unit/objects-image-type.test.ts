/** Image types of the family: each combination of the table is known again, others are not. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { vrRule } from '../../runtime/dicom/dataset/dictionary.js';
import { IMAGE_TYPES, imageType, recogniseImageType } from '../../runtime/objects/image-type.js';

const test = suite('image types');

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SC = '1.2.840.10008.5.1.4.1.1.7';
const CLASSES: Record<string, string> = {
  CT,
  SC,
  PT: '1.2.840.10008.5.1.4.1.1.128',
  SR: '1.2.840.10008.5.1.4.1.1.88.33',
  CSA: '1.3.12.2.1107.5.9.1',
};

function combinations(values: readonly (string | string[])[]): string[][] {
  return values.reduce<string[][]>(
    (all, value) => all.flatMap((own) => [value].flat().map((one) => [...own, one])),
    [[]],
  );
}

test('so many rows stand in Tables 70 to 73, 89 and 90', () => {
  const count = (table: number) => IMAGE_TYPES.filter((row) => row.table === table).length;
  // the two choices of physiological data, and the three of list mode, are rows of their own
  assert.equal([70, 71, 72, 73, 89, 90].map(count), [60, 2, 77, 1, 4, 11]);
});

test('every combination of every row is recognised as an image of that text, and can be written', () => {
  const limit = vrRule('CS')!.max!;
  for (const row of IMAGE_TYPES.filter(({ sameAs }) => !sameAs)) {
    for (const values of combinations(row.values)) {
      const found = recogniseImageType(CLASSES[row.iod]!, values);
      assert.equal([found?.iod, found?.values.length], [row.iod, row.values.length], values.join('\\'));
      assert.ok(
        values.every((value) => (value.length <= limit || row.iod === 'CSA') && /^[A-Z0-9_ ]+$/.test(value)),
        values.join('\\'),
      );
    }
  }
});

test('what real objects of the family carry is known', () => {
  const name = (sopClass: string, ...values: string[]) => recogniseImageType(sopClass, values)?.name;
  assert.is(name(CT, 'ORIGINAL', 'PRIMARY', 'LOCALIZER', 'CT_SOM5 TOP'), 'Topogram');
  assert.is(name(CT, 'ORIGINAL', 'SECONDARY', 'AXIAL', 'CT_SOM5 SPI'), 'Spiral Image');
  assert.is(name(CT, 'ORIGINAL', 'PRIMARY', 'AXIAL', 'CT_SOM5 MON', 'PMON'), 'Premonitoring Image');
  assert.is(
    name(CT, 'DERIVED', 'SECONDARY', 'CORONAL', 'CT_SOM7 VPCT', 'CBF'),
    'PerfusionCT Image (NeuroVPCT Blood Flow)',
  );
  assert.is(name(SC, 'DERIVED', 'SECONDARY', 'OTHER', 'CT_SOM5 PROT'), 'Protocol Image');
  // energies and detectors of two tubes may follow
  const dual = ['ORIGINAL', 'PRIMARY', 'AXIAL', 'CT_SOM5 SPI DUAL', 'STD', 'DNRG', 'DET_AB'];
  assert.is(name(CT, ...dual), 'Spiral Image (Dual Tube)');
});

test('other makers’ types, other classes and odd values are not', () => {
  const known = (sopClass: string, ...values: string[]) => recogniseImageType(sopClass, values) !== undefined;
  assert.is(known(CT, 'ORIGINAL', 'PRIMARY', 'AXIAL'), false);
  assert.is(known(CT, 'ORIGINAL', 'PRIMARY', 'AXIAL', 'CT_SOM5 SPI', 'NEW'), false);
  assert.is(known(CT, 'DNRG', 'PRIMARY', 'AXIAL', 'CT_SOM5 SPI'), false);
  assert.is(known(SC, 'ORIGINAL', 'PRIMARY', 'AXIAL', 'CT_SOM5 SPI'), false);
  assert.is(known('1.2.3', 'ORIGINAL', 'PRIMARY'), false);
  assert.is(known(CT), false);
});

test('raw data carry the types of images, and are named after them', () => {
  const name = (...values: string[]) => recogniseImageType(CLASSES.CSA!, values)?.name;
  assert.is(name('ORIGINAL', 'PRIMARY', 'AXIAL', 'CT_SOM5 SPI'), 'Raw Data: Spiral Image');
  assert.is(name('ORIGINAL', 'PRIMARY', 'PET_LISTMODE', 'PET_LM_CARDIAC'), 'Listmode data (cardiac)');
  assert.is(name('DERIVED', 'PRIMARY'), 'Attenuation correction data');
  assert.is(name('ORIGINAL', 'PRIMARY', 'PET_NOTHING'), undefined);
  assert.is(name(), undefined);
});

test('what is made is what its row says, the first of alternatives', () => {
  assert.equal(imageType('spiral'), ['ORIGINAL', 'PRIMARY', 'AXIAL', 'CT_SOM5 SPI']);
  assert.equal(imageType('topogram'), ['ORIGINAL', 'PRIMARY', 'LOCALIZER', 'CT_SOM5 TOP']);
  assert.equal(imageType('pet'), ['ORIGINAL', 'PRIMARY']);
  assert.equal(imageType('listmodeRespiratory')[3], 'PET_LM_RESPIRATO', 'the 16 characters of CS');
});

test.run();
