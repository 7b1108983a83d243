/** Performed procedure steps from the command line: billed supplies, the user's verdict, emergency patients, over a restart. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ConfigInput } from '../../runtime/config.js';
import { items, text } from '../../runtime/dicom/dataset/dataset.js';
import { loadProtocol } from '../../runtime/protocol/definition.js';
import type { ExamReport, StepReport } from '../../runtime/service/operations.js';
import type { ScheduledStep } from '../../runtime/worklist/store.js';
import { killLeftOvers, runPetrig, startServe, testFolder } from '../helpers/petrig.js';
import { closeSites, startSite } from '../helpers/site.js';

const test = suite('performed steps from the command line');
test.after(killLeftOvers);
test.after(closeSites);

test('steps that the user ends: billed, listed, refused after their end; an emergency patient over a restart', async () => {
  const folder = testFolder('mpps');
  const data = join(folder, 'data');
  const site = await startSite(folder);
  const config: ConfigInput = {
    nodes: site.nodes,
    mpps: { completion: 'user', catalogName: '99SITE' },
    aeTitles: { worklist: 'PETRIG' },
    injection: {},
  };
  const whole = loadProtocol('wholebody-fdg');
  const protocol = join(folder, 'topogram.json');
  const ranges = whole.ranges.filter(({ kind }) => kind === 'topogram');
  writeFileSync(protocol, JSON.stringify({ ...whole, name: 'topogram', ranges }));
  let serve = await startServe(folder, config);

  const petrig = async <T>(...args: string[]) => {
    const { code, stdout, stderr } = await runPetrig([...args, '--data', data, '--json']);
    return { code, document: (stdout ? JSON.parse(stdout) : undefined) as T, stderr };
  };
  const supply = 'CM1,,Contrast 300,80,ml';
  const asked = ['--protocol', protocol, '--accession', 'A1', '--supply', supply, '--operator', 'Tech^A'];
  const { document: report, stderr } = await petrig<ExamReport>('exam', 'run', ...asked);
  assert.is(report?.outcome, 'COMPLETED', stderr);
  assert.is(report.mpps, 'performed');
  const [step, ...others] = (await petrig<StepReport[]>('mpps', 'list')).document;
  assert.equal([step?.phase, step?.accession, step?.scheduledSteps, others.length], ['performed', 'A1', ['SPS1'], 0]);
  const known = site.steps.get(step!.sopInstanceUid)!;
  assert.is(known.status, 'IN PROGRESS');
  const topogram = report.series.find(({ modality, sopClass }) => modality === 'CT' && /CTImage/.test(sopClass))!;
  assert.ok(
    items(known.attributes, 'PerformedSeriesSequence').some(
      (series) => text(series, 'SeriesInstanceUID') === topogram.seriesInstanceUid,
    ),
  );

  const changes = ['--description', 'Topogram only', '--procedure-changed', '--comment', 'as agreed'];
  const ended = await petrig<StepReport[]>('mpps', 'complete', report.examId, ...changes);
  assert.equal([ended.code, ended.document[0]?.phase], [0, 'completed']);
  assert.is(known.status, 'COMPLETED');
  assert.is(text(known.attributes, 'PerformedProcedureStepDescription'), 'Topogram only');
  assert.is(text(known.attributes, 'TotalNumberOfExposures'), '1');
  assert.match(text(known.attributes, 'CommentsOnRadiationDose') ?? '', /^Topogram: kV=\d+ mAs=[\d.]+$/);
  const performed = items(known.attributes, 'PerformedSeriesSequence');
  assert.ok(
    performed.every((series) => text(series, 'RetrieveAETitle') === 'PACS'),
    'the PACS had committed to all before the step was ended',
  );
  const [billed] = items(known.attributes, 'BillingSuppliesAndDevicesSequence');
  assert.is(text(items(billed!, 'BillingItemSequence')[0]!, 'CodingSchemeDesignator'), '99SITE');
  const again = await petrig('mpps', 'discontinue', report.examId);
  assert.is(again.code, 2);
  assert.match(again.stderr, /COMPLETED and may no longer be updated/);
  const [entry] = (await petrig<ScheduledStep[]>('worklist', 'list')).document.filter(
    ({ stepId }) => stepId === 'SPS1',
  );
  assert.equal([entry?.progress, entry?.examId], ['completed', report.examId]);

  const emergency = await petrig<ExamReport>('exam', 'run', '--protocol', protocol, '--emergency');
  assert.is(emergency.document.mpps, 'held');
  assert.is(site.steps.size, 1, 'nobody is told');
  await serve.stop();
  serve = await startServe(folder, config);
  const { examId } = emergency.document;
  assert.is((await petrig('mpps', 'complete', examId)).code, 2, 'it must be sent first');
  assert.is((await petrig<StepReport[]>('mpps', 'send', examId)).document[0]?.phase, 'performed');
  assert.is(site.steps.size, 2);
  const reason = ['--reason', 'equipment'];
  assert.is((await petrig<StepReport[]>('mpps', 'discontinue', examId, ...reason)).document[0]?.phase, 'discontinued');
  const last = [...site.steps.values()].at(-1)!;
  assert.is(last.status, 'DISCONTINUED');
  const [why] = items(last.attributes, 'PerformedProcedureStepDiscontinuationReasonCodeSequence');
  assert.is(text(why!, 'CodeValue'), '110501');
  await serve.stop();
  await site.close();
});

test.run();
