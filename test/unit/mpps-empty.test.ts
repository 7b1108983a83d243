import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { items, text } from '../../runtime/dicom/dataset/dataset.js';
import { mppsUpdate } from '../../runtime/network/mpps-dataset.js';
import { START, specimenExam } from '../helpers/specimens.js';

const test = suite('a step without series');

test('it still ends: PS3.4 F.7.2.1 wants a performed series, which then holds no instance', () => {
  const dose = { exposures: [], totalDlp: 0 };
  const update = mppsUpdate(specimenExam(), {
    series: [],
    end: { outcome: 'DISCONTINUED', reason: 'operator', endedAt: START, dose },
  });
  assert.is(text(update, 'PerformedProcedureStepStatus'), 'DISCONTINUED');
  const [one, ...more] = items(update, 'PerformedSeriesSequence');
  assert.is(more.length, 0);
  assert.match(text(one!, 'SeriesInstanceUID') ?? '', /^[0-9.]+$/);
  assert.equal(items(one!, 'ReferencedImageSequence'), []);
});

test.run();
