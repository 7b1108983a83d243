import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dataset, items, text } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { mppsCreation, mppsUpdate } from '../../runtime/network/mpps-dataset.js';
import { doseComments } from '../../runtime/network/mpps-dose.js';
import { at, CREATE_TYPE_1, CREATE_TYPE_2, dose, EXPLICIT, series, station } from '../helpers/ris.js';
import { START, specimenExam, worklistAnswer } from '../helpers/specimens.js';

test('N-CREATE carries every type 1 and type 2 attribute, with the worklist where it should', () => {
  const exam = specimenExam();
  const ds = decodeDataset(encodeDataset(mppsCreation(exam, station), EXPLICIT), EXPLICIT);
  for (const path of CREATE_TYPE_1) assert.ok(at(ds, path)?.Value.length, path);
  for (const path of CREATE_TYPE_2) assert.ok(at(ds, path), path);
  const value = (path: string) => String(at(ds, path)?.Value[0] ?? '');
  assert.equal(
    [value('00400253'), value('00400241'), value('00400242'), value('00400243')],
    ['SPS1', 'PETRIG', 'STATION1', 'ROOM 3'],
  );
  assert.equal([value('00100010'), value('00200010'), value('00400254')], ['Müller^Jörg', 'RP1', 'PET/CT step']);
  assert.equal([value('00400270/00080050'), value('00400270/00400009')], ['A1', 'SPS1']);
  assert.is(text(at(ds, '00081032')!.Value[0] as Dataset, 'CodeValue'), 'WB');
  assert.equal(at(ds, '00400244')!.Value, ['20260105']);
});

test('N-CREATE of an unscheduled patient has them too, empty where nobody knows', () => {
  const { item: _none, ...exam } = specimenExam(worklistAnswer('Plain^Name', 'ISO_IR 192'));
  const ds = mppsCreation({ ...exam, patient: { ...exam.patient, birthDate: '', sex: '' } }, station);
  for (const path of CREATE_TYPE_1) assert.ok(at(ds, path)?.Value.length, path);
  for (const path of CREATE_TYPE_2) assert.ok(at(ds, path), path);
  assert.equal(at(ds, '00100030')!.Value, []);
});

test('N-CREATE holds the dose and billing rows, and the first series by the UID that it will have', () => {
  const exam = specimenExam();
  const ds = mppsCreation(exam, station);
  const [first, ...more] = items(ds, 'PerformedSeriesSequence');
  assert.is(more.length, 0);
  assert.is(text(first!, 'SeriesInstanceUID'), exam.firstSeriesUid);
  assert.equal(
    [text(first!, 'PerformingPhysicianName'), text(first!, 'ProtocolName'), text(first!, 'OperatorsName')],
    ['Per^Former', 'wholebody-fdg', 'Tech^A'],
  );
  for (const tag of ['0008103E', '00080054', '00081140', '00400220']) assert.equal(first![tag]?.Value, [], tag);
  for (const tag of ['00400306', '00400310', '0040030E', '00400324']) assert.equal(ds[tag]?.Value, [], tag);
  assert.equal([text(ds, 'DistanceSourceToDetector'), text(ds, 'TotalNumberOfExposures')], ['1085.6', '0']);
});

test('dose comments: two tubes in their own form, and no more lines than the value holds', () => {
  const ct = dose.exposures[1]!;
  assert.is(doseComments([{ ...ct, kv: 140, kvB: 80 }]), 'DualTube: kV=140/80 mAs=100 CTDIvol=3.46 DLP=120');
  const many = doseComments(Array.from({ length: 60 }, (_, i) => ({ ...ct, label: `Range ${i + 1}` })));
  const lines = many.split('\r\n');
  assert.ok(many.length <= 1024);
  assert.is(lines.at(-1), `and ${60 - (lines.length - 1)} more scans`);
  assert.is(lines.at(-2), `Range ${lines.length - 1}: kV=120 mAs=100 CTDIvol=3.46 DLP=120`);
});

test('the final N-SET reports series, dose and one comment line a scan', () => {
  const ds = mppsUpdate(specimenExam(), {
    series,
    end: { outcome: 'COMPLETED', reason: '', endedAt: START + 900_000, dose },
  });
  const [images, raw] = items(ds, 'PerformedSeriesSequence');
  assert.equal(
    items(images!, 'ReferencedImageSequence').map((ref) => text(ref, 'ReferencedSOPInstanceUID')),
    ['1.2.1.1', '1.2.1.2'],
  );
  assert.equal(raw!['00081140']?.Value, []);
  assert.is(items(raw!, 'ReferencedNonImageCompositeSOPInstanceSequence').length, 2);
  assert.is(
    text(ds, 'CommentsOnRadiationDose'),
    'Topogram: kV=120 mAs=35\r\nCT WB: kV=120 mAs=100 CTDIvol=3.46 DLP=120',
  );
  assert.equal(
    items(ds, 'ExposureDoseSequence').map((one) => [
      text(one, 'KVP'),
      text(one, 'XRayTubeCurrentInuA'),
      text(one, 'ExposureTime'),
    ])[0],
    ['120', '35000', '1250'],
  );
  assert.equal([text(ds, 'DistanceSourceToDetector'), text(ds, 'DistanceSourceToEntrance')], ['1085.6', '435']);
  assert.equal(ds['00400321']?.Value, [], 'no film was printed');
  const [mode] = items(ds, 'ExposureDoseSequence');
  assert.equal([text(mode!, 'RadiationMode'), text(mode!, 'FilterType')], ['CONTINUOUS', '0']);
  assert.equal([text(ds, 'TotalNumberOfExposures'), text(ds, 'PerformedProcedureStepEndTime')], ['2', '094500.000000']);
  const progress = mppsUpdate(specimenExam(), { series: series.slice(0, 1) });
  assert.is(text(progress, 'PerformedProcedureStepStatus'), 'IN PROGRESS');
  assert.is(progress['00400250'], undefined, 'no end while it goes on');
  const discontinued = mppsUpdate(specimenExam(), {
    series,
    end: { outcome: 'DISCONTINUED', reason: 'patient unwell', endedAt: START, dose },
  });
  assert.is(
    text(items(discontinued, 'PerformedProcedureStepDiscontinuationReasonCodeSequence')[0]!, 'CodeValue'),
    '110513',
  );
  assert.is(text(discontinued, 'CommentsOnThePerformedProcedureStep'), 'patient unwell');
});

test.run();
