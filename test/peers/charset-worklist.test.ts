/** Names of the world's scripts from a worklist into objects and the performed step: wlmscpfs gives them, pydicom reads them. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../hal/base/log.js';
import { bulkOf } from '../../runtime/dicom/dataset/bulk.js';
import { type Dataset, dataset, items, setElement, text, texts } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { encodeFileMeta } from '../../runtime/dicom/dataset/file-meta.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { find } from '../../runtime/dicom/services/find-scu.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { mppsCreation } from '../../runtime/network/mpps-dataset.js';
import { csaInstances } from '../../runtime/objects/csa.js';
import { itemFromDataset } from '../../runtime/worklist/item.js';
import { broadQuery } from '../../runtime/worklist/query.js';
import { scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { type Peer, startWorklist } from '../helpers/peers.js';
import { askPydicom } from '../helpers/pydicom.js';
import { START, specimenContext, specimenExam, worklistAnswer } from '../helpers/specimens.js';

enterPrivateNetwork();

const test = suite('scripts of the world');
const folder = scratch();
let peer: Peer;
const answers = new Map<string, Dataset>();

interface Entry {
  id: string;
  terms: string;
  name: string;
  description: string;
  /** What the objects must declare, where it is not `terms`. */
  declared?: string;
}

const ENTRIES: readonly Entry[] = [
  { id: 'japanese', terms: '\\ISO 2022 IR 87', name: 'Yamada^Tarou=山田^太郎=やまだ^たろう', description: '全身撮影' },
  {
    id: 'katakana',
    terms: 'ISO 2022 IR 13\\ISO 2022 IR 87',
    name: 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
    description: '頭部ＰＥＴ',
  },
  { id: 'kanji', terms: '\\ISO 2022 IR 87\\ISO 2022 IR 159', name: 'A^B=丂山^太郎', description: '移' },
  { id: 'korean', terms: '\\ISO 2022 IR 149', name: 'Hong^Gildong=洪^吉洞=홍^길동', description: '전신' },
  { id: 'chinese', terms: '\\ISO 2022 IR 58', name: 'Zhang^XiaoDong=张^小东', description: '全身' },
  { id: 'gb18030', terms: 'GB18030', name: 'Wang^XiaoDong=王^小东', description: '頭部乗' },
  { id: 'unicode', terms: 'ISO_IR 192', name: 'Wang^XiaoDong=王^小東', description: '頭部 Ö Я' },
  { id: 'cyrillic', terms: 'ISO_IR 144', name: 'Люксембург^Роза', description: 'Всё тело' },
  { id: 'greek', terms: 'ISO_IR 126', name: 'Διονυσιος^Α', description: 'Σώμα' },
  { id: 'arabic', terms: 'ISO_IR 127', name: 'قباني^لنزار', description: 'جسم' },
  { id: 'hebrew', terms: 'ISO_IR 138', name: 'שרון^דבורה', description: 'גוף' },
  { id: 'turkish', terms: 'ISO_IR 148', name: 'Şahin^Işık', description: 'Gövde' },
  { id: 'polish', terms: 'ISO_IR 101', name: 'Wałęsa^Jan', description: 'Całe ciało' },
  { id: 'mixed', terms: 'ISO 2022 IR 100\\ISO 2022 IR 144', name: 'Müller^Вера', description: 'é Ж' },
  { id: 'misspelled', terms: 'ISO-IR 144', name: 'Иванов^Пётр', description: 'Тело', declared: 'ISO_IR 144' },
];

/** A worklist entry as a .wl file. pydicom writes it, so that our encoder has no part in it. */
function entryFiles(database: string): void {
  const files = ENTRIES.map((entry) => {
    const ds = worklistAnswer('X', '');
    setElement(ds, 'AccessionNumber', 'SH', [entry.id]);
    const object = {
      sopClassUid: '1.2.276.0.7230010.3.1.0.1',
      sopInstanceUid: '2.25.9',
      transferSyntax: EXPLICIT_LITTLE_ENDIAN,
    };
    const bytes = Buffer.concat([encodeFileMeta(object), encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN)]);
    return { ...entry, path: join(database, `${entry.id}.wl`), hex: bytes.toString('hex') };
  });
  const script = `
from pydicom.dataelem import RawDataElement
from pydicom.charset import convert_encodings, encode_string
from pydicom.valuerep import PersonName
for e in data:
    d = pydicom.dcmread(io.BytesIO(bytes.fromhex(e['hex'])))
    d.decode()
    d.SpecificCharacterSet = e['terms'].split('\\\\')
    encodings = convert_encodings(e['terms'].split('\\\\'))
    d.PatientName = PersonName(e['name'])
    # its GB2312 codec writes no escape sequence
    if '58' in e['terms']:
        d.PatientName = PersonName(e['name'].replace('=', '=\\x1b$)A').replace('=\\x1b$)A张^', '=\\x1b$)A张^\\x1b$)A'))
        d.RequestedProcedureDescription = '\\x1b$)A' + e['description']
    else:
        d.RequestedProcedureDescription = e['description']
    d.save_as(e['path'])
answer = True
`;
  assert.is(askPydicom(script, files), true);
}

test.before(async () => {
  const database = join(folder, 'WLM');
  mkdirSync(database, { recursive: true });
  entryFiles(database);
  peer = await startWorklist({ folder, entries: [] });
  const query = { ...scu(peer.node, { log: silentLog }), sopClass: UIDS.modalityWorklist, query: broadQuery({}) };
  for await (const answer of find(query)) answers.set(text(answer, 'AccessionNumber')!, answer);
});
test.after(() => peer?.stop());

test('every entry arrives with its characters', () => {
  for (const { id, name, description, terms } of ENTRIES) {
    const answer = answers.get(id);
    assert.ok(answer, `${id} was not answered: ${[...answers.keys()].join()}`);
    assert.is(texts(answer, 'SpecificCharacterSet').join('\\'), terms, id);
    assert.is(text(answer, 'PatientName'), name, id);
    assert.is(text(answer, 'RequestedProcedureDescription'), description, id);
  }
});

test('the objects and the performed step carry them on in the same set, for pydicom too', () => {
  const made = ENTRIES.map(({ id }) => {
    const exam = specimenExam(answers.get(id)!);
    const part = { kind: 'protocol', header: 'x', data: bulkOf(), startedAt: START, acquisitionNumber: 1 } as const;
    const series = csaInstances(specimenContext(exam), { seriesNumber: 1, description: 'protocol' }, [part]);
    const object = [...series.objects][0]!.dataset;
    const mpps = mppsCreation(exam, { aeTitle: 'PETRIG', stationName: 'PETRIG' });
    return [object, mpps].map((ds) => encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN));
  });
  const script = `
answer = []
for pair in data:
    row = []
    for hexed in pair:
        d = read_dataset(io.BytesIO(bytes.fromhex(hexed)), False, True)
        cs = d.SpecificCharacterSet
        cs = cs if isinstance(cs, str) else '\\\\'.join(cs)
        row.append([cs, str(d.PatientName).replace('\\x1b$)A', '')])
    answer.append(row)
`;
  const read = askPydicom<[string, string][][]>(
    script,
    made.map((pair) => pair.map((bytes) => bytes.toString('hex'))),
  );
  for (const [i, { id, name, terms, declared = terms }] of ENTRIES.entries()) {
    for (const [set, patient] of read[i]!) {
      assert.is(set, declared, id);
      assert.is(patient, name, id);
    }
    const object = decodeDataset(made[i]![0]!, EXPLICIT_LITTLE_ENDIAN);
    const [request] = items(object, 'RequestAttributesSequence');
    assert.is(text(request!, 'RequestedProcedureDescription'), ENTRIES[i]!.description, id);
  }
});

test('an item survives being kept as JSON', () => {
  for (const { id, name } of ENTRIES) {
    const kept = JSON.parse(JSON.stringify(itemFromDataset(answers.get(id)!)));
    assert.is(kept.patientName, name, id);
  }
});

test('a name typed by people finds its entry whatever set the entry is in', async () => {
  // wlmscpfs compares bytes: the query must be in the entry's set
  for (const { id, terms, name } of ENTRIES.filter((entry) => /ISO_IR (144|192)|GB18030/.test(entry.terms))) {
    const query = setElement(broadQuery({}), 'PatientName', 'PN', [name]);
    setElement(query, 'SpecificCharacterSet', 'CS', [terms]);
    const found: string[] = [];
    for await (const answer of find({
      ...scu(peer.node, { log: silentLog }),
      sopClass: UIDS.modalityWorklist,
      query,
    })) {
      found.push(text(answer, 'AccessionNumber')!);
    }
    assert.equal(found, [id]);
  }
});

test('an entry whose bytes do not fit its set is read as Latin-1 and said so', async () => {
  const warned: object[] = [];
  const log = { ...silentLog, warn: (fields: object) => void warned.push(fields), child: () => log };
  const bad = encodeDataset(
    { ...worklistAnswer('Größe^Zoë', 'ISO_IR 100'), ...dataset({ AccessionNumber: 'bad' }) },
    EXPLICIT_LITTLE_ENDIAN,
  );
  bad.write('ISO_IR 192', bad.indexOf('ISO_IR 100'));
  const object = {
    sopClassUid: '1.2.276.0.7230010.3.1.0.1',
    sopInstanceUid: '2.25.9',
    transferSyntax: EXPLICIT_LITTLE_ENDIAN,
  };
  writeFileSync(join(folder, 'WLM', 'bad.wl'), Buffer.concat([encodeFileMeta(object), bad]));
  const query = setElement(broadQuery({}), 'AccessionNumber', 'SH', ['bad']);
  const names: (string | undefined)[] = [];
  for await (const answer of find({ ...scu(peer.node, { log }), sopClass: UIDS.modalityWorklist, query })) {
    names.push(text(answer, 'PatientName'));
  }
  assert.equal(names, ['Größe^Zoë']);
  assert.ok(warned.some((fields) => 'declared' in fields && fields.declared === 'ISO_IR 192'));
});

test.run();
