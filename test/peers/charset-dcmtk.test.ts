/**
 * DCMTK turns our text of every set into UTF-8 (dcmconv +U8 goes through iconv): the characters must be the
 * same. Its iconv has no ISO 2022 IR 87 and 159: pydicom judges those.
 */

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dataset, text } from '../../runtime/dicom/dataset/dataset.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { writePart10File } from '../../runtime/dicom/dataset/part10.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { CT_IMAGE, scratch } from '../helpers/dicom.js';
import { runTool } from '../helpers/peers.js';

const test = suite('character sets and DCMTK');
const folder = scratch();

const NAMES: readonly [string, string][] = [
  ['ISO_IR 100', 'Größe^Zoë'],
  ['ISO_IR 101', 'Wałęsa^Jan'],
  ['ISO_IR 109', 'Ġorġ^Ħal'],
  ['ISO_IR 110', 'Bērziņš^Jānis'],
  ['ISO_IR 144', 'Люксембург^Роза'],
  ['ISO_IR 127', 'قباني^لنزار'],
  ['ISO_IR 126', 'Διονυσιος^Α'],
  ['ISO_IR 138', 'שרון^דבורה'],
  ['ISO_IR 148', 'Şahin^Işık'],
  ['ISO_IR 166', 'ไทย^ชื่อ'],
  ['ISO_IR 13', 'ﾔﾏﾀﾞ^ﾀﾛｳ'],
  ['GB18030', 'Wang^XiaoDong=王^小东'],
  ['GBK', 'Wang^XiaoDong=王^小东'],
  ['\\ISO 2022 IR 149', 'Hong^Gildong=洪^吉洞=홍^길동'],
  ['\\ISO 2022 IR 58', 'Zhang^XiaoDong=张^小东'],
  ['ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126', 'Müller^Вера Ωé'],
];

test('dcmconv reads the names that we write', async () => {
  for (const [terms, name] of NAMES) {
    const path = join(folder, 'in.dcm');
    const converted = join(folder, 'out.dcm');
    const ds = dataset({
      SpecificCharacterSet: terms.split('\\'),
      SOPClassUID: CT_IMAGE,
      SOPInstanceUID: '2.25.7',
      PatientName: name,
      PatientComments: name,
    });
    await writePart10File(path, ds, EXPLICIT_LITTLE_ENDIAN);
    const { code, output } = await runTool('dcmconv', ['+U8', path, converted]);
    assert.is(code, 0, `${terms}: ${output}`);
    const { dataset: read } = await readHeader(converted);
    assert.is(text(read, 'SpecificCharacterSet'), 'ISO_IR 192', terms);
    assert.is(text(read, 'PatientName'), name, terms);
    assert.is(text(read, 'PatientComments'), name, terms);
  }
});

test.run();
