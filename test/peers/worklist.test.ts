/** The worklist SCU against DCMTK's and Orthanc's worklists. */

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { text } from '../../runtime/dicom/dataset/dataset.js';
import type { PlainDataset } from '../../runtime/dicom/dataset/plain.js';
import { askWorklist, type WorklistAnswer } from '../../runtime/worklist/client.js';
import { mappedAttributes } from '../../runtime/worklist/mapping.js';
import { type BroadQuery, broadQuery, type PatientQuery, patientQuery } from '../../runtime/worklist/query.js';
import { localNode, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { type Orthanc, type Peer, startOrthanc, startWorklist, writeWorklist } from '../helpers/peers.js';

enterPrivateNetwork();

const test = suite('worklists of other makers');
const folder = scratch();
let dcmtk: Peer;
let orthanc: Orthanc;

/** One entry of which a test needs to know this much. */
function entry(id: number, step: PlainDataset, more: PlainDataset = {}): PlainDataset {
  return {
    SpecificCharacterSet: 'ISO_IR 100',
    AccessionNumber: `A${id}`,
    PatientName: `Patient^${id}`,
    PatientID: `P${id}`,
    PatientBirthDate: '19700101',
    PatientSex: 'O',
    ReferringPhysicianName: `Referrer^${id}`,
    StudyInstanceUID: `2.25.7${id}`,
    RequestedProcedureID: `RP${id}`,
    RequestedProcedureDescription: 'PET/CT',
    CurrentPatientLocation: `WARD ${id}`,
    MedicalAlerts: 'PACEMAKER',
    PatientWeight: '71.5',
    RequestedProcedureCodeSequence: [{ CodeValue: 'WB', CodingSchemeDesignator: '99X', CodeMeaning: 'Whole body' }],
    ScheduledProcedureStepSequence: [
      {
        Modality: 'PT',
        ScheduledStationAETitle: 'PETRIG',
        ScheduledProcedureStepStartDate: '20261123',
        ScheduledProcedureStepStartTime: `0${id}0000`,
        ScheduledPerformingPhysicianName: `Performer^${id}`,
        ScheduledProcedureStepDescription: 'Step',
        ScheduledProcedureStepID: `SPS${id}`,
        ...step,
      },
    ],
    ...more,
  };
}

const ENTRIES = [
  entry(1, {}),
  entry(2, { ScheduledProcedureStepStartDate: '20261124' }, { PatientName: 'Größe^Zoë' }),
  entry(3, { Modality: 'CT' }),
  entry(4, { ScheduledStationAETitle: 'OTHER' }),
  entry(5, {}, { SpecificCharacterSet: 'ISO_IR 192', PatientName: 'Иванов^Иван' }),
];

test.before(async () => {
  dcmtk = await startWorklist({ folder: join(folder, 'dcmtk'), entries: ENTRIES });
  await writeWorklist(join(folder, 'wl'), ENTRIES);
  const modalities = { petrig: localNode(104, 'PETRIG') }; // it answers those that it knows
  orthanc = await startOrthanc({ folder: join(folder, 'orthanc'), worklist: join(folder, 'wl'), modalities });
});
test.after(async () => {
  await Promise.all([dcmtk.stop(), orthanc.stop()]);
});

const peers = (): [string, Peer][] => [
  ['wlmscpfs', dcmtk],
  ['Orthanc', orthanc],
];

function ask(peer: Peer, query: Parameters<typeof askWorklist>[0], limit = 200): Promise<WorklistAnswer> {
  return askWorklist(query, { ...scu(peer.node), limit, waitSeconds: 20 });
}

const steps = ({ items, error }: WorklistAnswer) => {
  assert.is(error, undefined, error?.message);
  return items.map(({ stepId }) => stepId).sort();
};

const BROAD: [string, BroadQuery, string[]][] = [
  ['own AE title, any modality', { stationAeTitle: 'PETRIG', modality: '*' }, ['SPS1', 'SPS2', 'SPS3', 'SPS5']],
  ['own modality, any AE title', { stationAeTitle: '*', modality: 'PT' }, ['SPS1', 'SPS2', 'SPS4', 'SPS5']],
  ['one day', { stationAeTitle: 'PETRIG', modality: '*', startDate: '20261124-20261124' }, ['SPS2']],
  [
    'a range of times',
    { stationAeTitle: 'PETRIG', startDate: '20261123-20261123', startTime: '000000-030000' },
    ['SPS1', 'SPS3'],
  ],
];

for (const [name, query, expected] of BROAD) {
  test(`broad query: ${name}`, async () => {
    for (const [maker, peer] of peers()) {
      const answer = await ask(peer, broadQuery(query));
      assert.equal(steps(answer), expected, maker);
      assert.ok(answer.complete, maker);
    }
  });
}

/** DCMTK's worklist does not match on the last two: PS3.4 makes them optional. */
const KEYS: [keyof PatientQuery, string, string[], boolean][] = [
  ['patientName', 'Patient^3', ['SPS3'], true],
  ['patientName', 'Pat*', ['SPS1', 'SPS3', 'SPS4'], true],
  ['patientId', 'P4', ['SPS4'], true],
  ['accessionNumber', 'A1', ['SPS1'], true],
  ['requestedProcedureId', 'RP2', ['SPS2'], true],
  ['performingPhysician', 'Performer^5', ['SPS5'], true],
  ['referringPhysician', 'Referrer^3', ['SPS3'], false],
  ['currentLocation', 'WARD 1', ['SPS1'], false],
];

for (const [key, value, expected, everywhere] of KEYS) {
  test(`patient based query by ${key} ${value}`, async () => {
    for (const [maker, peer] of peers()) {
      if (peer === dcmtk && !everywhere) continue;
      assert.equal(steps(await ask(peer, patientQuery({ [key]: value }))), expected, maker);
    }
  });
}

test('return keys come whole, text in its characters, codes where they belong', async () => {
  for (const [maker, peer] of peers()) {
    const { items } = await ask(peer, broadQuery({ stationAeTitle: 'PETRIG' }));
    const names = items.map(({ patientName }) => patientName);
    // Orthanc answers in its own default encoding, which is Latin-1
    const readable = peer === orthanc ? ['Größe^Zoë'] : ['Größe^Zoë', 'Иванов^Иван'];
    for (const name of readable) assert.ok(names.includes(name), `${maker}: ${names}`);
    const first = items.find(({ stepId }) => stepId === 'SPS1')!;
    const mapped = mappedAttributes(first.attributes, 'object');
    assert.equal([text(mapped, 'MedicalAlerts'), text(mapped, 'PatientWeight')], ['PACEMAKER', '71.5'], maker);
    const code = mapped['00081032']?.Value[0] as Parameters<typeof text>[0];
    assert.equal([text(code, 'CodeValue'), text(code, 'CodeMeaning')], ['WB', 'Whole body'], maker);
    assert.is(text(mapped, 'ReferringPhysicianName'), 'Referrer^1', maker);
  }
});

test('a key beyond ASCII is found in the character set that both know', async () => {
  const latin = { emptyCharacterSet: true, characterSets: ['ISO_IR 100'] };
  assert.equal(steps(await ask(orthanc, patientQuery({ patientName: 'Größe^Zoë' }, latin))), ['SPS2']);
  assert.equal(steps(await ask(dcmtk, patientQuery({ patientName: 'Größe^Zoë' }, latin))), ['SPS2']);
  const cyrillic = patientQuery({ patientName: 'Иванов*' });
  assert.equal(steps(await ask(dcmtk, cyrillic)), ['SPS5']);
});

test('the empty character set can be left out', async () => {
  const silent = { emptyCharacterSet: false, characterSets: [] };
  for (const [maker, peer] of peers())
    assert.is((await ask(peer, broadQuery({ modality: 'CT' }, silent))).items.length, 1, maker);
});

test('more than the limit is cut off and said; exactly the limit is complete', async () => {
  for (const [maker, peer] of peers()) {
    const all = await ask(peer, broadQuery(), 5);
    assert.equal([all.items.length, all.complete, all.notes], [5, true, []], maker);
    const cut = await ask(peer, broadQuery(), 3);
    assert.equal([cut.items.length, cut.complete], [3, false], maker);
    assert.match(cut.notes.join(), /more than 3 entries/, maker);
  }
});

test('a title that the node does not serve is an error of the answer, and nothing is thrown', async () => {
  const node = { ...dcmtk.node, aeTitle: 'NOBODY' };
  const answer = await askWorklist(broadQuery(), { ...scu(node), limit: 200, waitSeconds: 5 });
  assert.equal([answer.items, answer.complete], [[], false]);
  assert.ok(answer.error);
});

test.run();
