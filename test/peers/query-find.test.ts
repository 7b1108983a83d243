import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { scratch } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { type Found, findScu, type QuerySite, seriesOf, startQuerySite } from '../helpers/query-site.js';

enterPrivateNetwork();

const test = suite('findscu');
let site: QuerySite;
const JAPANESE = 'Yamada^Tarou=山田^太郎=やまだ^たろう';
const SR = '1.2.840.10008.5.1.4.1.1.88.11';

test.before(async () => {
  const report = {
    Modality: 'SR',
    CompletionFlag: 'COMPLETE',
    VerificationFlag: 'VERIFIED',
    ConceptNameCodeSequence: dataset({ CodeValue: '18748-4', CodingSchemeDesignator: 'LN', CodeMeaning: 'Report' }),
    VerifyingObserverSequence: dataset({
      VerifyingOrganization: 'Clinic',
      VerificationDateTime: '20260105103000',
      VerifyingObserverName: 'House^Gregory',
    }),
  };
  site = await startQuerySite(scratch(), [
    ...seriesOf(3, { patient: 1, study: 1, series: 1, patientName: JAPANESE, characterSet: '\\ISO 2022 IR 87' }),
    ...seriesOf(2, { patient: 1, study: 2, series: 1, patientName: JAPANESE, characterSet: '\\ISO 2022 IR 87' }),
    ...seriesOf(2, {
      patient: 2,
      study: 1,
      series: 1,
      patientName: 'Größe^Zoë',
      attributes: { ImageComments: 'first' },
    }),
    ...seriesOf(1, { patient: 2, study: 1, series: 2, patientName: 'Größe^Zoë', sopClassUid: SR, attributes: report }),
    ...seriesOf(1, { patient: 3, study: 1, series: 1, patientName: 'SMITH^John^^Dr' }),
  ]);
});

test.after(() => site.close());

type Model = '-P' | '-S' | '-O';

function find(model: Model, keys: readonly string[], args: readonly string[] = []): Promise<Found> {
  return findScu(site.port, model, keys, args);
}

/** The values of one element in all answers, sorted. */
async function valuesOf(tag: string, model: Model, keys: readonly string[]): Promise<string[]> {
  const { matches, statuses, output } = await find(model, keys);
  assert.is(statuses.at(-1), '0000', output);
  return matches.map((match) => match[tag] ?? 'absent').sort();
}

test('every level of every model answers with what was asked of it', async () => {
  const cases: [Model, string[], string, string[]][] = [
    ['-P', ['QueryRetrieveLevel=PATIENT', 'PatientID'], '0010,0020', ['P1', 'P2', 'P3']],
    ['-P', ['QueryRetrieveLevel=STUDY', 'PatientID=P1', 'StudyInstanceUID'], '0020,000d', ['2.25.1.1', '2.25.1.2']],
    [
      '-P',
      ['QueryRetrieveLevel=SERIES', 'PatientID=P2', 'StudyInstanceUID=2.25.2.1', 'Modality'],
      '0008,0060',
      ['CT', 'SR'],
    ],
    [
      '-P',
      [
        'QueryRetrieveLevel=IMAGE',
        'PatientID=P1',
        'StudyInstanceUID=2.25.1.1',
        'SeriesInstanceUID=2.25.1.1.1',
        'InstanceNumber',
      ],
      '0020,0013',
      ['1', '2', '3'],
    ],
    ['-S', ['QueryRetrieveLevel=STUDY', 'PatientID=P1', 'NumberOfStudyRelatedInstances'], '0020,1208', ['2', '3']],
    ['-S', ['QueryRetrieveLevel=STUDY', 'PatientID=P2', 'ModalitiesInStudy'], '0008,0061', ['CT\\SR']],
    [
      '-S',
      ['QueryRetrieveLevel=SERIES', 'StudyInstanceUID=2.25.2.1', 'NumberOfSeriesRelatedInstances'],
      '0020,1209',
      ['1', '2'],
    ],
    ['-S', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=2.25.1.1\\2.25.3.1'], '0020,000d', ['2.25.1.1', '2.25.3.1']],
    ['-S', ['QueryRetrieveLevel=STUDY', 'StudyDate=20260102-', 'StudyInstanceUID'], '0020,000d', ['2.25.1.2']],
    [
      '-S',
      ['QueryRetrieveLevel=STUDY', 'StudyTime=103000', 'StudyDate=20260102', 'StudyInstanceUID'],
      '0020,000d',
      ['2.25.1.2'],
    ],
    ['-S', ['QueryRetrieveLevel=STUDY', 'ModalitiesInStudy=SR\\MR', 'PatientID'], '0010,0020', ['P2']],
    ['-O', ['QueryRetrieveLevel=PATIENT', 'PatientName=smith*', 'PatientID'], '0010,0020', ['P3']],
    ['-O', ['QueryRetrieveLevel=STUDY', 'PatientID=P1', 'StudyInstanceUID'], '0020,000d', ['2.25.1.1', '2.25.1.2']],
  ];
  for (const [model, keys, tag, expected] of cases)
    assert.equal(await valuesOf(tag, model, keys), expected, keys.join(' '));
});

test('where an object can be had is told at the lowest level of the model alone', async () => {
  const studies = (await find('-S', ['QueryRetrieveLevel=STUDY', 'PatientID=P3'])).matches[0]!;
  assert.is(studies['0008,0054'], '');
  assert.is(studies['0088,0130'], '');
  const only = (await find('-O', ['QueryRetrieveLevel=STUDY', 'PatientID=P3', 'StudyID'])).matches[0]!;
  assert.is(only['0008,0054'], 'PETRIG');
  const image = [
    'QueryRetrieveLevel=IMAGE',
    'StudyInstanceUID=2.25.3.1',
    'SeriesInstanceUID=2.25.3.1.1',
    'InstanceAvailability',
  ];
  const images = (await find('-S', image)).matches[0]!;
  assert.is(images['0008,0054'], 'PETRIG');
  assert.is(images['0008,0056'], 'ONLINE');
  const patients = (await find('-P', ['QueryRetrieveLevel=PATIENT', 'PatientID=P3'])).matches[0]!;
  assert.not.ok('0008,0054' in patients);
});

test('image comments are left out where there are none; what is asked and not known comes empty', async () => {
  const image = (study: string) => [
    'QueryRetrieveLevel=IMAGE',
    `StudyInstanceUID=${study}`,
    `SeriesInstanceUID=${study}.1`,
  ];
  const keys = ['ImageComments', 'ContentDate'];
  const none = await find('-S', [...image('2.25.3.1'), ...keys]);
  assert.not.ok('0020,4000' in none.matches[0]!);
  assert.is(none.matches[0]!['0008,0023'], '');
  assert.is(none.statuses[0], 'ff00');
  const some = await find('-S', [...image('2.25.2.1'), ...keys]);
  assert.is(some.matches[0]!['0020,4000'], 'first');
});

test('keys that are not supported are not returned, and told by FF01', async () => {
  const { statuses, matches } = await find('-S', [
    'QueryRetrieveLevel=STUDY',
    'PatientID=P3',
    'InstitutionName',
    'StudyID',
  ]);
  assert.equal(statuses, ['ff01', '0000']);
  assert.not.ok('0008,0080' in matches[0]!);
  assert.ok('0020,0010' in matches[0]!);
  const counted = await find('-S', ['QueryRetrieveLevel=STUDY', 'PatientID=P3', 'NumberOfStudyRelatedSeries=9']);
  assert.equal(counted.statuses, ['ff01', '0000']);
  assert.is(counted.matches[0]!['0020,1206'], '1');
});

test('a relational query, a level that the model lacks and garbage are refused by the element', async () => {
  const cases: [Model, string[], string][] = [
    ['-S', ['QueryRetrieveLevel=SERIES', 'SeriesInstanceUID'], '0020,000d'],
    ['-P', ['QueryRetrieveLevel=SERIES', 'StudyInstanceUID=2.25.1.1'], '0010,0020'],
    ['-S', ['QueryRetrieveLevel=PATIENT', 'PatientID'], '0008,0052'],
    ['-O', ['QueryRetrieveLevel=IMAGE', 'PatientID=P1'], '0008,0052'],
    ['-S', ['PatientID'], '0008,0052'],
    ['-S', ['QueryRetrieveLevel=STUDY', 'StudyDate=last week'], '0008,0020'],
  ];
  for (const [model, keys, offending] of cases) {
    const { statuses, output } = await find(model, keys);
    assert.equal(statuses, ['a900'], keys.join(' '));
    assert.ok(output.includes(`(${offending})`), `${keys.join(' ')}: ${offending}`);
  }
});

test('the groups of a Japanese name are found each for itself, whatever the sets of question and object', async () => {
  const ask = async (name: string, charset: string) => {
    const { matches, statuses } = await find('-P', [
      'QueryRetrieveLevel=PATIENT',
      `SpecificCharacterSet=${charset}`,
      `PatientName=${name}`,
      'PatientID',
    ]);
    assert.is(statuses.at(-1), '0000');
    return matches.map((match) => match['0010,0020']).join();
  };
  for (const name of [
    'yamada^tarou',
    '山田^太郎',
    'やまだ*',
    '*太郎',
    '山田^太郎=やまだ^たろう',
    'Yamada^Tarou=山田^?',
    '=山田*=',
  ]) {
    assert.is(await ask(name, 'ISO_IR 192'), 'P1', name);
  }
  assert.is(await ask('山田', 'ISO_IR 192'), '');
  assert.is(await ask('größe^zoë', 'ISO_IR 192'), 'P2');
  const { matches } = await find('-P', ['QueryRetrieveLevel=PATIENT', 'PatientID=P1', 'PatientName']);
  assert.is(matches[0]!['0008,0005'], '\\ISO 2022 IR 87');
  assert.is(matches[0]!['0010,0010']!.slice(0, 20), 'Yamada^Tarou=\u001b$B;3ED');
});

test('sequences are matched and returned by the keys of their items', async () => {
  const series = ['QueryRetrieveLevel=IMAGE', 'StudyInstanceUID=2.25.2.1', 'SeriesInstanceUID=2.25.2.1.2'];
  const found = async (...keys: string[]) => (await find('-S', [...series, ...keys])).matches;
  const code = 'ConceptNameCodeSequence[0].CodeValue';
  assert.is((await found(`${code}=18748*`)).length, 1);
  assert.is((await found(`${code}=0`)).length, 0);
  const both = [
    'VerifyingObserverSequence[0].VerifyingOrganization=Clinic',
    'VerifyingObserverSequence[0].VerifyingObserverName',
  ];
  const [match] = await found(...both, 'CompletionFlag=COMPLETE');
  assert.is(match!['0040,a075'], 'House^Gregory');
  assert.not.ok('0040,a030' in match!);
  assert.is((await found(both[0]!, 'VerifyingObserverSequence[0].VerifyingObserverName=house*')).length, 0);
  const [whole] = await found('VerifyingObserverSequence');
  assert.is(whole!['0040,a030'], '20260105103000');
});

test('big endian and implicit VR are spoken as well; explicit little endian first', async () => {
  const keys = ['QueryRetrieveLevel=STUDY', 'PatientID=P2', 'PatientName', 'SmallestPixelValueInSeries'];
  for (const [option, name] of [
    ['-x=', 'LittleEndianExplicit'],
    ['-xb', 'LittleEndianExplicit'],
    ['-xi', 'LittleEndianImplicit'],
  ] as const) {
    const { matches, output } = await find('-S', keys, [option]);
    assert.is(matches[0]!['0010,0010'], 'Größe^Zoë');
    assert.match(output, new RegExp(`Accepted Transfer Syntax: =${name}`));
  }
});

test('findscu cancels after some answers', async () => {
  const { statuses, matches } = await find('-S', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID'], ['--cancel', '1']);
  assert.ok(matches.length >= 1);
  assert.ok(['fe00', '0000'].includes(statuses.at(-1)!), statuses.join(' '));
});

test.run();
