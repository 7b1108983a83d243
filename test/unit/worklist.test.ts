import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dataset, dataset, text } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { itemFromDataset } from '../../runtime/worklist/item.js';
import {
  elementAt,
  mappedAttributes,
  requestAttributes,
  WORKLIST_TABLE,
  worklistStatusText,
} from '../../runtime/worklist/mapping.js';
import { broadQuery, patientQuery } from '../../runtime/worklist/query.js';

const EXPLICIT = '1.2.840.10008.1.2.1';

const code = (value: string, scheme: string, meaning: string) =>
  dataset({ CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning });

const answer = (): Dataset =>
  dataset({
    SpecificCharacterSet: 'ISO_IR 100',
    AccessionNumber: 'A1',
    PatientName: 'Grünwald^Zoë',
    PatientID: 'PID7',
    PatientBirthDate: '19610704',
    PatientSex: 'F',
    PatientWeight: '71.5',
    MedicalAlerts: 'PACEMAKER',
    ReferringPhysicianName: 'Ref^Doc',
    RequestingPhysician: 'Req^Doc',
    StudyInstanceUID: '1.2.3.4',
    RequestedProcedureID: 'RP1',
    RequestedProcedureDescription: 'FDG whole body',
    RequestedProcedureCodeSequence: code('WB', 'LOCAL', 'Whole body'),
    NamesOfIntendedRecipientsOfResults: 'Tumour^Board',
    ReferencedPatientSequence: dataset({
      ReferencedSOPClassUID: '1.2.840.10008.3.1.2.1.1',
      ReferencedSOPInstanceUID: '1.2.9',
    }),
    PlacerOrderNumberImagingServiceRequest: 'PL1',
    ScheduledProcedureStepSequence: dataset({
      Modality: 'PT',
      ScheduledStationAETitle: 'PETRIG',
      ScheduledProcedureStepStartDate: '20260105',
      ScheduledProcedureStepStartTime: '0930',
      ScheduledPerformingPhysicianName: 'Per^Former',
      ScheduledProcedureStepDescription: 'PET/CT step',
      ScheduledProtocolCodeSequence: code('P1', 'LOCAL', 'Protocol one'),
      ScheduledProcedureStepID: 'SPS1',
      ScheduledProcedureStepLocation: 'ROOM 3',
      PreMedication: 'none',
    }),
  });

const roundTrip = (ds: Dataset) => decodeDataset(encodeDataset(ds, EXPLICIT), EXPLICIT);

test('an answer becomes an item whose text survives its character set', () => {
  const item = itemFromDataset(roundTrip(answer()));
  assert.is(item.patientName, 'Grünwald^Zoë');
  assert.equal(item.characterSet, ['ISO_IR 100']);
  assert.equal([item.stepId, item.accessionNumber, item.modality, item.startTime], ['SPS1', 'A1', 'PT', '0930']);
  assert.equal(JSON.parse(JSON.stringify(item)), item, 'it is plain JSON');
});

test('an answer without patient or step is refused by name', () => {
  for (const tag of ['00100020', '00100010', '0020000D', '00400100']) {
    const { [tag]: _gone, ...rest } = answer();
    assert.throws(() => itemFromDataset(rest), /is missing/);
  }
});

test('every row of the table lands in the tags that it names, and nowhere else', () => {
  for (const target of ['object', 'mpps'] as const) {
    for (const row of WORKLIST_TABLE.keys) {
      if (row.path.length > 1 || row.name === 'ScheduledProcedureStepSequence') continue;
      const value = row.vr === 'SQ' ? code('X', 'Y', 'Z') : 'VALUE';
      let ds: Dataset = { [row.tag]: { vr: row.vr, Value: [value] } };
      if (row.path.length === 1 && row.path[0] !== '00400100') continue; // codes move with their sequence
      if (row.path.length === 1) ds = { [row.path[0]!]: { vr: 'SQ', Value: [ds] } };
      const mapped = mappedAttributes(ds, target);
      assert.equal(Object.keys(mapped).sort(), [...(row[target] ?? [])].sort(), `${row.name} in ${target}`);
      for (const element of Object.values(mapped)) assert.equal(element.Value, [value]);
    }
  }
});

// written by hand from the statement, not from the table: destination tag, value, object or MPPS
const EXPECTED: [string, string, 'object' | 'mpps'][] = [
  ['00400253', 'SPS1', 'mpps'], // step ID is the default of the performed step's
  ['00400253', 'SPS1', 'object'],
  ['00400254', 'PET/CT step', 'mpps'],
  ['00400007', 'PET/CT step', 'object'],
  ['00200010', 'RP1', 'object'], // requested procedure ID is the default of the study's
  ['00200010', 'RP1', 'mpps'],
  ['00400243', 'ROOM 3', 'mpps'], // location
  ['00400241', 'PETRIG', 'mpps'],
  ['00081050', 'Per^Former', 'object'],
  ['00081048', 'Tumour^Board', 'object'],
  ['00080090', 'Ref^Doc', 'object'],
  ['00321032', 'Req^Doc', 'mpps'],
  ['00321060', 'FDG whole body', 'object'],
  ['00402016', 'PL1', 'mpps'],
  ['00101030', '71.5', 'object'],
  ['00102000', 'PACEMAKER', 'object'],
  ['0020000D', '1.2.3.4', 'mpps'],
];

test('defaults and renamed attributes land where the statement says', () => {
  const { attributes } = itemFromDataset(roundTrip(answer()));
  for (const [tag, value, target] of EXPECTED) {
    assert.is(String(mappedAttributes(attributes, target)[tag]?.Value[0]), value, `${target} ${tag}`);
  }
  const object = mappedAttributes(attributes, 'object');
  for (const tag of ['00081032', '00321064']) assert.is(text(object[tag]?.Value[0] as Dataset, 'CodeValue'), 'WB', tag);
  assert.is(text(object['00400260']?.Value[0] as Dataset, 'CodeMeaning'), 'Protocol one');
  assert.is(object['00400243'], undefined, 'the location goes to MPPS only');
  assert.is(object['00400012'], undefined, 'pre-medication is for the display only');
  assert.is(mappedAttributes(attributes, 'mpps')['00101030'], undefined, 'weight does not go to MPPS');
  assert.equal(
    Object.keys(requestAttributes(attributes)).sort(),
    ['0020000D', '00080050', '00321060', '00321064', '00400007', '00400008', '00400009', '00401001'].sort(),
  );
});

test('the broad query matches on what is set and asks for every return key', () => {
  const query = broadQuery({ stationAeTitle: 'PETRIG', startDate: '20260105-20260106' });
  assert.is(elementAt(query, ['00400100'], '00400001')?.Value[0], 'PETRIG');
  assert.is(elementAt(query, ['00400100'], '00400002')?.Value[0], '20260105-20260106');
  const step = query['00400100']?.Value[0] as Dataset;
  assert.equal(step['00080060'], { vr: 'CS', Value: [] }, 'modality matches all');
  for (const row of WORKLIST_TABLE.keys) {
    if (row.name === 'SpecificCharacterSet' || row.path.length > 1) continue;
    if (row.path.length === 0) assert.ok(query[row.tag], row.name);
    if (row.path[0] === '00400100') assert.ok(step[row.tag], row.name);
  }
  assert.ok(encodeDataset(query, EXPLICIT).length > 400);
});

test('a patient query in a name beyond Latin-1 declares its character set', () => {
  const query = patientQuery({ patientName: '山田^太郎', patientId: 'P1' });
  assert.equal(query['00080005']?.Value, ['ISO_IR 192']);
  assert.is(roundTrip(query)['00100010']?.Value[0], '山田^太郎');
  assert.equal(patientQuery({ patientName: 'Plain^Name' })['00080005']?.Value, [], 'empty, but sent');
});

test('how a node wants text is its own setting', () => {
  const silent = { emptyCharacterSet: false, characterSets: ['ISO_IR 144'] };
  assert.is(patientQuery({ patientName: 'Plain^Name' }, silent)['00080005'], undefined);
  assert.equal(patientQuery({ patientName: 'Иванов^Иван' }, silent)['00080005']?.Value, ['ISO_IR 144']);
  assert.throws(() => patientQuery({ patientName: '山田^太郎' }, silent), /ISO_IR 144/);
});

test('a patient based query wants a key that narrows', () => {
  for (const keys of [{}, { patientName: '*' }, { patientId: ' ', startDate: '20260105' }]) {
    assert.throws(() => patientQuery(keys), /at least one of patientName/);
  }
  const keyed = patientQuery({ performingPhysician: 'Per^*', currentLocation: 'WARD 7', startDate: '20260105-' });
  assert.is(elementAt(keyed, ['00400100'], '00400006')?.Value[0], 'Per^*');
  assert.is(elementAt(keyed, ['00400100'], '00400002')?.Value[0], '20260105-');
  assert.is(elementAt(keyed, [], '00380300')?.Value[0], 'WARD 7');
});

test('the statuses of the query have their meaning', () => {
  for (const [status, meaning] of [
    ['A700', /out of resources/],
    ['A900', /does not match the SOP class/],
    ['C001', /unable to process/],
    ['FE00', /ended by the node/],
  ] as const) {
    assert.match(worklistStatusText(status) ?? '', meaning, status);
  }
  assert.is(worklistStatusText('0122'), undefined);
});

test.run();
