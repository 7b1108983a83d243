import { readFileSync } from 'node:fs';
import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { HospitalControl } from './control.js';
import { startHospital } from './hospital.js';
import { parseScript, type Script } from './script.js';
import type { StatisticsReport } from './statistics.js';
import { demoEntries } from './worklist.js';

export interface RunOptions {
  /** Folder of worklist entries; without it those of the demonstration, for today. */
  worklist?: string;
  /** Where the hospital keeps its objects and steps. */
  data: string;
  /** Default 127.0.0.1. */
  host?: string;
  risPort: number;
  pacsPort: number;
  /** Default RIS and PACS. */
  risTitle?: string;
  pacsTitle?: string;
  /** Modalities that listen: they get commitment results and moved objects. The first one's title is in the demonstration's entries. */
  scanners: readonly Node[];
  /** TLS instead of plain TCP, with PEM files: on both ports, and to the scanners. */
  tls?: { certificate: string; key: string; ca: readonly string[] };
  /** File of rules to begin with. */
  script?: string;
  seed?: number;
  hideStarted?: boolean;
  hideEnded?: boolean;
  clock: Clock;
  log: Log;
}

/** A hospital as its command line sees it. */
export interface RunningHospital {
  ports: { ris: number; pacs: number };
  /** Where the first scanner listens from now on. */
  scannerListens(port: number): void;
  /** Answers a line of the control interface. */
  control(line: string): Promise<string>;
  statistics(): StatisticsReport;
  close(): Promise<void>;
}

/** The simulated RIS and PACS with what a command line adds. @throws ScannerError config.port, config.invalid, data.invalid */
export async function runHospital(options: RunOptions): Promise<RunningHospital> {
  const { data, hideStarted, hideEnded, clock, tls } = options;
  // a bench's certificates seldom bear the names of its hosts
  const secured = tls && { tls: { ...tls, peerName: false as const } };
  const callbacks = options.scanners.map((node) => ({ ...node, ...secured }));
  const today = new Date(clock.now()).toISOString().slice(0, 10).replaceAll('-', '');
  const hospital = await startHospital({
    ...options,
    worklist: options.worklist ?? demoEntries(today, callbacks[0]?.aeTitle ?? 'PETRIG'),
    dataDir: data,
    callbacks,
    tls: tls && { ...tls, clientCertificates: 'required' },
    listing: { hideStarted, hideEnded },
    script: options.script === undefined ? undefined : readScript(options.script),
  });
  const control = new HospitalControl(hospital);
  return {
    ports: { ris: hospital.ris.port, pacs: hospital.pacs.port },
    scannerListens: (port) => {
      if (callbacks[0]) callbacks[0].port = port;
    },
    control: (line) => control.answer(line),
    statistics: () => hospital.statistics.report(),
    close: () => hospital.close(),
  };
}

/** @throws ScannerError config.invalid naming the file */
function readScript(path: string): Script {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const { message } = error as Error;
    throw new ScannerError('config.invalid', { where: path, message, expected: 'a script as JSON' }, error);
  }
  return parseScript(content, path);
}
