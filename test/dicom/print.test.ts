import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { bytes, type Dataset, dataset, items, number, text } from '../../runtime/dicom/dataset/dataset.js';
import { UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { COMMAND_FIELD } from '../../runtime/dicom/dimse/command.js';
import type { DimseRequest, Reply } from '../../runtime/dicom/dimse/performer.js';
import { PRINT, printDataset } from '../../runtime/dicom/services/print-attributes.js';
import { imageBoxDataset } from '../../runtime/dicom/services/print-image.js';
import { type PrintEvent, PrintSession, type PrintWarning } from '../../runtime/dicom/services/print-scu.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { clock, localNode, log, scu } from '../helpers/dicom.js';
import { associateAc, type RawPeer, rawServer } from '../helpers/raw-peer.js';

/** dcmprscp takes neither colour nor print jobs and sends no events; a printer of our own stands in for one that does. */
const test = suite('print SCU: colour, jobs, events, and printers that misbehave');

interface Printer {
  port: number;
  /** Command name and SOP class of each request. */
  asked: string[];
  image: Dataset | undefined;
  close(): Promise<void>;
}

type Special = (request: DimseRequest) => Promise<Reply> | Reply | undefined;

const answers: Record<string, () => Reply> = {
  [`N-CREATE ${PRINT.classes.filmBox}`]: () => ({
    status: 0,
    dataset: dataset({
      ReferencedImageBoxSequence: [1, 2].map((n) =>
        dataset({ ReferencedSOPClassUID: PRINT.classes.colorImageBox, ReferencedSOPInstanceUID: `1.2.3.${n}` }),
      ),
    }),
    fields: { AffectedSOPInstanceUID: '1.2.3' },
  }),
  [`N-GET ${PRINT.classes.printer}`]: () => ({
    status: 0,
    dataset: dataset({ PrinterStatus: 'WARNING', PrinterStatusInfo: 'LOW 8x10 CLR', PrinterName: 'CAMERA' }),
  }),
  [`N-ACTION ${PRINT.classes.filmBox}`]: () => {
    const job = dataset({ ReferencedSOPClassUID: PRINT.classes.printJob, ReferencedSOPInstanceUID: '1.2.9' });
    return { status: 0, dataset: { '21000500': { vr: 'SQ', Value: [job] } } };
  },
};

/** @param special what answers otherwise; undefined leaves it to the good printer */
async function startPrinter(special: Special = () => undefined): Promise<Printer> {
  const printer: Printer = { port: 0, asked: [], image: undefined, close: () => server.close() };
  const operation = async (request: DimseRequest): Promise<Reply> => {
    const { AffectedSOPClassUID: affected, RequestedSOPClassUID: requested } = request.command;
    const key = `${request.name} ${affected ?? requested}`;
    printer.asked.push(key);
    if (request.name === 'N-SET') printer.image = await request.dataset();
    const own = special(request);
    if (own) return own;
    const fields = request.name === 'N-CREATE' ? { AffectedSOPInstanceUID: `1.2.${printer.asked.length}` } : {};
    return answers[key]?.() ?? { status: 0, fields };
  };
  const names = ['N-CREATE', 'N-SET', 'N-GET', 'N-ACTION', 'N-DELETE'] as const;
  const classes = [...Object.values(PRINT.metaClasses), PRINT.classes.presentationLut, PRINT.classes.printJob];
  const service = {
    syntaxes: Object.fromEntries(classes.map((uid) => [uid, UNCOMPRESSED])),
    operations: Object.fromEntries(names.map((name) => [name, operation])),
  };
  const server = new DicomServer({ port: 0, clock, log, services: [service] });
  printer.port = await server.listen();
  return printer;
}

const FILM = {
  ImageDisplayFormat: 'STANDARD\\1,2',
  FilmOrientation: 'PORTRAIT',
  FilmSizeID: '14INX17IN',
  MagnificationType: 'CUBIC',
};
const IMAGE = {
  rows: 2,
  columns: 3,
  bitsStored: 8,
  pixels: Uint8Array.from({ length: 18 }, (_, i) => 10 * i),
} as const;

test('a colour film, its job, the printer asked: what goes over the wire is what the tables say', async () => {
  const printer = await startPrinter();
  const session = await PrintSession.open({ ...scu(localNode(printer.port)), color: 'color' });
  const { state, info, name, symbol, stopsQueue } = await session.printer();
  assert.equal([state, info, name, symbol, stopsQueue], ['WARNING', 'LOW 8x10 CLR', 'CAMERA', 'interact', false]);
  await session.createFilmSession({ MediumType: 'CLEAR FILM', FilmDestination: 'PROCESSOR' });
  const film = await session.createFilmBox(FILM);
  await session.setImage(film, 2, IMAGE);
  assert.is(await session.print(film), '1.2.9');
  await session.deleteFilmBox(film);
  await session.close();
  const item = items(printer.image!, 'BasicColorImageSequence')[0]!;
  assert.is(number(printer.image!, 'ImageBoxPosition'), 2);
  assert.is(text(item, 'PhotometricInterpretation'), 'RGB');
  assert.equal([...bytes(item, 'PixelData')!], [...IMAGE.pixels]);
  assert.equal(
    printer.asked.map((key) => key.split(' ')[0]),
    ['N-GET', 'N-CREATE', 'N-CREATE', 'N-SET', 'N-ACTION', 'N-DELETE', 'N-DELETE'],
  );
  await printer.close();
});

test('events of the printer and its jobs are taken while a response is waited for', async () => {
  const replies: (number | undefined)[] = [];
  const printer = await startPrinter(async (request): Promise<Reply> => {
    if (request.name !== 'N-SET')
      return {
        status: 0,
        fields: { AffectedSOPInstanceUID: '1.2' },
        ...answers[`${request.name} ${request.command.AffectedSOPClassUID}`]?.(),
      };
    for (const [sopClass, type, info] of [
      [PRINT.classes.printer, 2, { PrinterStatusInfo: 'EMPTY 8x10' }],
      [PRINT.classes.printJob, 4, { ExecutionStatusInfo: 'INVALID PAGE DES' }],
      [PRINT.classes.printJob, 9, {}],
      ['1.2.840.10008.1.1', 1, {}],
    ] as const) {
      const command = {
        CommandField: COMMAND_FIELD['N-EVENT-REPORT'],
        AffectedSOPClassUID: sopClass,
        AffectedSOPInstanceUID: PRINT.printerInstance,
        EventTypeID: type,
      };
      replies.push((await request.channel.request(request.context, command, dataset(info), 5000)).status);
    }
    return { status: 0 };
  });
  const events: PrintEvent[] = [];
  const onEvent = (event: PrintEvent) => events.push(event);
  const session = await PrintSession.open({ ...scu(localNode(printer.port)), color: 'color', onEvent });
  await session.createFilmSession();
  await session.setImage(await session.createFilmBox(FILM), 1, IMAGE);
  await session.close();
  assert.equal(replies, [0, 0, 0x0113, 0x0118]);
  assert.equal(
    events.map(({ of, state, symbol }) => `${of} ${state} ${symbol}`),
    ['printer WARNING interact', 'printJob FAILURE stopped'],
  );
  await printer.close();
});

test('warnings are told and go on; a failure ends the association and says what it means', async () => {
  const statuses: Record<string, number> = { 'N-SET': 0xb604, 'N-ACTION': 0xc602 };
  const printer = await startPrinter(({ name }) => {
    const status = statuses[name];
    return status === undefined ? undefined : { status };
  });
  const warnings: PrintWarning[] = [];
  const onWarning = (warning: PrintWarning) => warnings.push(warning);
  const session = await PrintSession.open({ ...scu(localNode(printer.port)), color: 'color', onWarning });
  await session.createFilmSession();
  const film = await session.createFilmBox(FILM);
  await session.setImage(film, 1, IMAGE);
  assert.equal(
    warnings.map(({ status, meaning }) => `${status} ${meaning}`),
    ['B604 the image is larger than its image box'],
  );
  const error = await session.print(film).catch((thrown) => thrown as ScannerError);
  assert.is((error as ScannerError).code, 'peer.status');
  assert.match((error as ScannerError).message, /N-ACTION.*C602.*queue is full/);
  await session.close();
  assert.is(printer.asked.filter((key) => key.startsWith('N-DELETE')).length, 0, 'nothing is sent after the abort');
  await printer.close();
});

test('no image boxes, no instance UID, no answer, a close, an abort', async () => {
  const failing: readonly [string, Special][] = [
    [
      'protocol.dimse',
      ({ name, command }) =>
        name === 'N-CREATE' && command.AffectedSOPClassUID === PRINT.classes.filmBox
          ? { status: 0, fields: { AffectedSOPInstanceUID: '1.2' } }
          : undefined,
    ],
    ['protocol.dimse', ({ name }) => (name === 'N-CREATE' ? { status: 0 } : undefined)],
    ['peer.timeout', ({ name }) => (name === 'N-SET' ? new Promise<Reply>(() => {}) : undefined)],
    ['peer.aborted', ({ name, association }) => (name === 'N-SET' ? void association.abort('broken') : undefined)],
  ];
  for (const [code, special] of failing) {
    const printer = await startPrinter(special);
    const timeouts = { printSetMs: 300, printMs: 5000, releaseMs: 300 };
    const session = await PrintSession.open({ ...scu(localNode(printer.port), { timeouts }), color: 'color' });
    const run = async () => {
      await session.createFilmSession();
      await session.setImage(await session.createFilmBox(FILM), 1, IMAGE);
    };
    const error = await run().catch((thrown) => thrown as ScannerError);
    assert.is((error as ScannerError | undefined)?.code, code);
    await session.close().catch(() => undefined);
    // the one that never answers never ends its handler either
    if (code === 'peer.timeout') void printer.close();
    else await printer.close();
  }
  const server = await rawServer(async (peer: RawPeer) => {
    await peer.next();
    peer.send(associateAc(3));
    await peer.next();
    peer.end();
  });
  const session = await PrintSession.open(scu(localNode(server.port)));
  const error = await session.createFilmSession().catch((thrown) => thrown as ScannerError);
  assert.is((error as ScannerError).code, 'peer.aborted');
  server.close();
});

test('what may not be sent is refused before, and the error names the attribute', () => {
  const message = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      return (error as Error).message;
    }
    return 'taken';
  };
  assert.match(
    message(() => printDataset('filmSession', { NumberOfCopies: 3 })),
    /NumberOfCopies.*at most 1/,
  );
  assert.match(
    message(() => printDataset('filmSession', { MediumType: 'GLASS' })),
    /MediumType.*BLUE FILM, CLEAR FILM, PAPER/,
  );
  assert.match(
    message(() => printDataset('filmSession', { Shape: 1 })),
    /Shape.*NumberOfCopies/,
  );
  assert.match(
    message(() => printDataset('filmBox', { ...FILM, FilmSizeID: '8x10' })),
    /FilmSizeID/,
  );
  assert.match(
    message(() => printDataset('filmBox', { ...FILM, MinDensity: 50 })),
    /MinDensity.*> 0 and < 50/,
  );
  assert.match(
    message(() => printDataset('filmBox', FILM, true)),
    /Illumination/,
  );
  assert.match(
    message(() => printDataset('filmBox', { ...FILM, ImageDisplayFormat: undefined })),
    /ImageDisplayFormat/,
  );
  assert.is(
    message(() => printDataset('filmBox', { ...FILM, FilmSizeID: '14INX14IN' })),
    'taken',
  );
  assert.match(
    message(() => imageBoxDataset('grayscale', 1, { ...IMAGE, bitsStored: 12 })),
    /18 bytes; expected 12 bytes/,
  );
  assert.match(
    message(() => imageBoxDataset('color', 0, IMAGE)),
    /ImageBoxPosition/,
  );
  assert.match(
    message(() => imageBoxDataset('color', 1, { ...IMAGE, rows: 70_000 })),
    /Rows/,
  );
});

test.run();
