import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { type PrintImage, PrintSession, type PrintWarning } from '../../runtime/dicom/services/print-scu.js';
import { startPrinter } from '../helpers/dcmprscp.js';
import { scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { type Peer, runTool } from '../helpers/peers.js';

enterPrivateNetwork();

const test = suite('print SCU against dcmprscp');
const folder = scratch();
let printer: Peer;
test.before(async () => {
  printer = await startPrinter(folder);
});
test.after(() => printer.stop());

const FILM = {
  ImageDisplayFormat: 'STANDARD\\1,1',
  FilmOrientation: 'PORTRAIT',
  FilmSizeID: '8INX10IN',
  MagnificationType: 'REPLICATE',
};

/** A ramp from black to white along the columns, with a mark in its first row. */
function ramp(bitsStored: 8 | 12): PrintImage {
  const [rows, columns, top] = [60, 80, 2 ** bitsStored - 1];
  const values = bitsStored > 8 ? new Uint16Array(rows * columns) : new Uint8Array(rows * columns);
  for (let i = 0; i < values.length; i++) values[i] = Math.round(((i % columns) / (columns - 1)) * top);
  values[0] = top;
  return { rows, columns, bitsStored, pixels: new Uint8Array(values.buffer) };
}

for (const bitsStored of [8, 12] as const) {
  test(`a film of ${bitsStored} bits lands with its pixels, and dcm2pnm renders it`, async () => {
    const before = new Set(readdirSync(join(folder, 'db')));
    const warnings: PrintWarning[] = [];
    const session = await PrintSession.open({ ...scu(printer.node), onWarning: (warning) => warnings.push(warning) });
    const state = await session.printer();
    assert.is(state.state, 'NORMAL');
    assert.is(state.symbol, 'idle');
    await session.createFilmSession({ MediumType: 'PAPER', FilmDestination: 'MAGAZINE' });
    assert.ok(session.takesPresentationLut);
    await session.createPresentationLut();
    const film = await session.createFilmBox({ ...FILM, Illumination: 2000, ReflectedAmbientLight: 10 });
    assert.is(film.imageBoxes.length, 1);
    await session.setImage(film, 1, ramp(bitsStored));
    await session.print(film);
    await session.deleteFilmBox(film);
    await session.close();
    assert.equal(warnings, []);

    const stored = readdirSync(join(folder, 'db')).find((name) => name.startsWith('HG_') && !before.has(name));
    assert.ok(stored, printer.output());
    const rendered = join(folder, `film${bitsStored}.pgm`);
    const made = await runTool('dcm2pnm', ['+on', '-W', '+op', join(folder, 'db', stored!), rendered]);
    assert.is(made.code, 0, made.output);
    const { width, height, pixels } = pgm(rendered);
    assert.equal([width, height], [80, 60]);
    const row = [...pixels.subarray(80, 160)];
    assert.ok(row[0]! < 5 && row[79]! > 250, `from black to white: ${row[0]} ${row[79]}`);
    assert.ok(
      row.every((value, i) => i === 0 || value >= row[i - 1]!),
      'ever lighter',
    );
    assert.ok(pixels[0]! > 250, 'the mark is white');
  });
}

test('colour is refused by this printer, and the error says so', async () => {
  try {
    await PrintSession.open({ ...scu(printer.node), color: 'color' });
    assert.unreachable();
  } catch (error) {
    assert.is((error as ScannerError).code, 'peer.context');
    assert.match((error as ScannerError).message, /1\.2\.840\.10008\.5\.1\.1\.18/);
  }
});

test('a session that is closed half way leaves the printer ready for the next', async () => {
  const first = await PrintSession.open(scu(printer.node));
  await first.createFilmSession({});
  await first.createFilmBox(FILM);
  await first.close();
  const second = await PrintSession.open(scu(printer.node));
  await second.createFilmSession({ MediumType: 'CLEAR FILM' });
  const film = await second.createFilmBox({ ...FILM, ImageDisplayFormat: 'STANDARD\\2,2' });
  assert.is(film.imageBoxes.length, 4);
  await second.close();
});

/** A binary 8-bit PGM. */
function pgm(path: string): { width: number; height: number; pixels: Buffer } {
  const bytes = readFileSync(path);
  const [head, width, height, top] = /^P5\s+(?:#.*\s+)*(\d+)\s+(\d+)\s+(\d+)\s/.exec(bytes.toString('latin1', 0, 200))!;
  assert.is(top, '255');
  return { width: Number(width), height: Number(height), pixels: bytes.subarray(head.length) };
}

test.run();
