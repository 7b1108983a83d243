import { ScannerError } from '../../../hal/base/errors.js';
import { type Dataset, dataset, items, needText, text } from '../dataset/dataset.js';
import { UNCOMPRESSED } from '../dataset/transfer-syntax.js';
import type { DimseChannel, Response } from '../dimse/channel.js';
import { COMMAND_FIELD, type CommandName } from '../dimse/command.js';
import { hexStatus, statusClass } from '../dimse/status.js';
import type { AcceptedContext } from '../upper-layer/association.js';
import { responseTime } from '../upper-layer/settings.js';
import {
  PRINT,
  type PrintAttributes,
  type PrintColor,
  type PrintInstance,
  printDataset,
  printStatusText,
} from './print-attributes.js';
import { type PrintEvent, takeEvent } from './print-events.js';
import { imageBoxDataset, type PrintImage } from './print-image.js';
import { judgePrinter, type PrinterSets, type PrinterStatus } from './printer-status.js';
import { needContext, openChannel, type ScuOptions } from './session.js';

export type { PrintAttributes, PrintColor } from './print-attributes.js';
export type { PrintEvent } from './print-events.js';
export type { PrintImage } from './print-image.js';

export interface PrinterState extends PrinterStatus {
  /** Printer Name (2110,0030). */
  name: string;
}

/** A warning that did not stop the print. */
export interface PrintWarning {
  of: PrintInstance;
  status: string;
  meaning: string;
}

export interface PrintOptions extends ScuOptions {
  color?: PrintColor;
  /** The sets of statuses by which the printer is understood; the standard's alone when absent. */
  sets?: PrinterSets;
  onEvent?(event: PrintEvent): void;
  onWarning?(warning: PrintWarning): void;
}

export interface FilmBox {
  sopInstanceUid: string;
  /** Its image boxes in the order of their positions. */
  imageBoxes: readonly { sopClassUid: string; sopInstanceUid: string }[];
}

type Request = {
  name: CommandName;
  of: PrintInstance;
  /** Absent for an N-CREATE: the SCP names the instance. */
  instance?: string;
  data?: Dataset;
  actionType?: number;
};

const PRINT_FILM_BOX = 1;
/** Referenced Print Job Sequence; dictionaries share its keyword with another element. */
const PRINT_JOB_SEQUENCE = '21000500';

/**
 * Print management as SCU over one association: statement 3.5. A status other than success or warning aborts it. Events of the
 * printer and its jobs are taken at any time.
 * Every method throws ScannerError peer.status, peer.context, peer.* or, before anything is sent, data.* for what may not be sent.
 */
export class PrintSession {
  readonly #channel: DimseChannel;
  readonly #options: PrintOptions;
  readonly #color: PrintColor;
  #session: string | undefined;
  #lut: string | undefined;

  private constructor(channel: DimseChannel, options: PrintOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#color = options.color ?? 'grayscale';
  }

  /** @throws ScannerError peer.context when the printer does not take the colour's meta class, peer.* */
  static async open(options: PrintOptions): Promise<PrintSession> {
    const { color = 'grayscale' } = options;
    const wanted = [PRINT.metaClasses[color], PRINT.classes.presentationLut, PRINT.classes.printJob];
    const proposals = wanted.map((abstractSyntax) => ({ abstractSyntax, transferSyntaxes: UNCOMPRESSED }));
    const channel = await openChannel(options, proposals, (request) => takeEvent(request, options));
    const session = new PrintSession(channel, options);
    try {
      needContext(channel, PRINT.metaClasses[color]);
      return session;
    } catch (error) {
      await channel.release();
      throw error;
    }
  }

  /** True when the printer takes presentation LUTs. */
  get takesPresentationLut(): boolean {
    return this.#channel.association.contextFor(PRINT.classes.presentationLut) !== undefined;
  }

  /** N-GET of the printer: Table 49. */
  async printer(): Promise<PrinterState> {
    const { dataset: ds } = await this.#ask({ name: 'N-GET', of: 'printer', instance: PRINT.printerInstance });
    const state = (ds && text(ds, 'PrinterStatus')) ?? '';
    const info = (ds && text(ds, 'PrinterStatusInfo')) ?? '';
    const name = (ds && text(ds, 'PrinterName')) ?? '';
    return { ...judgePrinter({ of: 'printer', state, info }, this.#options.sets), name };
  }

  /** N-CREATE of the film session: Table 35. One copy; a job of n copies is sent n times. */
  async createFilmSession(attributes: PrintAttributes = {}): Promise<void> {
    if (this.#session !== undefined) throw outOfOrder('a second film session', 'a film session exists');
    const data = printDataset('filmSession', { NumberOfCopies: 1, ...attributes });
    this.#session = instanceOf(await this.#ask({ name: 'N-CREATE', of: 'filmSession', data }), this.#peer);
  }

  /** N-CREATE of a presentation LUT for the film boxes to come: Table 45. */
  async createPresentationLut(attributes: PrintAttributes = { PresentationLUTShape: 'IDENTITY' }): Promise<void> {
    const data = printDataset('presentationLut', attributes);
    this.#lut = instanceOf(await this.#ask({ name: 'N-CREATE', of: 'presentationLut', data }), this.#peer);
  }

  /** N-CREATE of a film box: Table 38. @returns it with the image boxes that the printer made for its format */
  async createFilmBox(attributes: PrintAttributes): Promise<FilmBox> {
    if (this.#session === undefined) throw outOfOrder('a film box', 'there is no film session');
    const data = printDataset('filmBox', attributes, this.#lut !== undefined);
    const reference = (of: PrintInstance, instance: string) =>
      dataset({ ReferencedSOPClassUID: PRINT.classes[of], ReferencedSOPInstanceUID: instance });
    Object.assign(data, dataset({ ReferencedFilmSessionSequence: [reference('filmSession', this.#session)] }));
    if (this.#lut !== undefined) {
      Object.assign(data, dataset({ ReferencedPresentationLUTSequence: [reference('presentationLut', this.#lut)] }));
    }
    const response = await this.#ask({ name: 'N-CREATE', of: 'filmBox', data });
    const boxes = response.dataset ? items(response.dataset, 'ReferencedImageBoxSequence') : [];
    const imageBoxes = boxes.map((item) => ({
      sopClassUid: needText(item, 'ReferencedSOPClassUID'),
      sopInstanceUid: needText(item, 'ReferencedSOPInstanceUID'),
    }));
    if (imageBoxes.length === 0) {
      const message = 'a film box without Referenced Image Box Sequence';
      throw new ScannerError('protocol.dimse', { peer: this.#peer, message });
    }
    return { sopInstanceUid: instanceOf(response, this.#peer), imageBoxes };
  }

  /** N-SET of an image box: Tables 41 and 43. @param position from 1 */
  async setImage(film: FilmBox, position: number, image: PrintImage): Promise<void> {
    const box = film.imageBoxes[position - 1];
    if (!box) throw outOfOrder(`image ${position}`, `the film box has ${film.imageBoxes.length} image boxes`);
    const data = imageBoxDataset(this.#color, position, image);
    const of = this.#color === 'color' ? 'colorImageBox' : 'grayscaleImageBox';
    await this.#ask({ name: 'N-SET', of, instance: box.sopInstanceUid, data });
  }

  /** N-ACTION that prints a film box. @returns the print job's UID when the printer named one */
  async print(film: FilmBox): Promise<string | undefined> {
    const request = {
      name: 'N-ACTION',
      of: 'filmBox',
      instance: film.sopInstanceUid,
      actionType: PRINT_FILM_BOX,
    } as const;
    const { dataset: ds } = await this.#ask(request);
    const job = ds && items(ds, PRINT_JOB_SEQUENCE)[0];
    return job && text(job, 'ReferencedSOPInstanceUID');
  }

  /** N-DELETE of a film box and its image boxes. */
  async deleteFilmBox(film: FilmBox): Promise<void> {
    await this.#ask({ name: 'N-DELETE', of: 'filmBox', instance: film.sopInstanceUid });
  }

  /** N-DELETE of the film session and of the presentation LUT, where they are: the association is free for the next session. */
  async deleteFilmSession(): Promise<void> {
    const [session, lut] = [this.#session, this.#lut];
    this.#session = undefined;
    this.#lut = undefined;
    if (this.over) return;
    if (session !== undefined) await this.#ask({ name: 'N-DELETE', of: 'filmSession', instance: session });
    if (lut !== undefined) await this.#ask({ name: 'N-DELETE', of: 'presentationLut', instance: lut });
  }

  /** Deletes what is left at the printer, then releases. After a failure the association is gone, and with it all of that. */
  async close(): Promise<void> {
    await this.deleteFilmSession();
    if (!this.over) await this.#channel.release();
  }

  /** Aborts the association, if it is still there. */
  abort(reason: ScannerError): void {
    this.#channel.association.fail(reason);
  }

  /** True when nothing more can be asked. */
  get over(): boolean {
    return this.#channel.association.over;
  }

  /** Resolves when the association is over, whoever ended it. */
  get ended(): Promise<void> {
    return this.#channel.done;
  }

  get #peer(): string {
    return this.#channel.association.options.peerName;
  }

  #context(of: PrintInstance): AcceptedContext {
    const own = of === 'presentationLut' || of === 'printJob';
    return needContext(this.#channel, own ? PRINT.classes[of] : PRINT.metaClasses[this.#color]);
  }

  async #ask({ name, of, instance, data, actionType }: Request): Promise<Response> {
    const context = this.#context(of);
    const sopClass = PRINT.classes[of];
    const creates = name === 'N-CREATE';
    const command = {
      CommandField: COMMAND_FIELD[name],
      ...(creates ? { AffectedSOPClassUID: sopClass } : { RequestedSOPClassUID: sopClass }),
      ...(instance !== undefined && { RequestedSOPInstanceUID: instance }),
      ...(actionType !== undefined && { ActionTypeID: actionType }),
    };
    const timeoutMs = responseTime(this.#channel.association.options.timeouts, context.abstractSyntax, name);
    const response = await this.#channel.request(context, command, data, timeoutMs);
    this.#judge(name, of, response);
    return response;
  }

  /** Warnings are told and go on; a failure aborts the association: statement 3.5.2.1.1. */
  #judge(name: CommandName, of: PrintInstance, response: Response): void {
    const kind = statusClass(response.status);
    if (kind === 'success') return;
    const status = hexStatus(response.status);
    const meaning = printStatusText(of, status) ?? response.command.ErrorComment ?? 'no status of this service';
    if (kind === 'warning') {
      this.#options.onWarning?.({ of, status, meaning });
      return;
    }
    const failure = new ScannerError('peer.status', { node: this.#peer, command: name, status, comment: meaning });
    this.#channel.association.fail(failure);
    throw failure;
  }
}

/** @throws ScannerError protocol.dimse: without a name the instance cannot be used */
function instanceOf({ command }: Response, peer: string): string {
  if (command.AffectedSOPInstanceUID) return command.AffectedSOPInstanceUID;
  const message = 'an N-CREATE response without Affected SOP Instance UID';
  throw new ScannerError('protocol.dimse', { peer, message });
}

function outOfOrder(command: string, state: string): ScannerError {
  return new ScannerError('operator.state', { command, state, expected: 'film session, film box, images, print' });
}
