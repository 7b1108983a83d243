import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { isUid } from '../../runtime/dicom/dataset/uid.js';
import { ageOf, daOf, dtOf, timezoneOf, tmOf } from '../../runtime/exam/datetime.js';
import { emergencyExam, examFromWorklist, injectionOf, unscheduledExam } from '../../runtime/exam/register.js';
import { itemFromDataset } from '../../runtime/worklist/item.js';

const now = new Date(2026, 0, 5, 9, 30, 7, 250).getTime();
const injection = { radionuclide: 'F-18', radiopharmaceutical: 'FDG', activityBq: 3e8, time: now - 3_600_000 };

const item = itemFromDataset(
  dataset({
    SpecificCharacterSet: 'ISO_IR 192',
    AccessionNumber: 'A1',
    PatientName: 'Ng^Mai',
    PatientID: 'P1',
    PatientBirthDate: '19610704',
    PatientSex: 'F',
    PatientWeight: '71.5',
    PatientSize: '1.68',
    StudyInstanceUID: '1.2.3.4',
    RequestedProcedureID: 'RP1',
    ScheduledProcedureStepSequence: dataset({
      Modality: 'PT',
      ScheduledStationAETitle: 'PETRIG',
      ScheduledProcedureStepStartDate: '20260105',
      ScheduledProcedureStepStartTime: '0930',
      ScheduledPerformingPhysicianName: 'Per^Former',
      ScheduledProcedureStepID: 'SPS1',
    }),
  }),
);

test('an exam of a scheduled step takes its identifiers and defaults from the worklist', () => {
  const exam = examFromWorklist(item, { protocol: 'wholebody-fdg', operator: 'Tech^A', injection }, { now });
  assert.equal(exam.patient, {
    name: 'Ng^Mai',
    id: 'P1',
    birthDate: '19610704',
    sex: 'F',
    weightKg: 71.5,
    sizeM: 1.68,
  });
  assert.equal(
    [exam.studyInstanceUid, exam.accessionNumber, exam.studyId, exam.ppsId],
    ['1.2.3.4', 'A1', 'RP1', 'SPS1'],
  );
  assert.is(exam.performingPhysician, 'Per^Former');
  assert.equal(exam.characterSet, ['ISO_IR 192']);
  assert.is(exam.injection?.halfLifeSeconds, 6586.2);
  assert.is(exam.injection?.radiopharmaceutical.value, 'C-B1031');
  assert.ok(isUid(exam.ppsInstanceUid) && exam.ppsInstanceUid !== exam.frameOfReferenceUid);
  assert.is(exam.emergency, false);
});

test('what the operator measured wins over the worklist', () => {
  const exam = examFromWorklist(
    item,
    { protocol: 'p', patient: { weightKg: 80 }, performingPhysician: 'Other^P' },
    { now },
  );
  assert.is(exam.patient.weightKg, 80);
  assert.is(exam.patient.name, 'Ng^Mai');
  assert.is(exam.performingPhysician, 'Other^P');
});

test('unscheduled and emergency exams make their own identifiers', () => {
  const patient = { name: 'Walk^In', id: 'W1', birthDate: '', sex: '' } as const;
  const walkIn = unscheduledExam(patient, { protocol: 'p' }, { now, uidRoot: '1.2.826.0.1' });
  assert.match(walkIn.studyInstanceUid, /^1\.2\.826\.0\.1\.\d+$/);
  assert.is(walkIn.item, undefined);
  assert.ok(walkIn.ppsId.length <= 16 && walkIn.studyId.length <= 16);
  const emergency = emergencyExam({ protocol: 'p' }, { now });
  assert.is(emergency.emergency, true);
  assert.is(emergency.patient.id, 'EMERGENCY-20260105093007');
});

test('wrong input is refused with what and why', () => {
  const register = (extra: object) => () => examFromWorklist(item, { protocol: 'p', ...extra }, { now });
  assert.throws(register({ patient: { weightKg: -1 } }), /patient\.?weightKg|weightKg/);
  assert.throws(register({ patient: { birthDate: '1961-07-04' } }), /birthDate: YYYYMMDD/);
  assert.throws(register({ protocol: '' }), /protocol/);
  assert.throws(
    register({ injection: { ...injection, radionuclide: 'Xx-1' } }),
    /no radionuclides named Xx-1; known: F-18/,
  );
  assert.throws(() => injectionOf({ ...injection, radionuclide: 'C-11' }), /carries F-18, not C-11/);
  assert.throws(() => injectionOf({ ...injection, activityBq: Number.NaN }), /activityBq/);
});

test('dates, times and ages as DICOM writes them', () => {
  assert.is(daOf(now), '20260105');
  assert.is(tmOf(now), '093007.250000');
  assert.is(dtOf(now), '20260105093007.250000');
  assert.match(timezoneOf(now), /^[+-]\d{4}$/);
  assert.equal([ageOf('19610704', now), ageOf('20250601', now), ageOf('20260101', now)], ['064Y', '007M', '004D']);
  assert.equal([ageOf('', now), ageOf('20300101', now)], [undefined, undefined]);
});

test.run();
