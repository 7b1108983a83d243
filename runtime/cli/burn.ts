import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { Command } from 'commander';
import { ScaledClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Archive } from '../archive/archive.js';
import { type Config, loadConfig } from '../config.js';
import { CodecPool } from '../dicom/codecs/pool.js';
import { RecentLog } from '../log.js';
import { planBytes } from '../media/burn-plan.js';
import { writeImage } from '../media/burner/image.js';
import { type FileSetPlan, planFileSets } from '../media/file-set.js';

import { DEFAULT_PROFILE, type Profile, profileNamed } from '../media/profile.js';
import type { Instance } from '../objects/instance.js';
import { progress, withArchive } from './closed-archive.js';
import { fail, printJson, say } from './output.js';

interface BurnOptions {
  all?: boolean;
  profile: string;
  image: string;
  data?: string;
  config?: string;
  name: string;
  multivolume?: boolean;
  json?: boolean;
}

interface BurnedImage {
  image: string;
  volumeId: string;
  fileSetUid: string;
  label: string;
  objects: number;
  bytes: number;
}

/** What a blank disc takes, bytes: 360,000 sectors of an 80 minute CD-R, 2,295,104 of a DVD-R, less what the file system wants. */
const CAPACITY: Readonly<Record<Profile['medium'], number>> = {
  cd: (360_000 - 1000) * 2048,
  dvd: (2_295_104 - 1000) * 2048,
};

async function burn(studies: string[], options: BurnOptions): Promise<void> {
  try {
    if (options.all !== (studies.length === 0 ? true : undefined)) {
      throw new ScannerError('operator.usage', { message: 'name studies, or --all of the archive' });
    }
    const profile = profileNamed(options.profile, 'FSC');
    const config = loadConfig(options.config, options.data === undefined ? {} : { data: options.data });
    const done = await withArchive(config, (archive) => images(archive, config, { ...options, studies, profile }));
    if (options.json) printJson(done);
    else show(done);
  } catch (thrown) {
    fail(thrown, options.json ?? false);
  }
}

type Wanted = Omit<BurnOptions, 'profile'> & { studies: string[]; profile: Profile };

async function images(archive: Archive, config: Config, wanted: Wanted) {
  const { profile, name, multivolume, image } = wanted;
  const instances = await selected(archive, wanted);
  const clock = new ScaledClock();
  const codecs = new CodecPool({ clock, log: new RecentLog(config.logLevel) });
  await mkdir(config.data, { recursive: true });
  const folder = await mkdtemp(join(config.data, 'burn-'));
  try {
    const plan = await planFileSets(instances, {
      ...{ profile, name, codecs, folder, uidRoot: config.uidRoot, multiVolume: multivolume },
      ...{ capacityBytes: CAPACITY[profile.medium], implementation: config.dicom.implementation },
      sourceAeTitle: config.media.sourceAeTitle,
      onProgress: progress('prepare'),
    });
    return {
      profile: plan.profile,
      images: await write(plan, image),
      leftOut: plan.leftOut,
      duplicates: plan.duplicates,
    };
  } finally {
    await codecs.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function selected(archive: Archive, { all, studies }: Wanted): Promise<Instance[]> {
  if (all) return archive.instances();
  const found: Instance[] = [];
  for (const studyInstanceUid of studies) {
    const instances = await archive.instances({ studyInstanceUid });
    if (instances.length === 0) {
      throw new ScannerError('data.missing', { what: `study ${studyInstanceUid} in the archive` });
    }
    found.push(...instances);
  }
  return found;
}

async function write({ discs, leftOut }: FileSetPlan, image: string): Promise<BurnedImage[]> {
  if (discs.length === 0) {
    const reason = leftOut[0]?.reason ?? 'the archive has none';
    throw new ScannerError('operator.usage', { message: `no object goes onto a disc: ${reason}` });
  }
  const done: BurnedImage[] = [];
  for (const [i, { plan, fileSetUid }] of discs.entries()) {
    const path = discs.length === 1 ? image : numbered(image, i + 1);
    await writeImage(plan, { image: path, onVerified: progress(`verify ${basename(path)}`) });
    const objects = plan.files.filter(({ sopInstanceUid }) => sopInstanceUid !== undefined).length;
    done.push({ image: path, volumeId: plan.volumeId, fileSetUid, label: plan.label, objects, bytes: planBytes(plan) });
  }
  return done;
}

/** disc.iso: disc-2.iso */
function numbered(image: string, number: number): string {
  const extension = extname(image);
  return join(dirname(image), `${basename(image, extension)}-${number}${extension}`);
}

function show({ images: made, leftOut }: { images: BurnedImage[]; leftOut: FileSetPlan['leftOut'] }): void {
  for (const { image, volumeId, label, objects, bytes } of made) {
    say(
      `${image}: ${volumeId}, ${objects} objects, ${(bytes / 1e6).toFixed(1)} MB, read back and compared; label: ${label}`,
    );
  }
  for (const { sopInstanceUid, reason } of leftOut) say(`left out: ${sopInstanceUid}: ${reason}`);
}

export function burnCommand(): Command {
  return new Command('burn')
    .description('studies of an archive that no server has open as a DICOM disc: an image file for a CD or DVD')
    .argument('[studies...]', 'Study Instance UIDs')
    .option('--all', 'everything in the archive')
    .requiredOption('--image <file>', 'the image; of several discs they are numbered')
    .option('--profile <name>', 'application profile', DEFAULT_PROFILE)
    .option('--name <name>', 'volume and file-set ID: capitals, digits, underscores', 'PETRIG')
    .option('--multivolume', 'write a README that numbers the discs when there are several')
    .option('--data <folder>', 'folder of the archive')
    .option('--config <file>', 'configuration of the archive')
    .option('--json', 'one JSON document on stdout')
    .addHelpText(
      'after',
      '\nExamples:\n  petrig burn 2.25.7 --image disc.iso --data ./petrig-data\n  petrig burn --all --profile STD-GEN-CD --image all.iso --json',
    )
    .action(burn);
}
