import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { ScaledClock } from '../../hal/base/clock.js';
import type { Archive } from '../archive/archive.js';
import { type Config, loadConfig } from '../config.js';
import { CodecPool } from '../dicom/codecs/pool.js';
import { RecentLog } from '../log.js';
import { browseDisc, type DiscContents } from '../media/browse.js';
import type { DiscReader } from '../media/disc-reader.js';
import { importFromDisc, type MediaImport } from '../media/import.js';
import { profileNamed } from '../media/profile.js';
import { readDisc } from '../media/read-disc.js';
import { type DiscVerdict, verifyDisc } from '../media/verify-disc.js';
import { progress, withArchive } from './closed-archive.js';
import { EXIT, fail, printJson, say, table } from './output.js';

interface MediaOptions {
  session?: number;
  json?: boolean;
}

interface ArchiveOptions extends MediaOptions {
  config?: string;
  data?: string;
}

interface ImportOptions extends ArchiveOptions {
  study?: string[];
  series?: string[];
  patient?: string;
  profile?: string;
}

function sessionOption(text: string): number {
  const session = Number(text);
  if (!Number.isInteger(session) || session < 1) throw new InvalidArgumentError('expected a number from 1 on');
  return session;
}

async function withDisc(path: string, options: MediaOptions, act: (disc: DiscReader) => Promise<void>): Promise<void> {
  let disc: DiscReader | undefined;
  try {
    disc = await readDisc(path, { session: options.session });
    await act(disc);
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  } finally {
    await disc?.close();
  }
}

function ls(path: string, options: MediaOptions): Promise<void> {
  return withDisc(path, options, async (disc) => {
    const { directory: _directory, ...contents } = await browseDisc(disc);
    if (options.json) printJson({ format: disc.format, ...withoutPixels(contents) });
    else showContents(disc, contents);
  });
}

function withoutPixels(contents: Omit<DiscContents, 'directory'>): object {
  return JSON.parse(JSON.stringify(contents, (key, value) => (key === 'pixels' ? undefined : value)));
}

function showContents(disc: DiscReader, contents: Omit<DiscContents, 'directory'>): void {
  const { volumeId, fileSetId, volume, sessions, profiles, patients, hidden } = contents;
  const part = volume ? `, volume ${volume.number} of ${volume.of}` : '';
  say(
    `${disc.format} volume ${volumeId || '(no name)'}${part}, ${sessions} sessions, file-set ${fileSetId || '(no ID)'}`,
  );
  say(`profiles: ${profiles.join(', ') || 'none holds for all of it'}`);
  const rows = patients.flatMap((patient) =>
    patient.studies.flatMap((study) =>
      study.series.map((series) => [
        ...[patient.patientName, patient.patientId, study.studyDate, study.description],
        ...[series.modality, series.seriesNumber, series.description, series.instances.length],
      ]),
    ),
  );
  say(table(['patient', 'patient ID', 'date', 'study', 'modality', 'series', 'description', 'objects'], rows));
  for (const { reason, count } of hidden) say(`not shown: ${count}: ${reason}`);
}

function verify(path: string, options: ArchiveOptions): Promise<void> {
  return withDisc(path, options, async (disc) => {
    const folder = await mkdtemp(join(tmpdir(), 'petrig-media-'));
    const check = (archive?: Archive) => verifyDisc(disc, { folder, archive, onProgress: progress('verify') });
    try {
      const config = options.data === undefined ? undefined : loadConfig(options.config, { data: options.data });
      const verdict = config ? await withArchive(config, check) : await check();
      if (options.json) printJson({ ok: isGood(verdict), ...verdict });
      else showVerdict(verdict);
      if (!isGood(verdict)) process.exitCode = EXIT.failed;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

function isGood({ damaged, differing }: DiscVerdict): boolean {
  return damaged.length === 0 && differing.length === 0;
}

function showVerdict({ good, identical, damaged, differing, unreferenced, hidden }: DiscVerdict): void {
  say(`${good} objects are good, ${identical} of them as in the archive; ${damaged.length} are damaged`);
  for (const { file, reason } of damaged) say(`damaged: ${file}: ${reason}`);
  for (const uid of differing) say(`not as in the archive: ${uid}`);
  for (const file of unreferenced) say(`in no record: ${file}`);
  for (const { reason, count } of hidden) say(`not looked at: ${count}: ${reason}`);
}

function importDisc(path: string, options: ImportOptions): Promise<void> {
  return withDisc(path, options, async (disc) => {
    const config = loadConfig(options.config, options.data === undefined ? {} : { data: options.data });
    const profiles = options.profile ? [profileNamed(options.profile, 'FSR')] : undefined;
    const { study, series, patient } = options;
    const selection = { studyInstanceUids: study, seriesInstanceUids: series, patientId: patient };
    const done = await withArchive(config, (archive) => take(disc, archive, config, { selection, profiles }));
    if (options.json) printJson(done);
    else showImport(done);
  });
}

async function take(
  disc: DiscReader,
  archive: Archive,
  config: Config,
  {
    selection,
    profiles,
  }: { selection: Parameters<typeof importFromDisc>[1]; profiles?: ReturnType<typeof profileNamed>[] },
): Promise<MediaImport> {
  const common = { clock: new ScaledClock(), log: new RecentLog(config.logLevel) };
  const codecs = new CodecPool(common);
  const folder = join(config.data, 'incoming');
  await mkdir(folder, { recursive: true });
  try {
    return await importFromDisc(disc, selection, {
      ...{ archive, folder, codecs, profiles, uidRoot: config.uidRoot, ...common },
      ...{ reserveBytes: config.dicom.reserveBytes, implementation: config.dicom.implementation },
      sourceAeTitle: config.aeTitle,
      onProgress: progress('import'),
    });
  } finally {
    await codecs.close();
  }
}

function showImport({ selected, imported, identical, differing, volumeId }: MediaImport): void {
  say(`${selected} objects of ${volumeId || 'the disc'}: ${imported} new, ${identical} were there already`);
  for (const uid of differing) say(`the archive has another object of this UID, and keeps it: ${uid}`);
}

const EXAMPLES: Readonly<Record<string, string>> = {
  ls: '\nExamples:\n  petrig media ls /dev/sr0\n  petrig media ls disc.iso --session 1 --json',
  verify: '\nExamples:\n  petrig media verify disc.iso\n  petrig media verify disc.iso --data ./petrig-data --json',
  import:
    '\nExamples:\n  petrig media import disc.iso --data ./petrig-data\n  petrig media import /media/cdrom --study 2.25.7',
};

function discCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<disc>', "an image file, a drive's device, or a folder")
    .option('--session <number>', 'a session of the disc from 1 on; the newest when absent', sessionOption)
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', EXAMPLES[name]!);
}

/** Several of a kind: `--study A --study B`. */
function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

export function mediaCommand(): Command {
  return new Command('media')
    .description('DICOM discs: what is on one, whether it is good, import; nothing is mounted')
    .addCommand(discCommand('ls', 'patients, studies and series of a disc, as far as a profile allows them').action(ls))
    .addCommand(
      discCommand('verify', 'read every object of a disc and test it; exit code 1 when one is damaged')
        .option('--data <folder>', 'compare with the archive in this folder, which no server has open')
        .option('--config <file>', 'configuration of that archive')
        .action(verify),
    )
    .addCommand(
      discCommand('import', 'objects of a disc into an archive that no server has open; all of them or none')
        .option('--data <folder>', 'folder of the archive')
        .option('--config <file>', 'configuration of the archive')
        .option('--study <uid>', 'only this study; may be given again', collect)
        .option('--series <uid>', 'only this series; may be given again', collect)
        .option('--patient <id>', 'only this patient ID')
        .option('--profile <name>', 'read as this application profile; any that we read when absent')
        .action(importDisc),
    );
}
