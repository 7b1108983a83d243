import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import type { ScannerError } from '../../hal/base/errors.js';
import type { Chain } from '../../hal/contract/chain.js';
import type { CtReadingBlock } from '../../hal/contract/ctdetector.js';
import type { ListModeBlock } from '../../hal/contract/petrings.js';
import type { Acquisition, FrameRecord } from '../../runtime/acquire/acquisition.js';
import type { CtRange } from '../../runtime/protocol/plan.js';
import { readListmodeHeader } from '../../runtime/raw/listmode.js';
import { RawFile } from '../../runtime/raw/rawfile.js';
import { RawRecorder } from '../../runtime/raw/recorder.js';

const test = suite('raw recorder');

function detectors() {
  const readings$ = new Subject<CtReadingBlock>();
  const words$ = new Subject<ListModeBlock>();
  const chain = { ctdetector: { readings$ }, petrings: { words$ } } as unknown as Chain;
  return { readings$, words$, chain };
}

const folder = () => mkdtempSync(join(tmpdir(), 'petrig-raw-'));
const clock = new ScaledClock();

function block(first: number, count: number): CtReadingBlock {
  const words = new Uint16Array(count * 2 * 3).map((_, i) => first * 100 + i);
  const ramp = (scale: number) => new Float64Array(count).map((_, i) => scale * (first + i));
  return { scanId: 7, first, count, rows: 2, channels: 3, angles: ramp(0.1), tableMm: ramp(1), tubeMa: ramp(0), words };
}

const ctRange = {
  kind: 'ct',
  label: 'CT',
  kv: 120,
  ma: 80,
  rotationTime: 0.5,
  pitch: 0.8,
  rows: 2,
  rowPitchMm: 1.2,
} as CtRange;

function acquisition(readings: number): Acquisition {
  const exposure = { scanId: 7, readings, kv: 120, ma: 80, seconds: 1, mas: 80 } as Acquisition['exposure'];
  return { examId: 'e', rangeId: 'R1', kind: 'ct', startedAt: 0, endedAt: 1, exposure, frames: [], deviations: [] };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing thrown';
  } catch (error) {
    return (error as ScannerError).code;
  }
}

test('readings that arrive after the event are waited for, kept bit for bit, and turned into patient coordinates', async () => {
  const { readings$, chain } = detectors();
  const recorder = await RawRecorder.open({ folder: folder(), chain, clock, landmarkMm: 800 });
  readings$.next(block(0, 4));
  setTimeout(() => readings$.next(block(4, 2)), 50);
  const set = await recorder.finishCt(acquisition(6), ctRange);
  const bytes = readFileSync(set.file);
  assert.is(set.bytes, 6 * 2 * 3 * 2);
  assert.is(set.checksum, createHash('sha256').update(bytes).digest('hex'));
  assert.is(bytes.readUInt16LE(2 * 4 * 6), 400, 'first word of the second block');
  const index = readFileSync(set.ct!.indexFile);
  assert.equal(
    [15, 16, 17].map((at) => index.readDoubleLE(8 * at)),
    [0.5, 795, 0],
  );
  assert.match(set.header, /%rotation time \(s\):=0\.5/);
  await recorder.close();
});

test('a block that is missing is an error, never a gap in the file', async () => {
  const { readings$, chain } = detectors();
  const recorder = await RawRecorder.open({ folder: folder(), chain, clock, landmarkMm: 800 });
  readings$.next(block(0, 4));
  readings$.next(block(5, 1));
  assert.is(await codeOf(recorder.finishCt(acquisition(6), ctRange)), 'data.truncated');
  await recorder.close();
});

test('list mode keeps its words and counts prompts and delayeds', async () => {
  const { words$, chain } = detectors();
  const recorder = await RawRecorder.open({ folder: folder(), chain, clock, landmarkMm: 800 });
  const words = Uint32Array.from([0x80000001, 0x40000005, 0x00000005, 0x7fffffff, 0x80000002]);
  words$.next({ frameId: 3, first: 0, words: words.slice(0, 2) });
  words$.next({ frameId: 3, first: 2, words: words.slice(2) });
  const frame = { frameId: 3, words: 5, bed: 1, frame: 0, centreZ: -66, startedAt: 1e12, seconds: 2 } as FrameRecord;
  const set = await recorder.finishFrame(acquisition(0), frame);
  assert.equal([frame.prompts, frame.delayeds], [2, 1]);
  assert.equal(new Uint8Array(readFileSync(set.file)), new Uint8Array(words.buffer));
  assert.is(readListmodeHeader(set.header).centreZ, -66);
  await recorder.close();
});

test('a disk that cannot be written is data.disk when the file is finished', async () => {
  const file = new RawFile(join(folder(), 'no', 'such', 'folder'));
  file.append(new Uint8Array(10));
  assert.is(await codeOf(file.finish()), 'data.disk');
  const full = new RawFile('/dev/full');
  full.append(new Uint8Array(10));
  assert.is(await codeOf(full.finish()), 'data.disk');
});

test.run();
