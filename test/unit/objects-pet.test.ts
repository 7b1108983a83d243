/** Every row of the statement's table of PET attributes: whole body, dynamic and gated. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { iodRows } from '../../runtime/objects/modules.js';
import { type PetSeriesInput, petInstances } from '../../runtime/objects/pet.js';
import { REGISTERED } from '../helpers/registered-rows.js';
import { acquisitionOf, PET, START, specimenContext, specimenExam, volumeOf } from '../helpers/specimens.js';
import {
  checkRows,
  type Expectation,
  type JsonDataset,
  seenByPydicom,
  statementPaths,
  storedFiles,
} from '../helpers/statement-rows.js';

const test = suite('PET attributes');

const DAY = 86_400_000;
const exam = { ...specimenExam(), imageComment: 'arms up' };
// injected the day before the scan, which starts at 09:31:00
const injection = { ...exam.injection!, time: START - DAY - 1_800_000 + 123 };
const context = {
  ...specimenContext({ ...exam, injection }),
  bodyRegion: 'CHEST',
  studyStartedAt: START + 5000,
  equipment: {
    ...specimenContext().equipment,
    institutionAddress: 'Street 1',
    stationName: 'RIG1',
    doseCalibrationFactor: 2.5e7,
  },
};
const CSA = '1.3.12.2.1107.5.9.1';
const scan = START + 60_000;
const base = {
  range: PET,
  recon: { ...PET.recons[0]!, volumeScaled: true },
  acquisition: acquisitionOf(PET, scan),
  rangeNumber: 3,
  seriesNumber: 3,
  description: 'PET WB',
  ctSeriesInstanceUid: '1.2.3.4',
  ctDescription: 'CT WB 5.0 B31f',
  matchesCtSlices: true,
  corrections: ['NORM', 'ATTN', 'SCAT', 'RAN', 'DTIM'],
  raw: [{ sopClassUid: CSA, sopInstanceUid: '1.2.3.4.5', frame: 0 }],
} satisfies Partial<PetSeriesInput>;

/** Slices at 50 (bed 1) and -50 (bed 2): the second is twice as hot, and has a negative value. */
const wholeBodyVolume = volumeOf([4, 4, 2], [8, 8, 100], 'BQML', (x, y, z) => {
  if (x < 0 || y < 0) return 0;
  return z > 0 ? 1000 : x > 8 ? -2 : 2000;
});
const wholeBody = petInstances(context, { ...base, frames: [{ volume: wholeBodyVolume, frame: 0 }] });

const oneBed = { ...PET, beds: [{ centreZ: 0, seconds: 60 }] };
const [record] = acquisitionOf(oneBed, scan).frames;
const small = volumeOf([4, 4, 3], [8, 8, 2], 'PROPCPS', () => 10);
const dynamic = petInstances(context, {
  ...base,
  range: { ...oneBed, frames: [20, 40] },
  recon: { ...PET.recons[0]!, method: 'Backprojection', iterations: undefined, subsets: undefined, filter: undefined },
  acquisition: {
    frames: [
      { ...record!, frame: 0, startedAt: scan, seconds: 20 },
      { ...record!, frame: 1, startedAt: scan + 20_000, seconds: 40 },
    ],
  },
  frames: [0, 1].map((frame) => ({ volume: small, frame })),
  ctSeriesInstanceUid: undefined,
  ctDescription: undefined,
  corrections: ['RAN'],
});
const gate = {
  slots: 2,
  triggerTime: 450,
  frameTime: 450,
  nominalInterval: 900,
  lowRRValue: 700,
  highRRValue: 1100,
  heartRate: 66,
  intervalsAcquired: 60,
  intervalsRejected: 3,
  skipBeats: 1,
};
const gated = petInstances(context, {
  ...base,
  range: { ...oneBed, gating: 'ecg' },
  acquisition: { frames: [record!] },
  frames: [1, 2].map((slot) => ({ volume: small, frame: 0, gate: { ...gate, slot } })),
});

const files = await storedFiles([...wholeBody.objects, ...dynamic.objects, ...gated.objects]);
const seen = seenByPydicom(files);
const [head, feet] = seen;

const near = (expected: number) => (value: unknown) => Math.abs(Number(value) - expected) < 2e-7 * Math.abs(expected);
const lambda = Math.LN2 / 6586.2;
/** s from the start of a frame until its mean activity holds. */
const within = (seconds: number) => Math.log((lambda * seconds) / (1 - Math.exp(-lambda * seconds))) / lambda;

const code = (path: string, value: string, scheme: string, meaning: string): Record<string, Expectation> => ({
  [`${path}/00080100`]: [value],
  [`${path}/00080102`]: [scheme],
  [`${path}/00080104`]: [meaning],
});
const GATED_ONLY = ['00181062', '00181063', '00181064', '00181080', '00181081', '00181082', '00181083', '00181084'];
const ALSO_GATED_ONLY = ['00181060', '00181086', '00181088', '00540061', '00540071'];
const absent = (tags: string[]): Record<string, Expectation> =>
  Object.fromEntries(tags.map((tag) => [tag, 'absent' as const]));

const shared: Record<string, Expectation> = {
  ...REGISTERED,
  '00080008': ['ORIGINAL', 'PRIMARY'],
  '00080016': ['1.2.840.10008.5.1.4.1.1.128'],
  '00080031': ['093100.000000'],
  '00080033': ['094000.000000'],
  '00080060': ['PT'],
  '00081040': ['PET'],
  '0008103E': ['PET WB'],
  '00101030': [81.5],
  '00181181': ['NONE'],
  '00200011': [3],
  '00200037': [1, 0, 0, 0, 1, 0],
  '00200052': [exam.frameOfReferenceUid],
  '00280010': [4],
  '00280011': [4],
  '00280030': [8, 8],
  '00280101': [16],
  '00280102': [15],
  '00281052': [0],
  '00540013/00540014': [435],
  '00540013/00540015': [650],
  '00540016/00181072': ['090000.123001'], // one day before
  '00540016/00181074': [3e8],
  '00540016/00181075': [6586.2],
  '00540016/00181076': [0.9673],
  ...code('00540016/00540300', 'C-111A1', 'SRT', '^18^Fluorine'),
  '00540016/00180031': ['Fluorodeoxyglucose F18'],
  ...code('00540016/00540304', 'C-B1031', 'SRT', 'Fluorodeoxyglucose F^18^'),
  ...code('00540410', 'F-10450', 'SRT', 'recumbent'),
  ...code('00540410/00540412', 'F-10340', 'SRT', 'supine'),
  ...code('00540414', 'F-10470', 'SRT', 'headfirst'),
  '00541002': ['EMISSION'],
  '00541100': ['DLYD'],
  '00541102': ['START'],
  '00541200': [49],
  '00541201': [5, 6],
  '00541322': [2.5e7],
};

const wholeBodySlice: Record<string, Expectation> = {
  ...shared,
  ...absent([...GATED_ONLY, ...ALSO_GATED_ONLY, '00540101']),
  '00080032': ['093305.000000'],
  '00081250/0020000D': ['1.2.826.0.1.3680043.9.1234.1'],
  '00081250/0020000E': ['1.2.3.4'],
  '00081250/0040A170': [{}, {}].map(() => (item: unknown) => typeof item === 'object'),
  ...code('00081250/0040A170', '122403', 'DCM', 'For Attenuation Correction'),
  '00180050': [100],
  '00181210': ['XYZ Gauss5.00'],
  '00181242': [120_000],
  '00200012': [2002],
  '00200013': [2],
  '00200032': [-12, -12, -50],
  '00201041': [-50],
  '00204000': ['arms up^CT WB 5.0 B31f^Volume Scaled^SIMULATED'],
  '00280051': ['NORM', 'ATTN', 'SCAT', 'RAN', 'DTIM', 'DECY'],
  '00280103': [1],
  '00280106': [-33], // -2 at 2000 / 32767 a step
  '00280107': [32767],
  '00281050': [1000],
  '00281051': [2000],
  '00281053': [near(2000 / 32767)],
  '00540081': [2],
  '00541000': ['WHOLE BODY', 'IMAGE'],
  '00541001': ['BQML'],
  '00541101': ['CT-derived mu-map'],
  '00541103': ['OSEM3D+TOF 2i21s'],
  '00541105': ['Model-based'],
  '00541300': [near(1000 * (125 + within(120)))],
  '00541321': [near(Math.exp(lambda * (125 + within(120))))],
  '00541330': [2],
};

const dynamicSlice: Record<string, Expectation> = {
  ...shared,
  ...absent([...GATED_ONLY, ...ALSO_GATED_ONLY, '00081250', '00541101', '00541105']),
  '00080032': ['093120.000000'],
  '00180050': [2],
  '00181210': ['All-pass'],
  '00181242': [40_000],
  '00200012': [2001],
  '00200013': [5],
  '00200032': [-12, -12, 0],
  '00201041': [0],
  '00204000': ['arms up^SIMULATED'],
  '00280051': ['RAN', 'DECY'],
  '00280103': [0],
  '00280107': [32767],
  '00281053': [near(10 / 32767)],
  '00540081': [3],
  '00540101': [2],
  '00541000': ['DYNAMIC', 'IMAGE'],
  '00541001': ['PROPCPS'],
  '00541103': ['Backprojection'],
  '00541300': [near(1000 * (20 + within(40)))],
  '00541321': [near(Math.exp(lambda * (20 + within(40))))],
  '00541330': [5],
};

const gatedSlice: Record<string, Expectation> = {
  ...shared,
  '00080032': ['093100.000000'],
  '00181060': [450],
  '00181062': [900],
  '00181063': [450],
  '00181064': ['PHASED'],
  '00181080': ['Y'],
  '00181081': [700],
  '00181082': [1100],
  '00181083': [60],
  '00181084': [3],
  '00181086': [1],
  '00181088': [66],
  '00181242': [60_000],
  '00200012': [2001],
  '00540061': [1],
  '00540071': [2],
  '00540101': 'absent',
  '00541000': ['GATED', 'IMAGE'],
  '00541300': [near(1000 * within(60))],
  '00541330': [6],
};

/** Sequences themselves, their codes and pixels are looked at apart. */
const STRUCTURE = ['00081250', '00540013', '00540016', '00540016/00540300', '00540016/00540304', '7FE00010'];
const ORIENTATION = ['00540410', '00540410/00540412', '00540414'];

test('a whole-body slice has every row of Table 75', () => {
  assert.equal(checkRows(iodRows('pet'), feet!, wholeBodySlice), []);
  const looked = [...Object.keys(wholeBodySlice), ...STRUCTURE, ...ORIENTATION];
  assert.equal(statementPaths(iodRows('pet')), looked.sort());
});

test('so has a dynamic one, not corrected for attenuation', () => {
  assert.equal(checkRows(iodRows('pet'), seen[2 + 4]!, dynamicSlice), []);
});

test('and a gated one, with what only gates have', () => {
  assert.equal(checkRows(iodRows('pet'), seen[2 + 6 + 5]!, gatedSlice), []);
});

test('volume scaling gives all slices of a volume one slope and one window', () => {
  for (const tag of ['00281050', '00281051', '00281053']) assert.equal(head![tag], feet![tag], tag);
  assert.equal([head!['00280103']!.Value, head!['00280107']!.Value], [[0], [16383]], 'half of the peak');
});

test('slices where the CT has its own say so beside attenuation', () => {
  const [related] = feet!['00081250']!.Value as JsonDataset[];
  const purposes = related!['0040A170']!.Value as JsonDataset[];
  assert.equal(
    purposes.map((item) => item['00080100']!.Value),
    [['122403'], ['122401']],
  );
});

test('list mode is named; a registration matrix is one of a series, and the decay reference its start', () => {
  const rows = ['0071xx21', '0071xx22', '0071xx24'];
  const names = rows.map((tag) => `${tag}:SIEMENS MED PT`);
  const source = { '00082112/00081150': [CSA], '00082112/00081155': ['1.2.3.4.5'] };
  const expected = { ...source, [names[1]!]: ['20260105093100.000000'], [names[2]!]: ['STATIC'] };
  assert.equal(checkRows(iodRows('pet'), feet!, expected), []);
  assert.equal(head!['00711021'], feet!['00711021']);
});

test.run();
