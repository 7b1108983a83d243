import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { isRefusal, type Query, readQuery } from '../../runtime/dicom/services/query-scp-identifier.js';
import { personNameMatches, searchableNames } from '../../runtime/dicom/services/query-scp-names.js';
import { globMatches } from '../../runtime/dicom/services/query-scp-wildcard.js';
import { conditionsOf } from '../../runtime/network/query/conditions.js';

const test = suite('query matching');

function query(level: 'PATIENT' | 'STUDY' | 'SERIES' | 'IMAGE', keys: Record<string, string | string[]>): Query {
  const above = {
    STUDY: {},
    PATIENT: {},
    SERIES: { StudyInstanceUID: '1.1' },
    IMAGE: { StudyInstanceUID: '1.1', SeriesInstanceUID: '1.2' },
  };
  const model = level === 'PATIENT' ? 'patient' : 'study';
  const read = readQuery(model, dataset({ QueryRetrieveLevel: level, ...above[level], ...keys }));
  if (isRefusal(read)) throw new Error(read.comment);
  return read;
}

const YAMADA = 'Yamada^Tarou=山田^太郎=やまだ^たろう';

test('the six rules of patient names', () => {
  const cases: [string, string, boolean][] = [
    // 1: case
    ['YAMADA^tarou', YAMADA, true],
    ['größe^zoë', 'GRÖSSE^ZOË', false],
    ['GRÖẞE^ZOË', 'größe^zoë', true],
    // 2: the whole value
    [YAMADA, YAMADA, true],
    ['Yamada', YAMADA, false],
    ['Yamada*', YAMADA, true],
    // 3: one group
    ['山田^太郎', YAMADA, true],
    ['やまだ^たろう', YAMADA, true],
    ['山田*', YAMADA, true],
    ['*太郎', YAMADA, true],
    ['山田', YAMADA, false],
    ['やまだ^*', YAMADA, true],
    // 4: two consecutive groups
    ['Yamada^Tarou=山田^太郎', YAMADA, true],
    ['山田^太郎=やまだ^たろう', YAMADA, true],
    ['Yamada^Tarou=やまだ^たろう', YAMADA, false],
    ['山田*=やまだ*', YAMADA, true],
    // 5: redundant delimiters
    ['Smith^John^^^', 'Smith^John', true],
    ['Smith^John', 'Smith^John^^^==', true],
    ['=山田^太郎=', YAMADA, true],
    ['Smith^^John', 'Smith^John', false],
    ['Smith^*', 'Smith', true],
    ['Smith^*^*', 'Smith^John', true],
    ['Yamada^Tarou', 'Yamada^Tarou^^==やまだ^たろう', true],
    // 6: blanks at the ends of components and groups
    [' Smith ^ John ', 'Smith^John', true],
    ['Smith^John', 'Smith  ^John =', true],
    ['Smith Jr^John', 'SmithJr^John', false],
    // wild cards cross components
    ['*john*', 'Smith^John^^Dr', true],
    ['s*n', 'Smith^John', true],
    ['s*x', 'Smith^John', false],
  ];
  for (const [pattern, name, expected] of cases) {
    assert.is(personNameMatches(pattern, name), expected, `${pattern} against ${name}`);
  }
});

test('all but the name of the patient is compared case by case, each by the kinds of its row', () => {
  const study = (keys: Record<string, string | string[]>, values: Record<string, string[]>) =>
    query('STUDY', keys).accept(values);
  const cases: [Record<string, string | string[]>, Record<string, string[]>, boolean][] = [
    [{ PatientID: 'p1' }, { PatientID: ['P1'] }, false],
    [{ PatientID: 'P?' }, { PatientID: ['P123'] }, true],
    [{ PatientID: '?abc*' }, { PatientID: ['xyzabc'] }, true],
    [{ PatientID: '' }, {}, true],
    [{ PatientID: '*' }, {}, true],
    [{ PatientID: 'P*' }, {}, false],
    [{ PatientID: '-' }, { PatientID: ['P'] }, false],
    [{ ReferringPhysicianName: 'house*' }, { ReferringPhysicianName: ['House^Gregory'] }, false],
    [{ ReferringPhysicianName: 'House*' }, { ReferringPhysicianName: ['House^Gregory'] }, true],
    [{ PatientSize: '1*' }, { PatientSize: ['1.8'] }, false],
    [{ PatientSize: '1.80' }, { PatientSize: ['1.8'] }, true],
    [{ StudyDescription: 'a.c' }, { StudyDescription: ['abc'] }, false],
    [{ StudyDescription: 'a(b' }, { StudyDescription: ['a(b'] }, true],
    [{ AdmittingDiagnosesDescription: 'C34*' }, { AdmittingDiagnosesDescription: ['A', 'C34.1'] }, true],
    [{ StudyInstanceUID: ['1.2', '1.3'] }, { StudyInstanceUID: ['1.3'] }, true],
    [{ StudyInstanceUID: ['1.2', '1.3'] }, { StudyInstanceUID: ['1.4'] }, false],
    [{ ModalitiesInStudy: 'CT' }, { ModalitiesInStudy: ['PT', 'CT'] }, true],
    [{ ModalitiesInStudy: ['MR', 'CT'] }, { ModalitiesInStudy: ['PT', 'CT'] }, true],
    [{ ModalitiesInStudy: ['MR', 'US'] }, { ModalitiesInStudy: ['PT', 'CT'] }, false],
    [{ StudyDate: '20260105' }, { StudyDate: ['20260105'] }, true],
    [{ StudyDate: '20260105' }, { StudyDate: ['2026.01.05'] }, true],
    [{ StudyDate: '20260101-20260131' }, { StudyDate: ['20260131'] }, true],
    [{ StudyDate: '20260101-20260131' }, { StudyDate: ['20260201'] }, false],
    [{ StudyDate: '-20260131' }, { StudyDate: ['19991231'] }, true],
    [{ StudyDate: '20260101-' }, { StudyDate: ['19991231'] }, false],
    [{ StudyDate: '20260101-' }, {}, false],
    [{ StudyDate: '-' }, {}, true],
    [{ StudyTime: '1030' }, { StudyTime: ['103000.00'] }, true],
    [{ StudyTime: '1030' }, { StudyTime: ['103015'] }, false],
    [{ StudyTime: '10-11' }, { StudyTime: ['115959.9'] }, true],
    [{ StudyTime: '1000-1029' }, { StudyTime: ['1030'] }, false],
    [{ StudyTime: '1030-' }, { StudyTime: ['1030'] }, true],
    [{ StudyTime: '103000-' }, { StudyTime: ['1030'] }, true],
  ];
  for (const [keys, values, expected] of cases) {
    assert.is(study(keys, values), expected, `${JSON.stringify(keys)} against ${JSON.stringify(values)}`);
  }
  assert.is(query('SERIES', { SeriesNumber: '5' }).accept({ StudyInstanceUID: ['1.1'], SeriesNumber: ['05'] }), true);
  assert.is(query('SERIES', { SeriesNumber: '5' }).accept({ StudyInstanceUID: ['1.9'], SeriesNumber: ['5'] }), false);
});

test('sequences match by one item that has everything, to any depth', () => {
  const observer = (organization: string, name: string, code: string) => ({
    VerifyingOrganization: [organization],
    VerifyingObserverName: [name],
    VerificationDateTime: ['20260105103000'],
    VerifyingObserverIdentificationCodeSequence: [{ CodeValue: [code] }],
  });
  const stored = {
    StudyInstanceUID: ['1.1'],
    SeriesInstanceUID: ['1.2'],
    VerifyingObserverSequence: [observer('A', 'House^G', '1'), observer('B', 'Wilson^J', '2')],
  };
  const asked = (item: Record<string, string>, code?: string) => {
    const inner = code ? { VerifyingObserverIdentificationCodeSequence: dataset({ CodeValue: code }) } : {};
    const identifier = dataset({
      QueryRetrieveLevel: 'IMAGE',
      StudyInstanceUID: '1.1',
      SeriesInstanceUID: '1.2',
      VerifyingObserverSequence: dataset({ ...item, ...inner }),
    });
    const read = readQuery('study', identifier);
    if (isRefusal(read)) throw new Error(read.comment);
    return read.accept(stored);
  };
  assert.is(asked({}), true);
  assert.is(asked({ VerifyingOrganization: 'B' }), true);
  assert.is(asked({ VerifyingOrganization: 'B', VerifyingObserverName: 'House*' }), false);
  assert.is(asked({ VerifyingOrganization: 'B', VerifyingObserverName: 'W*' }, '2'), true);
  assert.is(asked({ VerifyingOrganization: 'B' }, '1'), false);
  assert.is(asked({ VerificationDateTime: '202601-20260105' }), true);
  assert.is(asked({ VerificationDateTime: '20260105103000+0100' }), true);
  assert.is(asked({ VerificationDateTime: '20260106-' }), false);
});

test('what cannot be matched or is not known at the level is told as FF01, and asks nothing', () => {
  const supported = (level: 'STUDY' | 'SERIES' | 'IMAGE', keys: Record<string, string>) => query(level, keys).supported;
  assert.is(supported('STUDY', { PatientName: 'A*', NumberOfStudyRelatedInstances: '' }), true);
  assert.is(supported('STUDY', { NumberOfStudyRelatedInstances: '7' }), false);
  assert.is(supported('STUDY', { EthnicGroup: '' }), false);
  assert.is(supported('STUDY', { InstitutionName: '' }), false);
  assert.is(supported('STUDY', { RetrieveAETitle: '', StorageMediaFileSetID: '', InstanceAvailability: '' }), true);
  assert.is(supported('STUDY', { RetrieveAETitle: 'X' }), false);
  assert.is(supported('SERIES', { PatientName: '' }), false);
  assert.is(supported('SERIES', { PerformedProcedureStepStartDate: '20260101' }), false);
  assert.is(supported('IMAGE', { ImageComments: '' }), true);
  assert.is(supported('IMAGE', { ImageComments: 'x' }), false);
  assert.is(
    query('STUDY', { NumberOfStudyRelatedInstances: '7' }).accept({ NumberOfStudyRelatedInstances: ['8'] }),
    true,
  );
});

test('identifiers that do not fit are refused by the element that is wrong', () => {
  const cases: ['patient' | 'study' | 'patientStudy', Parameters<typeof dataset>[0], string][] = [
    ['study', {}, '00080052'],
    ['study', { QueryRetrieveLevel: 'PATIENT' }, '00080052'],
    ['study', { QueryRetrieveLevel: 'study' }, '00080052'],
    ['patientStudy', { QueryRetrieveLevel: 'SERIES', PatientID: 'P' }, '00080052'],
    ['patient', { QueryRetrieveLevel: 'STUDY' }, '00100020'],
    ['patient', { QueryRetrieveLevel: 'STUDY', PatientID: 'P*' }, '00100020'],
    ['patient', { QueryRetrieveLevel: 'SERIES', PatientID: 'P', StudyInstanceUID: ['1', '2'] }, '0020000D'],
    ['study', { QueryRetrieveLevel: 'IMAGE', StudyInstanceUID: '1.1' }, '0020000E'],
    ['study', { QueryRetrieveLevel: 'STUDY', StudyDate: 'yesterday' }, '00080020'],
    ['study', { QueryRetrieveLevel: 'STUDY', StudyDate: '2026*' }, '00080020'],
    ['study', { QueryRetrieveLevel: 'STUDY', StudyTime: '10-11-12' }, '00080030'],
  ];
  for (const [model, fields, offending] of cases) {
    const read = readQuery(model, dataset(fields));
    assert.ok(isRefusal(read), JSON.stringify(fields));
    if (!isRefusal(read)) continue;
    assert.is(read.status, 0xa900);
    assert.equal(read.fields?.OffendingElement, [offending]);
    assert.ok(read.comment);
  }
  const wrongKind = dataset({ QueryRetrieveLevel: 'STUDY' });
  wrongKind['00100010'] = { vr: 'SQ', Value: [dataset({ PatientID: 'x' })] };
  assert.ok(isRefusal(readQuery('study', wrongKind)));
  wrongKind['00100010'] = { vr: 'UN', Value: [Uint8Array.of(1)] };
  assert.ok(isRefusal(readQuery('study', wrongKind)));
});

/** A slow but obvious judge of wild cards. */
function obviousGlob(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern[0] === '*')
    return obviousGlob(pattern.slice(1), text) || (text !== '' && obviousGlob(pattern, text.slice(1)));
  return text !== '' && pattern[0] === text[0] && obviousGlob(pattern.slice(1), text.slice(1));
}

const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 }).map((parts) => parts.join(''));
const globs = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 8 }).map((parts) => parts.join(''));

test('wild cards agree with an obvious judge, and take no time to fail', () => {
  fc.assert(
    fc.property(globs, letters, (pattern, text) => globMatches(pattern, text) === obviousGlob(pattern, text)),
    { seed: 7, numRuns: 2000 },
  );
  const started = performance.now();
  assert.is(globMatches(`${'*a'.repeat(2000)}*b`, 'a'.repeat(20_000)), false);
  assert.ok(performance.now() - started < 2000);
});

const nameText = fc
  .array(fc.constantFrom('a', 'B', '^', '=', ' ', '山', 'é'), { maxLength: 12 })
  .map((parts) => parts.join(''));

test('a name matches itself, each of its groups, and any spelling with redundant delimiters, blanks and case', () => {
  fc.assert(
    fc.property(nameText, (name) => {
      for (const form of searchableNames(name)) assert.ok(personNameMatches(form, name), form);
      const loose = name
        .split('=')
        .map((group) => ` ${group.toUpperCase()}^^ `)
        .join('=');
      assert.ok(personNameMatches(loose, name), loose);
      assert.ok(personNameMatches(name, `${loose}==`));
      assert.ok(personNameMatches(`${name.trimEnd()}*`, name));
    }),
    { seed: 11, numRuns: 1000 },
  );
});

test('what the index narrows by never leaves a match out', () => {
  const time = fc.constantFrom('10', '1030', '103000', '103000.0', '103000.000000', '1031', '11', '100000');
  const inText = (condition: { from?: string; to?: string }, value: string) =>
    (condition.from === undefined || value >= condition.from) && (condition.to === undefined || value <= condition.to);
  const asked = fc.oneof(
    time,
    fc.tuple(time, time).map(([a, b]) => `${a}-${b}`),
    time.map((a) => `${a}-`),
    time.map((a) => `-${a}`),
  );
  fc.assert(
    fc.property(asked, time, (StudyTime, stored) => {
      const read = query('STUDY', { StudyTime });
      const condition = conditionsOf(read.keys).StudyTime;
      if (!read.accept({ StudyTime: [stored] }) || !condition) return;
      assert.is(condition.match, 'range');
      assert.ok(
        condition.match === 'range' && inText(condition, stored),
        `${StudyTime} ${stored} ${JSON.stringify(condition)}`,
      );
    }),
    { seed: 3, numRuns: 2000 },
  );
  assert.is(conditionsOf(query('SERIES', { SeriesNumber: '5' }).keys).SeriesNumber, undefined);
});

test.run();
