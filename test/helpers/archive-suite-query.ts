/** What every archive answers to queries, whatever its database. */

import { rm } from 'node:fs/promises';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Archive } from '../../runtime/archive/archive.js';
import type { Condition, IndexRow, QueryLevel } from '../../runtime/archive/query.js';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { type ArchiveSite, header, rowsOf } from './archive-objects.js';

const value = (row: IndexRow | undefined, keyword: string) => row?.values[keyword];

/** Three patients, the second with the ID of the first; a study of two modalities. */
function population() {
  const anna = {
    PatientID: 'P1',
    PatientName: 'Müller^Anna=繆勒^安娜',
    PatientBirthDate: '19700101',
    PatientComments: 'a\\b',
  };
  const bert = { PatientID: 'P1', PatientName: 'Bert', PatientBirthDate: '1980.02.03' };
  const cleo = { PatientID: 'P_3', PatientName: 'van der Berg^Cleo^^Dr.', EthnicGroup: 'none' };
  const first = {
    StudyInstanceUID: '2.25.1',
    StudyDate: '20260105',
    AccessionNumber: 'A%1',
    StudyDescription: 'Whole body',
  };
  const ct = { SeriesInstanceUID: '2.25.11', SeriesNumber: '2', Modality: 'CT', BodyPartExamined: 'CHEST' };
  const pt = { SeriesInstanceUID: '2.25.12', SeriesNumber: '1', Modality: 'PT', SmallestPixelValueInSeries: 3 };
  const numbers = [10, 9, 1];
  return [
    ...numbers.map((n) =>
      header({ ...anna, ...first, ...ct, SOPInstanceUID: `2.25.11.${n}`, InstanceNumber: String(n) }),
    ),
    header({ ...anna, ...first, ...pt, SOPInstanceUID: '2.25.12.1', ContentDate: '20260105' }),
    header({
      ...bert,
      StudyInstanceUID: '2.25.2',
      StudyDate: '20260301',
      SeriesInstanceUID: '2.25.21',
      Modality: 'SR',
      SOPInstanceUID: '2.25.21.1',
      CompletionFlag: 'COMPLETE',
    }),
    header({ ...cleo, StudyInstanceUID: '2.25.3', SeriesInstanceUID: '2.25.31', SpecificCharacterSet: 'ISO_IR 100' }),
  ];
}

export function querySuite(test: Test, site: () => Promise<ArchiveSite>): void {
  let archive: Archive;
  let here: ArchiveSite;
  const ask = (level: QueryLevel, conditions: Record<string, Condition>, ...wanted: string[]) =>
    rowsOf(archive, { level, conditions, wanted });
  const uids = async (level: QueryLevel, conditions: Record<string, Condition>) => {
    const keyword = {
      PATIENT: 'PatientName',
      STUDY: 'StudyInstanceUID',
      SERIES: 'SeriesInstanceUID',
      IMAGE: 'SOPInstanceUID',
    };
    return (await ask(level, conditions, keyword[level])).map((row) => String(value(row, keyword[level]))).sort();
  };

  test.before(async () => {
    here = await site();
    archive = await here.open();
    await archive.store(population());
  });

  test.after(async () => {
    await archive.close();
    await here.release();
  });

  test('patients are told apart by ID, name and birth date; their counts are what is offered', async () => {
    const counts = ['NumberOfPatientRelatedStudies', 'NumberOfPatientRelatedSeries', 'NumberOfPatientRelatedInstances'];
    const found = await ask(
      'PATIENT',
      { PatientID: { match: 'value', value: 'P1' } },
      'PatientName',
      'PatientComments',
      ...counts,
    );
    const anna = found.find((row) => String(value(row, 'PatientName')).startsWith('M'));
    assert.is(found.length, 2);
    assert.equal(
      counts.map((count) => value(anna, count)),
      [['1'], ['2'], ['4']],
    );
    assert.equal(value(anna, 'PatientComments'), ['a\\b'], 'a long text keeps its backslash');
    assert.equal(await uids('PATIENT', { PatientBirthDate: { match: 'range', from: '19800203', to: '19800203' } }), [
      'Bert',
    ]);
  });

  test('person names: case, groups, consecutive groups, blanks and separators at the ends', async () => {
    const by = (pattern: string) => uids('PATIENT', { PatientName: { match: 'name', pattern } });
    for (const pattern of [
      'MÜLLER^ANNA',
      '繆勒^安娜',
      'müller^anna^^=繆勒^安娜',
      'Müller*',
      '*ANNA',
      '=繆勒*',
      'm*r^a*a',
      ' müller ^ anna ',
    ]) {
      assert.equal(await by(pattern), ['Müller^Anna=繆勒^安娜'], pattern);
    }
    assert.equal(await by('van*'), ['van der Berg^Cleo^^Dr.']);
    assert.equal(await by('bert^*^*'), ['Bert']);
    assert.equal(await by('bert%'), []);
    assert.equal((await by('*')).length, 3);
  });

  test('text is compared character by character, with wildcards that nothing in the data can imitate', async () => {
    assert.equal(await uids('STUDY', { AccessionNumber: { match: 'wildcard', pattern: 'A%*' } }), ['2.25.1']);
    assert.equal(await uids('STUDY', { PatientID: { match: 'wildcard', pattern: '*_*' } }), ['2.25.3']);
    assert.equal(await uids('STUDY', { PatientID: { match: 'value', value: 'p1' } }), []);
    assert.equal(await uids('STUDY', { StudyDate: { match: 'range', from: '20260105', to: '20260228' } }), ['2.25.1']);
    assert.equal(await uids('STUDY', { StudyDate: { match: 'range', from: '20260106' } }), ['2.25.2']);
    assert.equal(await uids('STUDY', { StudyInstanceUID: { match: 'list', values: ['2.25.1', '2.25.3', '2.25.9'] } }), [
      '2.25.1',
      '2.25.3',
    ]);
    assert.equal(await uids('STUDY', { ModalitiesInStudy: { match: 'list', values: ['PT', 'SR'] } }), [
      '2.25.1',
      '2.25.2',
    ]);
    assert.equal(await uids('STUDY', { ModalitiesInStudy: { match: 'wildcard', pattern: 'C*' } }), [
      '2.25.1',
      '2.25.3',
    ]);
  });

  test('studies and series with what is computed of them, and the attributes of the levels above', async () => {
    const [study] = await ask(
      'STUDY',
      { StudyInstanceUID: { match: 'value', value: '2.25.1' } },
      'ModalitiesInStudy',
      'NumberOfStudyRelatedSeries',
      'NumberOfStudyRelatedInstances',
      'PatientName',
      'StudyDescription',
      'Occupation',
    );
    assert.equal(study?.values, {
      PatientName: ['Müller^Anna=繆勒^安娜'],
      StudyInstanceUID: ['2.25.1'],
      StudyDescription: ['Whole body'],
      Occupation: [],
      ModalitiesInStudy: ['CT', 'PT'],
      NumberOfStudyRelatedSeries: ['2'],
      NumberOfStudyRelatedInstances: ['4'],
    });
    const wanted = [
      'SeriesNumber',
      'BodyPartExamined',
      'SmallestPixelValueInSeries',
      'NumberOfSeriesRelatedInstances',
      'PatientID',
    ];
    const series = await ask('SERIES', { StudyInstanceUID: { match: 'value', value: '2.25.1' } }, ...wanted);
    const seen = series.map((row) => wanted.map((keyword) => String(value(row, keyword))));
    assert.equal(seen.sort(), [
      ['1', '', '3', '1', 'P1'],
      ['2', 'CHEST', '', '3', 'P1'],
    ]);
  });

  test('images come in the order of their numbers; `accept` decides', async () => {
    const inSeries = { SeriesInstanceUID: { match: 'value', value: '2.25.11' } } as const;
    const found = await ask('IMAGE', inSeries, 'SOPInstanceUID', 'InstanceNumber', 'Modality');
    assert.equal(
      found.map((row) => value(row, 'InstanceNumber')),
      [['1'], ['9'], ['10']],
    );
    assert.equal(value(found[0], 'Modality'), ['CT']);
    const accept = (row: IndexRow) => Number(value(row, 'InstanceNumber')) > 5;
    const some = await rowsOf(archive, { level: 'IMAGE', conditions: inSeries, wanted: ['InstanceNumber'], accept });
    assert.is(some.length, 2);
    const both = await uids('IMAGE', { SOPInstanceUID: { match: 'list', values: ['2.25.11.9', '2.25.12.1'] } });
    assert.equal(both, ['2.25.11.9', '2.25.12.1']);
  });

  test('a row says the character set of the object that it was read from', async () => {
    const [study] = await ask('STUDY', { StudyInstanceUID: { match: 'value', value: '2.25.3' } }, 'PatientName');
    assert.is(study?.characterSet, 'ISO_IR 100');
  });

  test('sequences of structured reports are kept with their items', async () => {
    const code = { CodeValue: '121322', CodingSchemeDesignator: 'DCM', CodeMeaning: 'Dose' };
    const report = header({
      ...{ StudyInstanceUID: '2.25.4', SeriesInstanceUID: '2.25.41', Modality: 'SR', PatientID: 'P4' },
      ConceptNameCodeSequence: dataset({ ...code }),
      VerifyingObserverSequence: dataset({
        VerifyingObserverName: 'Arzt^A',
        VerifyingObserverIdentificationCodeSequence: dataset({ CodeValue: '1' }),
      }),
    });
    await archive.store([report]);
    const conditions = { SeriesInstanceUID: { match: 'value', value: '2.25.41' } } as const;
    const [row] = await ask('IMAGE', conditions, 'ConceptNameCodeSequence', 'VerifyingObserverSequence');
    assert.equal(row?.values.ConceptNameCodeSequence, [
      { CodeValue: ['121322'], CodingSchemeDesignator: ['DCM'], CodeMeaning: ['Dose'] },
    ]);
    assert.equal(row?.values.VerifyingObserverSequence, [
      { VerifyingObserverName: ['Arzt^A'], VerifyingObserverIdentificationCodeSequence: [{ CodeValue: ['1'] }] },
    ]);
  });

  test('a query that is cancelled ends, also amid its rows', async () => {
    await archive.store(
      Array.from({ length: 700 }, (_, i) =>
        header({
          PatientID: 'P5',
          StudyInstanceUID: '2.25.5',
          SeriesInstanceUID: '2.25.51',
          SOPInstanceUID: `2.25.51.${i}`,
        }),
      ),
    );
    const stop = new AbortController();
    const query = {
      level: 'IMAGE',
      conditions: { SeriesInstanceUID: { match: 'value', value: '2.25.51' } },
      wanted: [],
    } as const;
    let count = 0;
    const outcome = await (async () => {
      for await (const _row of archive.query(query, stop.signal)) if (++count === 10) stop.abort();
    })().catch((error: { code?: string }) => error.code);
    assert.is(outcome, 'timeout.aborted');
    assert.ok(count < 700, `${count} rows`);
    for await (const _row of archive.query(query)) break;
    assert.is((await rowsOf(archive, query)).length, 700, 'the next is whole');
  });

  test('instances whose file is gone are not counted, and a study of nothing else is not offered', async () => {
    const lost = await archive.instances({ sopInstanceUids: ['2.25.11.9', '2.25.21.1'] });
    for (const { file } of lost) await rm(file);
    await archive.close();
    archive = await here.open();
    assert.is(archive.integrity.missing.length, 2);
    assert.equal(await uids('STUDY', { PatientName: { match: 'name', pattern: 'Bert' } }), []);
    const [study] = await ask(
      'STUDY',
      { StudyInstanceUID: { match: 'value', value: '2.25.1' } },
      'NumberOfStudyRelatedInstances',
    );
    assert.equal(value(study, 'NumberOfStudyRelatedInstances'), ['3']);
  });
}
