import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { unscheduledExam } from '../../runtime/exam/register.js';
import { csaInstances, protocolPart, rawPart } from '../../runtime/objects/csa.js';
import { ctInstances, topogramInstances } from '../../runtime/objects/ct.js';
import type { Instance } from '../../runtime/objects/instance.js';
import { petInstances } from '../../runtime/objects/pet.js';
import type { SeriesObjects } from '../../runtime/objects/series.js';
import type { RawSet } from '../../runtime/raw/rawset.js';
import {
  acquisitionOf,
  CT,
  PET,
  START,
  specimenContext,
  specimenExam,
  TOPOGRAM,
  volumeOf,
  worklistAnswer,
} from '../helpers/specimens.js';

const run = promisify(execFile);
const root = await mkdtemp(join(tmpdir(), 'petrig-objects-'));
const archive = await SqliteArchive.open({ root, clock: new ScaledClock(), log: silentLog });
const context = specimenContext();

async function output(tool: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await run(tool, args, { maxBuffer: 1 << 26 }).catch((error) => {
    if (error.stdout === undefined || error.code === 'ENOENT') throw error;
    return error as { stdout: string; stderr: string };
  });
  return stdout + stderr;
}

const store = (series: SeriesObjects) => archive.store(series.objects);

const ctVolume = volumeOf([512, 512, 5], [500 / 512, 500 / 512, 3], 'HU', (x, y) =>
  Math.hypot(x, y) < 100 ? 0 : -1000,
);
const sphere = (x: number, y: number, z: number) => (Math.hypot(x, y, z) < 60 ? 5000 * Math.exp(-Math.abs(z) / 20) : 0);
const petVolume = volumeOf([50, 50, 21], [16, 16, 10], 'BQML', sphere);

async function rawFile(name: string, bytes: number): Promise<{ file: string; bytes: number; checksum: string }> {
  const file = join(root, name);
  const data = randomBytes(bytes);
  await writeFile(file, data);
  return { file, bytes, checksum: createHash('sha256').update(data).digest('hex') };
}

const listmode = await rawFile('listmode.l', 999_998);
const listmodeSet: RawSet = {
  ...listmode,
  examId: 'e1',
  rangeId: 'r3',
  kind: 'listmode',
  bed: 0,
  frame: 0,
  header: '!INTERFILE:=\n%comment:=list mode\n',
  startedAt: START,
  seconds: 120,
  listmode: { words: 249_999, prompts: 200_000, delayeds: 40_000, centreZ: 66 },
};

const topogram = topogramInstances(context, {
  range: TOPOGRAM,
  acquisition: acquisitionOf(TOPOGRAM, START + 5000),
  acquisitionNumber: 1,
  seriesNumber: 1,
  description: 'Topogram 0.6 T20f',
  tableHeightMm: 150,
  image: {
    data: new Float32Array(512 * 200).fill(2.5),
    width: 512,
    height: 200,
    pixelMm: 1,
    origin: [-255.5, 0, 100],
    orientation: [1, 0, 0, 0, 0, -1],
  },
});
const ct = ctInstances(context, {
  range: CT,
  recon: CT.recons[0]!,
  acquisition: acquisitionOf(CT, START + 20_000),
  volume: ctVolume,
  acquisitionNumber: 2,
  seriesNumber: 2,
  description: 'CT WB 5.0 B31f',
  topogram: topogram.summary.instances[0],
  tableHeightMm: 150,
});
const pet = petInstances(context, {
  range: PET,
  recon: PET.recons[0]!,
  acquisition: acquisitionOf(PET, START + 60_000),
  frames: [{ volume: petVolume, frame: 0 }],
  rangeNumber: 3,
  seriesNumber: 3,
  description: 'PET WB',
  ctSeriesInstanceUid: ct.summary.seriesInstanceUid,
  corrections: ['NORM', 'ATTN', 'SCAT', 'RAN'],
  scatterFraction: 0.31,
});
const raw = csaInstances(context, { seriesNumber: 602, description: 'PET Raw Data' }, [
  rawPart(listmodeSet, { acquisitionNumber: 3001 }),
  protocolPart(
    { protocol: 'wholebody-fdg', title: 'WB', dosePhantom: 'BODY', ranges: [TOPOGRAM, CT, PET] },
    { acquisitionNumber: 2000, startedAt: START },
  ),
]);

const stored = { topogram: await store(topogram), ct: await store(ct), pet: await store(pet), raw: await store(raw) };
const all: Instance[] = Object.values(stored).flat();

/** Known false alarm: dciodvfy wants Patient Position gone where the orientation codes are. */
const FALSE_ALARM = /PatientPosition|Patient Position/;

test('dciodvfy finds no Error in CT, topogram and PET beyond the known false alarm', async () => {
  for (const instance of [...stored.topogram, ...stored.ct, ...stored.pet]) {
    const said = await output('dciodvfy', instance.file);
    const errors = said.split('\n').filter((line) => line.startsWith('Error') && !FALSE_ALARM.test(line));
    assert.equal(errors, [], instance.file);
    assert.match(said, /CTImage|PETImage/, 'it knew what it checked');
  }
});

test('dcentvfy finds the set consistent', async () => {
  const said = await output('dcentvfy', ...all.map((instance) => instance.file));
  assert.equal(
    said.split('\n').filter((line) => /error/i.test(line)),
    [],
  );
});

test('dcmdump shows the private blocks of raw data and streams its bytes unchanged', async () => {
  const said = await output('dcmdump', '-q', stored.raw[0]!.file);
  for (const line of [
    /\(0029,0010\) LO \[SIEMENS CSA NON-IMAGE\]/,
    /\(0029,1008\) CS \[PET_LISTMODE\]/,
    /\(0029,0011\) LO \[SIEMENS CSA HEADER\]/,
    /\(0029,1108\) CS \[PET_HDR_LISTMODE\]/,
    /\(0029,0012\) LO \[SIEMENS MEDCOM HEADER\]/,
    /\(7fe1,0010\) LO \[SIEMENS CSA NON-IMAGE\]/,
    /\(0008,0008\) CS \[ORIGINAL\\PRIMARY\\PET_LISTMODE\]/,
  ]) {
    assert.match(said, line);
  }
  const { dataset: ds } = await readHeader(stored.raw[0]!.file);
  const bulk = ds['7FE11010']!.bulk!;
  assert.is(bulk.length, listmode.bytes);
  const hash = createHash('sha256');
  const stream = createReadStream(stored.raw[0]!.file, { start: bulk.offset, end: bulk.offset + bulk.length! - 1 });
  for await (const chunk of stream) hash.update(chunk as Buffer);
  assert.is(hash.digest('hex'), listmode.checksum);
});

const PYTHON = `
import sys, json, array, pydicom
out = []
for path in sys.argv[1:]:
    ds = pydicom.dcmread(path)
    stored = array.array('h' if ds.PixelRepresentation else 'H', ds.PixelData)
    real = lambda v: v * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
    out.append(dict(name=str(ds.PatientName), charset=ds.SpecificCharacterSet, type=list(ds.ImageType), ipp=[float(v) for v in ds.ImagePositionPatient],
        max=real(max(stored)), stored=max(stored), center=real(stored[ds.Rows//2*ds.Columns + ds.Columns//2]), qc=ds.QualityControlImage,
        comments=str(ds.get('ImageComments','')), number=int(ds.InstanceNumber), frt=float(ds.get('FrameReferenceTime', -1)), decay=float(ds.get('DecayFactor', -1)),
        time=str(ds.AcquisitionTime), index=int(ds.get('ImageIndex', -1)), req=str(ds.RequestAttributesSequence[0].ScheduledProcedureStepID), study=str(ds.StudyID),
        pps=str(ds.PerformedProcedureStepID), spacing=[float(v) for v in ds.PixelSpacing], acq=int(ds.AcquisitionNumber)))
print(json.dumps(out))
`;

interface Seen {
  name: string;
  charset: string;
  type: string[];
  ipp: number[];
  max: number;
  stored: number;
  center: number;
  qc: string;
  comments: string;
  number: number;
  frt: number;
  decay: number;
  time: string;
  index: number;
  req: string;
  study: string;
  pps: string;
  spacing: number[];
  acq: number;
}

async function pydicom(instances: Instance[]): Promise<Seen[]> {
  return JSON.parse(
    await output('/usr/bin/python3', '-W', 'ignore', '-c', PYTHON, ...instances.map((instance) => instance.file)),
  );
}

test('pydicom reads CT values, places and text', async () => {
  const slices = await pydicom(stored.ct);
  assert.equal(
    slices.map((slice) => slice.ipp[2]),
    [6, 3, 0, -3, -6],
    'from head to feet',
  );
  assert.equal(
    slices.map((slice) => slice.number),
    [1, 2, 3, 4, 5],
  );
  for (const slice of slices) {
    assert.is(slice.center, 0);
    assert.equal(slice.type, ['ORIGINAL', 'PRIMARY', 'AXIAL', 'CT_SOM5 SPI']);
    assert.ok(Math.abs(slice.ipp[0]! - ctVolume.origin[0]) < 1e-6);
    assert.equal([slice.name, slice.charset], ['Müller^Jörg', 'ISO_IR 100']);
    assert.equal([slice.qc, slice.comments], ['YES', 'SIMULATED']);
    assert.equal([slice.req, slice.study, slice.pps], ['SPS1', 'RP1', 'SPS1']);
  }
  const [top] = await pydicom(stored.topogram);
  assert.equal(top!.type, ['ORIGINAL', 'PRIMARY', 'LOCALIZER', 'CT_SOM5 TOP']);
  assert.is(top!.stored, 1000, '2.5 at 400 steps a unit');
});

test('PET slices use their 15 bits, keep Bq/ml and carry their bed times', async () => {
  const slices = await pydicom(stored.pet);
  const [nx, ny, nz] = petVolume.size;
  const lambda = Math.LN2 / 6586.2;
  for (const slice of slices) {
    const k = Math.round((slice.ipp[2]! - petVolume.origin[2]) / 10);
    const expected = petVolume.data.subarray(k * nx * ny, (k + 1) * nx * ny);
    const peak = Math.max(...expected);
    assert.ok(Math.abs(slice.max - peak) <= peak / 65000, `slice ${k} peak ${slice.max} of ${peak}`);
    if (peak > 0) assert.ok(slice.stored >= 32766 && slice.stored <= 32767, `${slice.stored}`);
    // bed 1 lies at +66, bed 2 at -66; the second starts 125 s later
    const offset = slice.ipp[2]! >= 0 ? 0 : 125;
    if (slice.ipp[2] === 0) continue;
    const x = lambda * 120;
    const reference = 1000 * (offset + Math.log(x / (1 - Math.exp(-x))) / lambda);
    assert.ok(Math.abs(slice.frt - reference) < 0.01, `${slice.frt} ${reference}`);
    const decay = Math.exp(lambda * offset) * (x / (1 - Math.exp(-x)));
    assert.ok(Math.abs(slice.decay - decay) < 1e-6, `${slice.decay} ${decay}`);
    assert.is(slice.acq, offset === 0 ? 2001 : 2002);
    assert.is(slice.time, offset === 0 ? '093100.000000' : '093305.000000');
  }
  assert.equal(
    slices.map((slice) => slice.index),
    Array.from({ length: nz }, (_, i) => i + 1),
  );
});

test('text beyond Latin-1 goes out in UTF-8, and a name as it came in ISO_IR 192', async () => {
  for (const [name, characterSet] of [
    ['山田^太郎', 'ISO_IR 192'],
    ['Ng^Mai', 'ISO_IR 192'],
  ] as const) {
    const exam = specimenExam(worklistAnswer(name, characterSet));
    const other = {
      ...specimenContext(exam),
      now: START,
      exam: { ...exam, studyInstanceUid: `${exam.studyInstanceUid}.${name.length}` },
    };
    const series = petInstances(other, {
      range: PET,
      recon: PET.recons[0]!,
      acquisition: acquisitionOf(PET, START),
      frames: [{ volume: volumeOf([8, 8, 1], [4, 4, 2], 'BQML', () => 1), frame: 0 }],
      rangeNumber: 1,
      seriesNumber: 1,
      description: 'PET',
    });
    const [seen] = await pydicom(await archive.store(series.objects));
    assert.equal([seen!.name, seen!.charset], [name, 'ISO_IR 192']);
  }
});

test('a dynamic series counts its frames, and dciodvfy agrees', async () => {
  const range = { ...PET, beds: [{ centreZ: 0, seconds: 60 }], frames: [30, 30] };
  const [frame] = acquisitionOf(range, START).frames;
  const acquisition = {
    frames: [0, 1].map((i) => ({ ...frame!, frame: i, startedAt: START + i * 30_000, seconds: 30 })),
  };
  const small = volumeOf([16, 16, 3], [4, 4, 2], 'BQML', () => 10);
  const frames = [0, 1].map((i) => ({ volume: small, frame: i }));
  const series = petInstances(context, {
    range,
    recon: PET.recons[0]!,
    acquisition,
    frames,
    rangeNumber: 4,
    seriesNumber: 9,
    description: 'PET dynamic',
  });
  const instances = await archive.store(series.objects);
  const seen = await pydicom(instances);
  assert.equal(
    seen.map((slice) => slice.index),
    [1, 2, 3, 4, 5, 6],
  );
  assert.ok(seen[3]!.frt > 44_000 && seen[3]!.frt < 46_000, `${seen[3]!.frt}`);
  const said = await output('dciodvfy', instances[4]!.file);
  assert.equal(
    said.split('\n').filter((line) => line.startsWith('Error') && !FALSE_ALARM.test(line)),
    [],
  );
});

test('an unscheduled phantom without injection, gated, with negative values, marked by nobody, passes dciodvfy too', async () => {
  const patient = { name: 'Phantom^QC', id: 'QC1', birthDate: '', sex: '' } as const;
  const exam = unscheduledExam(patient, { protocol: 'qc-daily' }, { now: START });
  const plain = { ...specimenContext(exam), simulated: false };
  const range = { ...PET, beds: [{ centreZ: 0, seconds: 60 }], gating: 'ecg' as const };
  const gate = { slots: 2, triggerTime: 0, frameTime: 400, heartRate: 75 };
  const volume = volumeOf([16, 16, 3], [4, 4, 2], 'BQML', (x) => x);
  const frames = [1, 2].map((slot) => ({ volume, frame: 0, gate: { ...gate, slot } }));
  const series = petInstances(plain, {
    range,
    recon: { ...PET.recons[0]!, filter: undefined },
    acquisition: acquisitionOf(range, START),
    frames,
    rangeNumber: 1,
    seriesNumber: 1,
    description: 'PET gated',
  });
  const ctSeries = ctInstances(plain, {
    range: CT,
    recon: CT.recons[0]!,
    acquisition: acquisitionOf(CT, START),
    volume: volumeOf([512, 512, 1], [1, 1, 3], 'HU', () => Number.NaN),
    acquisitionNumber: 1,
    seriesNumber: 2,
    description: 'CT',
  });
  const instances = [...(await archive.store(series.objects)), ...(await archive.store(ctSeries.objects))];
  assert.is(instances.length, 7);
  for (const instance of instances) {
    const said = await output('dciodvfy', instance.file);
    const errors = said.split('\n').filter((line) => line.startsWith('Error') && !FALSE_ALARM.test(line));
    assert.equal(errors, []);
    const { dataset: ds } = await readHeader(instance.file);
    assert.equal([ds['00280300'], ds['00204000']], [undefined, undefined]);
  }
  const { dataset: ds } = await readHeader(instances[0]!.file);
  assert.equal([ds['00280103']!.Value, ds['00181080']!.Value], [[1], ['N']]);
  assert.equal([ds['00280106']!.vr, ds['00280106']!.Value, ds['00280107']!.Value], ['SS', [-32767], [32767]]);
  const slope = Number(ds['00281053']!.Value[0]);
  assert.ok(Math.abs(slope * 32767 - 30) < 30 / 32767, `${slope}`);
  const decay = Number(ds['00541321']!.Value[0]);
  assert.is(decay, 1, 'no nuclide, no decay');
});

test('CT raw data carries words and trace; 400 MB pass through in bounded memory', async () => {
  const words = join(root, 'ct.raw');
  await writeFile(words, '');
  await truncate(words, 400 << 20);
  const trace = await rawFile('ct.index', 24 * 1000);
  const set: RawSet = {
    examId: 'e1',
    rangeId: 'r2',
    kind: 'ct',
    bed: 0,
    frame: 0,
    file: words,
    bytes: 400 << 20,
    checksum: '',
    header: '%kind:=ct',
    startedAt: START,
    seconds: 4,
    ct: { readings: 1000, rows: 16, channels: 736, rowPitchMm: 1.2, indexFile: trace.file },
  };
  const before = process.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const series = csaInstances(context, { seriesNumber: 601, description: 'CT Raw Data' }, [
    rawPart(set, { acquisitionNumber: 2 }),
  ]);
  const [instance] = await archive.store(series.objects);
  clearInterval(timer);
  assert.ok(instance!.bytes > (400 << 20) + 24_000);
  assert.ok(peak - before < 150 << 20, `${((peak - before) / 2 ** 20).toFixed(0)} MB more`);
  const { dataset: ds } = await readHeader(instance!.file);
  assert.is(ds['7FE11010']!.bulk!.length, (400 << 20) + 24_000);
  assert.match(Buffer.from(ds['00291010']!.Value[0] as Uint8Array).toString(), /%trace offset \(bytes\):=419430400/);
  assert.is(ds['00291008']!.Value[0], 'RAW DATA SOM 7');
  await rm(instance!.file);
});

test.after(async () => {
  await archive.close();
  await rm(root, { recursive: true });
});

test.run();
