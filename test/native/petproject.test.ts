import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { backprojectPet, forwardPet, type SparseSinogram } from '../../native/pet.js';
import { linesOfBins, type PetMatrix } from '../../native/petgeometry.js';
import { josephLine, tofWeight } from './joseph.js';
import { seeded } from './petsource.js';

const test = suite('pet projector');
const FWHM = 540;

/** Every `stride`-th line with some cells of all segments and TOF bins. */
function binList(tof: boolean, stride: number): Omit<SparseSinogram, 'counts'> & { bins: Uint32Array; tofs: number[] } {
  const lineStart = new Uint32Array(67_201);
  const cells: number[] = [];
  const bins: number[] = [];
  const tofs: number[] = [];
  for (let line = 0; line < 67_200; line++) {
    if (line % stride === 0) {
      for (let plane = line % 23; plane < 621; plane += 31) {
        const t = tof ? (plane + line) % 13 : -1;
        cells.push(tof ? plane * 13 + t : plane);
        bins.push((line % 400) + 400 * (Math.floor(line / 400) + 168 * plane));
        tofs.push(t);
      }
    }
    lineStart[line + 1] = cells.length;
  }
  return { tof, lineStart, cells: Uint16Array.from(cells), bins: Uint32Array.from(bins), tofs };
}

/** A smooth image that differs everywhere within 230 mm of the axis: patients reach no further. */
function testImage(matrix: PetMatrix): Float32Array {
  return Float32Array.from({ length: 109 * matrix * matrix }, (_, i) => {
    const [x, y, z] = [(i % matrix) / matrix, (Math.floor(i / matrix) % matrix) / matrix, i / matrix ** 2 / 109];
    if (Math.hypot(x - 0.5, y - 0.5) * 814.566 > 230) return 0;
    return 1 + Math.sin(9 * x + 2 * z) * Math.cos(7 * y - 3 * z) * 0.8 + z;
  });
}

for (const [matrix, tof] of [
  [200, true],
  [200, false],
  [400, true],
] as const) {
  test(`forward projection equals plain Joseph, ${matrix} x ${matrix}${tof ? ' with TOF' : ''}`, async () => {
    const list = binList(tof, matrix === 200 ? 211 : 911);
    const image = testImage(matrix);
    const got = await forwardPet({ matrix, bins: list, tofFwhmPs: FWHM, image });
    const ends = await linesOfBins(list.bins);
    let largest = 0;
    for (let i = 0; i < got.length; i++) {
      let expected = 0;
      const weightAt = (mm: number) => tofWeight(mm, list.tofs[i]!, FWHM);
      josephLine(ends, 6 * i, matrix, weightAt, (voxel, weight) => {
        expected += weight * image[voxel]!;
      });
      // lines that only graze the field of view have one or no sample: compare on the scale of a millimetre
      largest = Math.max(largest, Math.abs(got[i]! - expected) / (expected + 20));
    }
    assert.ok(largest < 0.01, `largest difference ${(largest * 100).toFixed(3)} %`);
    assert.ok(got.some((value) => value > 50));
  });
}

test('backprojection is the adjoint of forward projection, and equal with 1 and 2 threads', async () => {
  const random = seeded(4);
  for (const tof of [true, false]) {
    const bins = binList(tof, 101);
    const image = testImage(200);
    const values = Float32Array.from(bins.cells, () => random());
    const options = { matrix: 200 as const, bins, tofFwhmPs: FWHM };
    const forward = await forwardPet({ ...options, image });
    const back = await backprojectPet({ ...options, values }, { threads: 1 });
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    const [left, right] = [dot(forward, values), dot(image, back)];
    assert.ok(Math.abs(left / right - 1) < 1e-4, `${left} and ${right}`);
    const two = await backprojectPet({ ...options, values }, { threads: 2 });
    assert.ok(back.every((value, i) => value === two[i]));
  }
});

test('lists out of order are refused', async () => {
  const bins = binList(true, 5000);
  const image = new Float32Array(109 * 200 * 200);
  const attempt = async (change: Partial<typeof bins>, code: string) => {
    try {
      await forwardPet({ matrix: 200, bins: { ...bins, ...change }, tofFwhmPs: FWHM, image });
      assert.unreachable();
    } catch (error) {
      assert.is((error as ScannerError).code, code, String(error));
    }
  };
  await attempt({ cells: bins.cells.map(() => 8073) }, 'native.failed');
  await attempt({ cells: bins.cells.slice().reverse() }, 'native.failed');
  await attempt({ lineStart: bins.lineStart.map((n, i) => (i === 9000 ? 4e9 : n)) }, 'native.failed');
  await attempt({ lineStart: bins.lineStart.slice(1) }, 'native.argument');
});

test.run();
