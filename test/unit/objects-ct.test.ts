/** Every row of the statement's table of CT attributes: it is there, in its VR, with what the acquisition says. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ctInstances, topogramInstances } from '../../runtime/objects/ct.js';
import { iodRows } from '../../runtime/objects/modules.js';
import { REGISTERED } from '../helpers/registered-rows.js';
import { acquisitionOf, CT, START, specimenContext, specimenExam, TOPOGRAM, volumeOf } from '../helpers/specimens.js';
import { checkRows, type Expectation, seenByPydicom, statementPaths, storedFiles } from '../helpers/statement-rows.js';

const test = suite('CT attributes');

const exam = { ...specimenExam(), contrastAgent: '', imageComment: 'arms down' };
const context = {
  ...specimenContext(exam),
  studyStartedAt: START + 5000,
  bodyRegion: 'CHEST',
  equipment: {
    ...specimenContext().equipment,
    institutionAddress: 'Street 1',
    stationName: 'RIG1',
  },
};
const RAW = { sopClassUid: '1.3.12.2.1107.5.9.1', sopInstanceUid: '1.2.3.4.5' };

const topogram = topogramInstances(context, {
  range: TOPOGRAM,
  acquisition: acquisitionOf(TOPOGRAM, START + 5000),
  acquisitionNumber: 1,
  seriesNumber: 1,
  description: 'Topogram',
  raw: RAW,
  image: {
    data: new Float32Array(64 * 20).map((_, i) => (i % 64) / 20),
    width: 64,
    height: 20,
    pixelMm: 8,
    origin: [-252, 0, 76],
    orientation: [1, 0, 0, 0, 0, -1],
  },
});
/** Beyond the scan field of 500 mm; slices at z = 3, 0 and -3. */
const recon = { ...CT.recons[0]!, fovMm: 650, window: { center: 35, width: 350 } };
const spiral = ctInstances(context, {
  range: CT,
  recon,
  acquisition: acquisitionOf(CT, START + 20_000),
  volume: volumeOf([512, 512, 3], [650 / 512, 650 / 512, 3], 'HU', (x, y) => (Math.hypot(x, y) < 100 ? 40 : -1000)),
  acquisitionNumber: 2,
  seriesNumber: 2,
  description: 'CT WB 5.0 B31f',
  topogram: topogram.summary.instances[0]!,
  raw: RAW,
  tableHeightMm: 150,
});

const files = await storedFiles([...topogram.objects, ...spiral.objects]);
const [scout, first, middle] = seenByPydicom(files);

const near = (expected: number) => (value: unknown) =>
  Math.abs(Number(value) - expected) < 1e-6 * Math.max(1, Math.abs(expected));

/** What every CT image of the examination says, by tag, from what was registered and scanned. */
const shared: Record<string, Expectation> = {
  ...REGISTERED,
  '00080016': ['1.2.840.10008.5.1.4.1.1.2'],
  '00080060': ['CT'],
  '00082112/00081150': [RAW.sopClassUid],
  '00082112/00081155': [RAW.sopInstanceUid],
  '0009xx:SIEMENS CT VA1 DUMMY': ['SIEMENS CT VA1 DUMMY'],
  '00180010': ['APPLIED'],
  '00180022': 'absent', // no cardiac spiral
  '00180060': [120],
  '00180090': [500],
  '00181110': [1085.6],
  '00181111': [595],
  '00181120': [0],
  '00181140': ['CW'],
  '00181160': ['0'],
  '00181190': [0.9],
  '00189306': [1.2],
  '00189307': [near(19.2)],
  '00189323': ['OFF'],
  '00189324': [0],
  '00189345': [3.4],
  '00200052': [exam.frameOfReferenceUid],
  '00204000': ['arms down^SIMULATED'],
  '0021xx:SIEMENS MED': ['SIEMENS MED'],
  '00280101': [12],
  '00280102': [11],
  '00280103': [0],
  '00281052': [-1024],
  '00281053': [1],
  '00281055': ['WINDOW1', 'WINDOW2'],
  '00282110': ['00'],
  '0029xx40:SIEMENS MEDCOM HEADER/0029xx:SIEMENS MEDCOM HEADER': ['SIEMENS MEDCOM HEADER'],
  '0029xx40:SIEMENS MEDCOM HEADER/0029xx41:SIEMENS MEDCOM HEADER': ['SOM 5 TPOS'],
  '0029xx40:SIEMENS MEDCOM HEADER/0029xx42:SIEMENS MEDCOM HEADER': ['SOM 5 NULLPOSITION'],
  '0029xx40:SIEMENS MEDCOM HEADER/0029xx43:SIEMENS MEDCOM HEADER': ['VB10A 20030626'],
  // the landmark of the examination is at 800 mm of table travel
  '0029xx40:SIEMENS MEDCOM HEADER/0029xx44:SIEMENS MEDCOM HEADER': [Buffer.from('+00800000\0').toString('base64')],
  '00321060': ['FDG whole body'],
};

/** The slice at z = 0, scanned half way from 15 to -15 mm in 4 s. */
const slice: Record<string, Expectation> = {
  ...shared,
  '00080008': ['ORIGINAL', 'PRIMARY', 'AXIAL', 'CT_SOM5 SPI'],
  '00080031': ['094000.000000'],
  '00080032': ['093022.000000'],
  '00080033': ['093022.000000'],
  '0008103E': ['CT WB 5.0 B31f'],
  '00081140/00081150': ['1.2.840.10008.5.1.4.1.1.2'],
  '00081140/00081155': [topogram.summary.instances[0]!.sopInstanceUid],
  '00082111': ['Reconstruction field larger than scan field'],
  '00180050': [5],
  '00181100': [650],
  '00181130': [150],
  '00181150': [500],
  '00181151': [80],
  '00181152': [50], // 80 mA x 0.5 s / 0.8
  '00181170': [10], // 9.6 kW as a whole number
  '00181210': ['B31f'],
  '00189309': [near(30.72)], // 15.36 mm in 0.5 s
  '00189310': [near(15.36)], // 0.8 x 16 x 1.2 mm
  '00189311': [0.8],
  '0019xx:SIEMENS CT VA0 COAD': ['SIEMENS CT VA0 COAD'],
  '0019xxB0:SIEMENS CT VA0 COAD': [15.36],
  '00200011': [2],
  '00200012': [2],
  '00200013': [2],
  '00200032': [near((-511 / 2) * (650 / 512)), near((-511 / 2) * (650 / 512)), 0],
  '00200037': [1, 0, 0, 0, 1, 0],
  '00201041': [0],
  '0021xx11:SIEMENS MED': [0, 0],
  '00280010': [512],
  '00280011': [512],
  '00280030': [near(650 / 512), near(650 / 512)],
  '00280106': [24],
  '00280107': [1064],
  '00281050': [35, 300],
  '00281051': [350, 1500],
};

const localizer: Record<string, Expectation> = {
  ...shared,
  '00080008': ['ORIGINAL', 'PRIMARY', 'LOCALIZER', 'CT_SOM5 TOP'],
  '00080031': ['093005.000000'],
  '00080032': ['093005.000000'],
  '00080033': ['093005.000000'],
  '0008103E': ['Topogram'],
  '00081140/00081150': 'absent',
  '00081140/00081155': 'absent',
  '00082111': 'absent',
  '00180050': [],
  '00181100': [512],
  '00181130': 'absent',
  '00181150': [4000],
  '00181151': [35],
  '00181152': [140],
  '00181170': [4], // 4.2 kW
  '00181210': ['T20f'],
  '00189309': [100],
  '00189310': 'absent',
  '00189311': [0],
  '0019xx:SIEMENS CT VA0 COAD': ['SIEMENS CT VA0 COAD'],
  '0019xxB0:SIEMENS CT VA0 COAD': 'absent',
  '00200011': [1],
  '00200012': [1],
  '00200013': [1],
  '00200032': [-252, 0, 76],
  '00200037': [1, 0, 0, 0, 0, -1],
  '00201041': [76],
  '0021xx11:SIEMENS MED': [0, 0],
  '00280010': [20],
  '00280011': [64],
  '00280030': [8, 8],
  '00280106': [0],
  '00280107': [1260], // 63 / 20 at 400 steps
  '00281050': [50, 300],
  '00281051': [350, 2000],
};

/** Sequences themselves and pixels are looked at apart. */
const STRUCTURE = ['00081140', '00082112', '0029xx40:SIEMENS MEDCOM HEADER', '7FE00010'];

test('a spiral slice has every row of Table 74', () => {
  assert.equal(checkRows(iodRows('ct'), middle!, slice), []);
  assert.equal(statementPaths(iodRows('ct')), [...Object.keys(slice), ...STRUCTURE].sort());
  assert.is(middle!['7FE00010']!.vr, 'OW');
  assert.is(Buffer.from(middle!['7FE00010']!.InlineBinary!, 'base64').length, 512 * 512 * 2);
});

test('so has a topogram, save what only a spiral has', () => {
  assert.equal(checkRows(iodRows('ct'), scout!, localizer), []);
});

test('slices of one series differ in what a slice differs in', () => {
  const differing = Object.keys(first!).filter((tag) => JSON.stringify(first![tag]) !== JSON.stringify(middle![tag]));
  assert.equal(differing.sort(), [
    '00020003',
    '00080018',
    '0008002A',
    '00080032',
    '00080033',
    '00200013',
    '00200032',
    '00201041',
    '00291110', // the CSA image header tells of the same
  ]);
});

test.run();
