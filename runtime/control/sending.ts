/** What the service socket offers of sending: jobs by selection, and the flags of studies. */

import { randomUUID } from 'node:crypto';
import { ScannerError } from '../../hal/base/errors.js';
import type { Archive, Delivery, InstanceRecord, StudyRecord } from '../archive/archive.js';
import type { Config } from '../config.js';
import { texts } from '../dicom/dataset/dataset.js';
import { readHeader } from '../dicom/dataset/header.js';
import { entityStates, type FlagStates, flagText, instanceStates } from '../network/status-flags.js';
import { namedNode } from '../nodes.js';
import { recogniseImageType } from '../objects/image-type.js';
import type { FlaggedStudy, Selection, SendDetail, Sending, SendJob, StudyDetail } from '../service/send-methods.js';
import type { Sends } from './sends.js';

export interface SendingDeskOptions {
  config: Pick<Config, 'nodes'>;
  archive: Archive;
  sends: Sends;
}

export class SendingDesk implements Sending {
  readonly #options: SendingDeskOptions;

  constructor(options: SendingDeskOptions) {
    this.#options = options;
  }

  async start(name: string, selection: Selection): Promise<SendJob> {
    const { config, sends } = this.#options;
    const node = namedNode(config, name).name;
    const instances = await this.#selected(selection);
    if (instances.length === 0) {
      throw new ScannerError('operator.usage', { message: 'the archive has no object of this selection' });
    }
    const sendId = `send-${randomUUID()}`;
    const sopInstanceUids = instances.map(({ sopInstanceUid }) => sopInstanceUid);
    await sends.begin({ sendId, node, instances: sopInstanceUids, origin: 'user' });
    return sends.get(sendId);
  }

  list(): SendJob[] {
    return this.#options.sends.list();
  }

  get(sendId: string): Promise<SendDetail> {
    return this.#options.sends.get(sendId);
  }

  ended(sendId: string, signal: AbortSignal): Promise<SendJob> {
    return this.#options.sends.ended(sendId, signal);
  }

  cancel(sendId: string): void {
    this.#options.sends.cancel(sendId);
  }

  async studies({ patientId, limit }: { patientId?: string; limit: number }): Promise<FlaggedStudy[]> {
    const studies = await this.#options.archive.studies({ patientId });
    const flagged: FlaggedStudy[] = [];
    for (const study of studies.slice(0, limit)) {
      const states = await this.#statesOf(study);
      flagged.push({ ...study, flags: flagText(entityStates(states.map(([, state]) => state))) });
    }
    return flagged;
  }

  async study(studyInstanceUid: string): Promise<StudyDetail> {
    const { archive } = this.#options;
    const [study] = await archive.studies({ studyInstanceUid });
    if (!study) throw new ScannerError('operator.unknown', { what: 'study', name: studyInstanceUid, known: 'others' });
    const states = await this.#statesOf(study);
    const series = await archive.series({ studyInstanceUid });
    return {
      ...study,
      flags: flagText(entityStates(states.map(([, state]) => state))),
      series: await mapInTurn(series, async (one) => {
        const own = states.filter(([{ seriesInstanceUid }]) => seriesInstanceUid === one.seriesInstanceUid);
        return {
          ...one,
          imageType: await imageTypeOf(own[0]?.[0]),
          flags: flagText(entityStates(own.map(([, state]) => state))),
          instances: own.map(([{ sopInstanceUid, instanceNumber }, state]) => {
            return { sopInstanceUid, instanceNumber, flags: flagText(state) };
          }),
        };
      }),
    };
  }

  async #statesOf({ studyInstanceUid }: StudyRecord): Promise<[InstanceRecord, FlagStates][]> {
    const { archive, config } = this.#options;
    const archives = new Set(config.nodes.filter(({ send }) => send.archive).map(({ name }) => name));
    const instances = await archive.instances({ studyInstanceUid });
    const sopInstanceUids = instances.map(({ sopInstanceUid }) => sopInstanceUid);
    const byUid = new Map<string, Delivery[]>(sopInstanceUids.map((uid) => [uid, []]));
    for (const one of await archive.deliveries({ sopInstanceUids })) byUid.get(one.sopInstanceUid)?.push(one);
    return instances.map((instance) => {
      return [instance, instanceStates(byUid.get(instance.sopInstanceUid) ?? [], (name) => archives.has(name))];
    });
  }

  async #selected({ accession, ...filter }: Selection): Promise<InstanceRecord[]> {
    const { archive } = this.#options;
    if (accession === undefined) {
      if (Object.values(filter).some((value) => value !== undefined)) return archive.instances(filter);
      throw new ScannerError('operator.usage', {
        message: 'say what to send: a study, a series, instances, an accession',
      });
    }
    const selected: InstanceRecord[] = [];
    const conditions = { AccessionNumber: { match: 'value', value: accession } as const };
    for await (const { values } of archive.query({ level: 'STUDY', conditions, wanted: ['StudyInstanceUID'] })) {
      const [studyInstanceUid] = (values.StudyInstanceUID ?? []) as readonly string[];
      if (filter.studyInstanceUid !== undefined && filter.studyInstanceUid !== studyInstanceUid) continue;
      selected.push(...(await archive.instances({ ...filter, studyInstanceUid })));
    }
    return selected;
  }
}

/** One after another: a study may have thousands of series, and each opens a file. */
async function mapInTurn<T, R>(list: readonly T[], map: (one: T) => Promise<R>): Promise<R[]> {
  const mapped: R[] = [];
  for (const one of list) mapped.push(await map(one));
  return mapped;
}

/** Name of the family's image type; undefined for others, and for a file that cannot be read: integrity is checked elsewhere. */
async function imageTypeOf(instance: InstanceRecord | undefined): Promise<string | undefined> {
  if (!instance) return undefined;
  const header = await readHeader(instance.file, { stopAtTag: '00080018' }).catch(() => undefined);
  return header && recogniseImageType(instance.sopClassUid, texts(header.dataset, 'ImageType'))?.name;
}
