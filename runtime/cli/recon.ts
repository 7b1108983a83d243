import { Command, InvalidArgumentError } from 'commander';
import { ScaledClock } from '../../hal/base/clock.js';
import { loadConfig } from '../config.js';
import { EXAM_STATES, type ExamRecord } from '../control/record.js';
import { Replays } from '../control/replays.js';
import { simulatedPatient } from '../main.js';
import type { RawReport, Replaying, ReplayReport, SeriesTruth } from '../service/recon-methods.js';
import { withArchive } from './closed-archive.js';
import { connect } from './connection.js';
import { listOption, numberOption } from './exam.js';
import { fail, printJson, say, table } from './output.js';
import { Progress } from './progress.js';

interface SiteOptions {
  data?: string;
  config?: string;
  json?: boolean;
}

/** Each option and the key of a protocol's reconstruction that it sets. */
interface RunOptions extends SiteOptions {
  range: string;
  label?: string;
  frames?: number[];
  method?: string;
  iterations?: number;
  subsets?: number;
  matrix?: number;
  filter?: Record<string, unknown> | null;
  zoom?: number;
  offset?: number[];
  matchCt?: boolean;
  attenuation: boolean;
  kernel?: string;
  thickness?: number;
  increment?: number;
  fov?: number;
}

/** Over the socket where a server has the data folder, else on the folder itself. */
async function onSite<T>(options: SiteOptions, act: (replays: Replaying) => Promise<T>): Promise<T> {
  const config = loadConfig(options.config, options.data === undefined ? {} : { data: options.data });
  const client = await connect({ data: config.data }).catch(() => undefined);
  if (!client) {
    const clock = new ScaledClock();
    return withArchive(config, async (archive) => {
      const kept = await archive.states<ExamRecord>(EXAM_STATES);
      const records = kept.map(({ value }) => value);
      return act(new Replays({ records: () => records, archive, config, clock, simulatedPatient }));
    });
  }
  try {
    return await act({
      raw: () => client.call<RawReport[]>('recon.list'),
      reconstruct: (request, tell, signal) => {
        client.onProgress((event) => {
          if (event.type === 'progress') tell(event.stage, event.label, event.fraction);
        });
        // the server cancels what a client asked for that has gone
        signal.addEventListener('abort', () => client.close(), { once: true });
        return client.call<ReplayReport>('recon.run', request);
      },
      compare: (request) => client.call<SeriesTruth[]>('recon.truth', request),
    });
  } finally {
    client.close();
  }
}

async function list(options: SiteOptions): Promise<void> {
  try {
    const found = await onSite(options, (replays) => replays.raw());
    if (options.json) printJson(found);
    else show(found);
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

function show(found: readonly RawReport[]): void {
  const head = [
    'examination',
    'patient',
    'range',
    'kind',
    'label',
    'beds',
    'frames',
    'seconds',
    'MB',
    'raw data',
    'series',
  ];
  const row = (one: RawReport) => [
    ...[one.examId, one.patientName, one.rangeId, one.kind, one.label, one.beds, one.frames],
    ...[Number(one.seconds.toFixed(1)), Number((one.bytes / 1e6).toFixed(1)), one.place, one.series.join(', ')],
  ];
  say(table(head, found.map(row)));
}

async function run(examId: string, options: RunOptions): Promise<void> {
  const stop = new AbortController();
  const progress = new Progress();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    const { range: rangeId, label, frames } = options;
    const request = { examId, rangeId, label, frames, changes: changesOf(options) };
    const tell = (stage: string, text: string, fraction: number) =>
      progress.show({ type: 'progress', examId, stage, label: text, fraction });
    const report = await onSite(options, (replays) => replays.reconstruct(request, tell, stop.signal));
    progress.stop();
    if (options.json) printJson(report);
    else describe(report);
  } catch (thrown) {
    progress.stop();
    fail(thrown, options.json ?? false);
  } finally {
    process.off('SIGINT', interrupt);
  }
}

interface TruthOptions extends SiteOptions {
  range: string;
  series?: string[];
  phantom?: string;
}

async function truth(examId: string, options: TruthOptions): Promise<void> {
  try {
    const { range: rangeId, series, phantom } = options;
    const request = { examId, rangeId, series, phantom };
    const found = await onSite(options, (replays) => replays.compare(request, new AbortController().signal));
    if (options.json) printJson(found);
    else for (const one of found) showTruth(one);
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

function showTruth({ series, frame, regions, bias, rmsError }: SeriesTruth): void {
  const percent = (part: number | undefined) => (part === undefined ? '-' : `${(100 * part).toFixed(1)} %`);
  const whole = (value: number | undefined) => (value === undefined ? '-' : Math.round(value));
  const head = ['part', 'known Bq/ml', 'mean', 'recovery', 'voxels', 'core mean', 'core noise'];
  const rows = regions.map((one) => [
    ...[one.label, whole(one.known), whole(one.mean), percent(one.recovery), one.voxels],
    ...[whole(one.coreMean), percent(one.coreNoise)],
  ]);
  say(
    `\n${series}, frame ${frame + 1}: bias ${percent(bias)}, root mean square error ${percent(rmsError)} in the cores`,
  );
  say(table(head, rows));
}

function changesOf(options: RunOptions): Record<string, unknown> {
  const { method, iterations, subsets, matrix, filter, zoom, offset, matchCt, attenuation } = options;
  const { kernel, thickness, increment, fov } = options;
  const pet = { method, iterations, subsets, matrix, filter, zoom, offsetMm: offset, matchCtSlices: matchCt };
  const ct = { kernel, thicknessMm: thickness, incrementMm: increment, fovMm: fov };
  const changes = { ...pet, ...ct, ...(attenuation ? {} : { attenuationCorrected: false }) };
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function describe({ description, modality, count, seriesInstanceUid, stages, notes }: ReplayReport): void {
  say(`${modality} series '${description}': ${count} images, ${seriesInstanceUid}`);
  const took = stages.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)} s`);
  say(took.join(', '));
  for (const note of notes) say(`note: ${note}`);
}

function secondsOption(text: string): number[] {
  return text.split(',').map(numberOption);
}

/** `Gauss:4`, `Butterworth:5:2`, `Shepp`, or `none`. */
function filterOption(text: string): Record<string, unknown> | null {
  if (text === 'none') return null;
  const [window, fwhm, order] = text.split(':');
  return {
    window,
    ...(fwhm === undefined ? {} : { fwhmMm: numberOption(fwhm) }),
    ...(order === undefined ? {} : { order: numberOption(order) }),
  };
}

function pairOption(text: string): number[] {
  const pair = text.split(',').map(numberOption);
  if (pair.length !== 2) throw new InvalidArgumentError('expected X,Y in mm');
  return pair;
}

function withSite(command: Command): Command {
  return command
    .option('--data <folder>', 'data folder (default: that of the configuration)')
    .option('--config <file>', 'configuration as JSON')
    .option('--json', 'one JSON document on stdout');
}

export function reconCommand(): Command {
  const recon = new Command('recon').description('reconstruct raw data of earlier examinations another way');
  withSite(recon.command('list')).description('raw data of all examinations, and the series made of them').action(list);
  withSite(recon.command('run <exam>'))
    .description('a further series of one range; what is not said is as in the range’s first reconstruction')
    .requiredOption('--range <id>', 'which range, as listed')
    .option('--label <text>', 'Series Description (default: that of the first with a number)')
    .option('--method <name>', 'PET: Backprojection, Backprojection+TOF, OSEM2D, OSEM3D, OSEM3D+TOF, PSF, PSF+TOF')
    .option('--iterations <n>', 'PET', numberOption)
    .option('--subsets <n>', 'PET: a divisor of 168, at most 24', numberOption)
    .option('--matrix <n>', 'PET: 128, 200, 256, 400 or 512', numberOption)
    .option('--filter <name>', 'PET: NAME[:FWHM mm[:ORDER]], e.g. Gauss:4 or Butterworth:5:2; none', filterOption)
    .option('--zoom <factor>', 'PET: 1 is the whole field of view', numberOption)
    .option('--offset <x,y>', 'PET: middle of the images, patient mm', pairOption)
    .option('--match-ct', 'PET: slices where the CT has its own')
    .option('--no-attenuation', 'PET: not corrected for attenuation')
    .option('--frames <s,s,..>', 'PET: static list mode cut into frames of these lengths, s', secondsOption)
    .option('--kernel <name>', 'CT: e.g. B31f')
    .option('--thickness <mm>', 'CT: of the slices', numberOption)
    .option('--increment <mm>', 'CT: from slice to slice', numberOption)
    .option('--fov <mm>', 'CT: field of view', numberOption)
    .addHelpText(
      'after',
      '\nExamples:\n  petrig recon list\n  petrig recon run EXAM --range R3 --method PSF+TOF --iterations 2 --subsets 21 --filter Gauss:4' +
        '\n  petrig recon run EXAM --range R3 --frames 10,20,30 --label dynamic\n  petrig recon run EXAM --range R2 --kernel B70f --thickness 2',
    )
    .action(run);
  withSite(recon.command('truth <exam>'))
    .description('PET series beside the activity of the simulated patient: recovery, bias and noise of each part')
    .requiredOption('--range <id>', 'which range, as listed')
    .option('--series <text>', 'Series Description; may be repeated (default: all in Bq/ml)', listOption)
    .option('--phantom <name>', 'a phantom or a JSON file (default: that of the configuration)')
    .action(truth);
  return recon;
}
