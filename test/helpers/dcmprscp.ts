import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Peer, startPeer } from './peers.js';

/** DCMTK's print SCP, title PRINTER; films land as `HG_*.dcm` in `folder`/db. It takes grayscale and presentation LUTs, no colour and no print job. */
export async function startPrinter(folder: string): Promise<Peer> {
  const database = join(folder, 'db');
  mkdirSync(database, { recursive: true });
  const port = await freePort();
  const file = join(folder, 'print.cfg');
  const lines = [
    '[[GENERAL]]',
    '[DATABASE]',
    `Directory = ${database}`,
    '[[COMMUNICATION]]',
    '[PRINTER]',
    'Hostname = localhost',
    `Port = ${port}`,
    'Aetitle = PRINTER',
    'Type = LOCALPRINTER',
    'DisplayFormat = 1,1\\2,2',
    'FilmSizeID = 8INX10IN\\14INX17IN',
    'MediumType = PAPER\\CLEAR FILM\\BLUE FILM',
    'FilmDestination = MAGAZINE\\PROCESSOR',
    'BorderDensity = BLACK\\WHITE',
    'MagnificationType = REPLICATE\\BILINEAR\\CUBIC',
    'SupportsPresentationLUT = true',
    'PresentationLUTMatchRequired = false',
    'Supports12Bit = true',
    'MaxPDU = 32768',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return startPeer('dcmprscp', ['-v', '+d', '-c', file, '-p', 'PRINTER'], {
    aeTitle: 'PRINTER',
    host: '127.0.0.1',
    port,
  });
}
