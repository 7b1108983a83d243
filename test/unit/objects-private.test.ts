/** Every row of the statement's tables of private elements: CSA and MEDCOM headers of images, CSA Non-Image objects, private PET elements. */

import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bulkOf } from '../../runtime/dicom/dataset/bulk.js';
import { type CsaPart, csaInstances, protocolPart } from '../../runtime/objects/csa.js';
import { ctInstances } from '../../runtime/objects/ct.js';
import { iodRows } from '../../runtime/objects/modules.js';
import { petInstances } from '../../runtime/objects/pet.js';
import { REGISTERED } from '../helpers/registered-rows.js';
import {
  acquisitionOf,
  CT,
  PET,
  START,
  specimenContext,
  specimenExam,
  TOPOGRAM,
  volumeOf,
} from '../helpers/specimens.js';
import {
  absent,
  binary,
  checkModule,
  checkRows,
  type Expectation,
  type JsonDataset,
  said,
  seenByPydicom,
  starting,
  storedFiles,
} from '../helpers/statement-rows.js';

const test = suite('private elements');

const exam = { ...specimenExam(), imageComment: 'arms up' };
const base = specimenContext(exam);
const context = {
  ...base,
  bodyRegion: 'CHEST',
  equipment: { ...base.equipment, institutionAddress: 'Street 1', stationName: 'RIG1' },
};
const topogram = { sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '1.2.3.4' };

const ct = ctInstances(context, {
  range: CT,
  recon: CT.recons[0]!,
  acquisition: acquisitionOf(CT, START + 20_000),
  volume: volumeOf([512, 512, 1], [0.9765625, 0.9765625, 3], 'HU', () => 0),
  acquisitionNumber: 2,
  seriesNumber: 2,
  description: 'CT WB 5.0 B31f',
  irradiationEventUid: '1.2.3.5',
});
const breath = {
  startingAmplitude: 0,
  startingPhase: 'INSPIRATION',
  endingAmplitude: 35,
  endingPhase: 'MAXIMUM',
} as const;
const scan = START + 60_000;
const pet = petInstances(context, {
  range: { ...PET, beds: [{ centreZ: 0, seconds: 60 }], gating: 'respiration' },
  recon: PET.recons[0]!,
  acquisition: { frames: acquisitionOf({ ...PET, beds: [{ centreZ: 0, seconds: 60 }] }, scan).frames },
  frames: [
    {
      volume: volumeOf([4, 4, 1], [8, 8, 2], 'BQML', () => 10),
      frame: 0,
      gate: { slot: 1, slots: 4, triggerTime: 0, frameTime: 900, breath },
    },
  ],
  rangeNumber: 3,
  seriesNumber: 3,
  description: 'PET WB',
  corrections: ['NORM', 'RAN'],
});

const LISTMODE_TEXT = '!INTERFILE:=\n%comment:=list mode\n';
const part = (kind: CsaPart['kind'], more: Partial<CsaPart> = {}): CsaPart => ({
  kind,
  header: LISTMODE_TEXT,
  data: bulkOf(Buffer.alloc(1 << 20, 7)),
  startedAt: scan,
  acquisitionNumber: 2001,
  references: [topogram],
  ...more,
});
const plan = { protocol: 'wholebody-fdg', title: 'WB', dosePhantom: 'BODY' as const, ranges: [TOPOGRAM, CT, PET] };
const raw = csaInstances(context, { seriesNumber: 4, description: 'PET Raw Data' }, [
  part('listmode', { label: 'Bed 1' }),
  part('listmode', { gating: 'ecg' }),
  part('listmode', { gating: 'respiration' }),
  part('ct'),
  part('topogram'),
  protocolPart(plan, { acquisitionNumber: 1, startedAt: START }),
  part('physio'),
  part('physio', { gating: 'ecg' }),
  part('physio', { gating: 'respiration' }),
]);

const files = await storedFiles([...ct.objects, ...pet.objects, ...raw.objects]);
const [slice, petSlice, ...csa] = seenByPydicom(files);
const [listmode] = csa;

const bytes = (object: JsonDataset, tag: string) => Buffer.from(object[tag]!.InlineBinary!, 'base64');
const HEADER = 'SIEMENS CSA HEADER';
const MEDCOM = 'SIEMENS MEDCOM HEADER';
const LINK = `0029xx70:${MEDCOM}`;

/** Table 82 of what has `megabytes` of data and no application header. */
const medcom = (megabytes: number): Record<string, Expectation> => ({
  [`0029xx08:${MEDCOM}`]: ['MEDCOM 1'],
  [`0029xx09:${MEDCOM}`]: ['1.0'],
  [`0029xx10:${MEDCOM}`]: [
    said(`%scanner:=Biograph64-1104\n%software:=${context.equipment.softwareVersions}\n%protocol:=wholebody-fdg\n`),
  ],
  [`0029xx20:${MEDCOM}`]: [starting('CSA HISTORY\0')],
  [`0029xx51:${MEDCOM}`]: ['00'],
  [`0029xx52:${MEDCOM}`]: ['00'],
  [`0029xx53:${MEDCOM}`]: ['ONLINE'],
  [`0029xx54:${MEDCOM}`]: [0],
  [`0029xx55:${MEDCOM}`]: [megabytes],
  '0029xx60:SIEMENS MEDCOM HEADER2': ['com'],
  ...absent('0029', MEDCOM, ['31', '32', '33', '34', '35', '50', '40', '70']),
  ...absent(`0029xx40:${MEDCOM}/0029`, MEDCOM, ['41', '42', '43', '44']),
  ...absent(`${LINK}/0029`, MEDCOM, ['71', '72', '73', '74', '75', '76']),
});

test('a CT image has Tables 80 to 82', () => {
  const sv10 = [starting('SV10\x04\x03\x02\x01')];
  checkModule('csa-image-header', slice!, {
    [`0029xx08:${HEADER}`]: ['SOM 5'],
    [`0029xx09:${HEADER}`]: ['VA10A 971201'],
    [`0029xx10:${HEADER}`]: sv10,
  });
  checkModule('csa-series-header', slice!, {
    [`0029xx18:${HEADER}`]: ['SOM 5'],
    [`0029xx19:${HEADER}`]: ['VA10A 971201'],
    [`0029xx20:${HEADER}`]: sv10,
  });
  const application = `0029xx40:${MEDCOM}`;
  checkModule('medcom-header', slice!, {
    ...medcom(0.5), // 512 x 512 words
    [application]: [(item: unknown) => typeof item === 'object'],
    [`${application}/0029xx41:${MEDCOM}`]: ['SOM 5 TPOS'],
    [`${application}/0029xx42:${MEDCOM}`]: ['SOM 5 NULLPOSITION'],
    [`${application}/0029xx43:${MEDCOM}`]: ['VB10A 20030626'],
    [`${application}/0029xx44:${MEDCOM}`]: [said('+00800000')],
  });
});

test('GDCM reads the CSA headers, and finds what the scan was', () => {
  const { stdout, status } = spawnSync('gdcmdump', ['--csa', files[0]!], { encoding: 'utf8' });
  assert.is(status, 0);
  const value = (name: string) => new RegExp(`'${name}' VM (\\d+).*?Data '([^\\n]*)'`).exec(stdout)?.slice(1);
  assert.equal(value('KVP'), ['1', '120']);
  assert.equal(value('XRayTubeCurrent'), ['1', '80']);
  assert.equal(value('Exposure'), ['1', '50'], '80 mA x 0.5 s / 0.8');
  assert.equal(value('CTDIvol'), ['1', '3.4']);
  assert.equal(value('ConvolutionKernel'), ['1', 'B31f']);
  assert.equal(value('IrradiationEventUID'), ['1', '1.2.3.5']);
  assert.equal(value('ImageOrientationPatient')?.[0], '6');
  assert.match(stdout, /'FrameReferenceTime' VM INVALID.*Data *\n/, 'of PET alone: without a value');
});

test('history records are of Table 83', () => {
  for (const [object, block, made] of [
    [slice!, '', 'RECONSTRUCTED B31f'],
    [petSlice!, '', 'RECONSTRUCTED OSEM3D+TOF 2i21s'],
    [listmode!, '', 'CREATED'],
  ] as const) {
    const at = Object.entries(object).find(([tag, { Value }]) => tag.startsWith('002900') && Value?.[0] === MEDCOM)![0];
    const history = bytes(object, `0029${at.slice(6)}20${block}`);
    assert.is(history.length, 32 + 32 + 64 + 1024);
    const field = (from: number, to: number) => history.toString('latin1', from, to).replace(/\0+$/, '');
    assert.equal(
      [field(0, 32), field(32, 64), field(64, 128), field(128, 1152)],
      ['CSA HISTORY', 'V1.10', 'PETRIG', made],
    );
  }
});

test('a PET image has Tables 80 to 82, its series header the parameters of its reconstruction', () => {
  checkModule('csa-image-header', petSlice!, {
    [`0029xx08:${HEADER}`]: ['SOM 5'],
    [`0029xx09:${HEADER}`]: ['VA10A 971201'],
    [`0029xx10:${HEADER}`]: [starting('SV10')],
  });
  checkModule('csa-series-header', petSlice!, {
    [`0029xx18:${HEADER}`]: ['PET_REPLAY_PARAM'],
    [`0029xx19:${HEADER}`]: ['1.3'],
    [`0029xx20:${HEADER}`]: [
      binary((value) =>
        /^!INTERFILE:=\n%method of reconstruction:=OSEM3D\+TOF 2i21s\n%filter:=XYZ Gauss5\.00\n.*%applied corrections:=RAN\n/s.test(
          value.toString('utf8'),
        ),
      ),
    ],
  });
  checkModule('medcom-header', petSlice!, medcom(0)); // 32 bytes
});

test('a respiratory gate has Table 86, each creator in its block', () => {
  const wave = 'SIEMENS MED PT WAVEFORM';
  const expected = {
    '0071xx21:SIEMENS MED PT': [/^[0-9.]{10,64}$/],
    '0071xx22:SIEMENS MED PT': ['20260105093100.000000'],
    [`0071xx46:${wave}`]: [0],
    [`0071xx47:${wave}`]: ['INSPIRATION'],
    [`0071xx48:${wave}`]: [35],
    [`0071xx49:${wave}`]: ['MAXIMUM'],
    [`0071xx50:${wave}`]: ['AMPLITUDE'],
  };
  assert.equal(checkRows(iodRows('pet'), petSlice!, expected), []);
  assert.equal([petSlice!['00710010']!.Value, petSlice!['00710011']!.Value], [['SIEMENS MED PT'], [wave]]);
});

const NON_IMAGE = 'SIEMENS CSA NON-IMAGE';
const listmodeRows: Record<string, Expectation> = {
  '00080008': ['ORIGINAL', 'PRIMARY', 'PET_LISTMODE'],
  '00080022': ['20260105'],
  '00080032': ['093100.000000'],
  '00080064': ['DI'],
  '00081140': [(item: unknown) => typeof item === 'object'],
  '00081140/00081150': [topogram.sopClassUid],
  '00081140/00081155': [topogram.sopInstanceUid],
  '00082111': ['PETCT'],
  '00082112': 'absent',
  '00185100': ['HFS'],
  '00200012': [2001],
  '00200013': [1],
  '00200052': [exam.frameOfReferenceUid],
  '00204000': ['Listmode Bed 1^arms up^SIMULATED'],
  '00280300': ['YES'],
  '00280301': ['NO'],
  '00282110': ['00'],
  '00282112': 'absent',
  [`0029xx08:${NON_IMAGE}`]: ['PET_LISTMODE'],
  [`0029xx09:${NON_IMAGE}`]: ['1.3'],
  [`0029xx10:${NON_IMAGE}`]: [starting(LISTMODE_TEXT)],
  [`7FE1xx10:${NON_IMAGE}`]: [binary((value) => value.length === 1 << 20 && value.every((byte) => byte === 7))],
};

test('a list mode object has Table 88, and the header modules of Table 87', () => {
  checkModule('csa-non-image', listmode!, listmodeRows);
  checkModule('csa-image-header', listmode!, {
    [`0029xx08:${HEADER}`]: ['PET_HDR_LISTMODE'],
    [`0029xx09:${HEADER}`]: ['1.3'],
    [`0029xx10:${HEADER}`]: [starting(LISTMODE_TEXT)],
  });
  checkModule('csa-series-header', listmode!, absent('0029', HEADER, ['18', '19', '20']));
  checkModule('medcom-header', listmode!, medcom(1));
});

test('all modules of Tables 79 and 87 are there, and none of Tables 84 and 85', () => {
  const patient = ['00100010', '00100020', '00100030', '00100040'];
  const study = ['0020000D', '00080020', '00080030', '00080090', '00200010', '00080050', '00101010', '00101030'];
  const rest = ['00080060', '0020000E', '00200011', '00080070', '00080016', '00080018', '00080005'];
  for (const object of [slice!, petSlice!, ...csa]) {
    assert.equal(
      [...patient, ...study, ...rest].filter((tag) => !object[tag]),
      [],
    );
  }
  const registered = ['00100010', '00100020', '00100030', '00100040', '0020000D', '00080050', '00080070', '00081010'];
  const expected = Object.fromEntries(registered.map((tag) => [tag, REGISTERED[tag]!]));
  assert.equal(checkRows(iodRows('csa'), listmode!, expected), []);
  for (const tag of ['00280010', '00280011', '7FE00010']) assert.ok(!listmode![tag] && slice![tag], tag);
  // graphics and reports are not made: they reserve no block
  const graphics = ['SIEMENS MEDCOM OOG', 'SIEMENS CSA REPORT', 'SIEMENS CSA ENVELOPE'];
  const creators = [slice!, petSlice!, ...csa].flatMap((object) =>
    Object.values(object).map(({ Value }) => Value?.[0]),
  );
  assert.equal(
    graphics.filter((creator) => creators.includes(creator)),
    [],
  );
});

// the statement's terms, cut where they have more than the 16 characters of CS
test('image and data types are those of Tables 88 to 90, by kind of data', () => {
  assert.equal(
    csa.map((object) => [object['00080008']!.Value!.join('\\'), object['00291008']!.Value![0]]),
    [
      ['ORIGINAL\\PRIMARY\\PET_LISTMODE', 'PET_LISTMODE'],
      ['ORIGINAL\\PRIMARY\\PET_LISTMODE\\PET_LM_CARDIAC', 'PET_LISTMODE'],
      ['ORIGINAL\\PRIMARY\\PET_LISTMODE\\PET_LM_RESPIRATO', 'PET_LISTMODE'],
      ['ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI', 'RAW DATA SOM 7'],
      ['ORIGINAL\\PRIMARY\\LOCALIZER\\CT_SOM5 TOP', 'RAW DATA SOM 7'],
      ['ORIGINAL\\PRIMARY\\PETCT_SPL', 'PETCT_SPL'],
      ['ORIGINAL\\PRIMARY\\PET_PHYSIO', 'PET_PHYSIO'],
      ['ORIGINAL\\PRIMARY\\PET_PHYSIO\\PET_PHYSIO_CARDI', 'PET_PHYSIO'],
      ['ORIGINAL\\PRIMARY\\PET_PHYSIO\\PET_PHYSIO_RESPI', 'PET_PHYSIO'],
    ],
  );
});

test.run();
