/** Object dictionaries: what each device can be asked, told and heard to say. The JSON files beside are the only source. */

import { ScannerError } from '../base/errors.js';
import { readTable } from '../base/table.js';
import type { ValueSpec } from './values.js';

/** In the order of the endpoints' port numbers. */
export const WIRE_DEVICES = ['interlock', 'gantry', 'table', 'generator', 'ctdetector', 'petrings', 'gating'] as const;
export type WireDeviceName = (typeof WIRE_DEVICES)[number];

export interface ObjectEntry extends ValueSpec {
  readonly index: number;
  readonly subindex: number;
  readonly access: 'ro' | 'rw';
  /** Part of the grouped state record. */
  readonly state?: boolean;
}

export interface CommandEntry {
  readonly id: number;
  readonly name: string;
  readonly args: readonly ValueSpec[];
  /** May be sent again when no answer came. */
  readonly idempotent: boolean;
  /** Taken in every lifecycle state: it makes things safer. */
  readonly always?: boolean;
  readonly refusals: readonly string[];
  readonly text: string;
}

export interface EventEntry {
  readonly id: number;
  readonly name: string;
  readonly fields: readonly ValueSpec[];
  readonly text: string;
}

export interface EmergencyEntry {
  readonly id: number;
  readonly name: string;
  readonly text: string;
}

interface DictionaryFile {
  readonly title: string;
  readonly objects: readonly (Omit<ObjectEntry, 'index'> & { index: string })[];
  readonly commands: readonly CommandEntry[];
  readonly events: readonly EventEntry[];
  readonly emergencies: readonly EmergencyEntry[];
}

/** Raised when an object, command, event or emergency changes its meaning. */
export const DICTIONARY_VERSION = 1;

/** One device's dictionary: its own entries and the common ones from 0x1000. */
export class Dictionary {
  readonly device: WireDeviceName;
  readonly title: string;
  readonly objects: readonly ObjectEntry[];
  readonly commands: readonly CommandEntry[];
  readonly events: readonly EventEntry[];
  readonly emergencies: readonly EmergencyEntry[];
  /** The fields of the grouped state record, in the order in which they are packed. */
  readonly state: readonly ObjectEntry[];
  readonly #byIndex = new Map<number, ObjectEntry>();

  constructor(device: WireDeviceName) {
    const common = readTable<DictionaryFile>(import.meta.url, './objects/common.json');
    const own = readTable<DictionaryFile>(import.meta.url, `./objects/${device}.json`);
    this.device = device;
    this.title = own.title;
    this.objects = [...common.objects, ...own.objects].map((o) => ({ ...o, index: Number.parseInt(o.index, 16) }));
    this.commands = own.commands;
    this.events = own.events;
    this.emergencies = [...common.emergencies, ...own.emergencies];
    this.state = this.objects.filter((o) => o.state);
    for (const object of this.objects) this.#byIndex.set((object.index << 8) | object.subindex, object);
  }

  /** @throws ScannerError protocol.object when there is none of that name */
  object(name: string): ObjectEntry {
    return this.#named(this.objects, 'object', name);
  }

  command(name: string): CommandEntry {
    return this.#named(this.commands, 'command', name);
  }

  event(name: string): EventEntry {
    return this.#named(this.events, 'event', name);
  }

  emergency(name: string): EmergencyEntry {
    return this.#named(this.emergencies, 'emergency', name);
  }

  objectAt(index: number, subindex: number): ObjectEntry | undefined {
    return this.#byIndex.get((index << 8) | subindex);
  }

  commandOf(id: number): CommandEntry | undefined {
    return this.commands.find((c) => c.id === id);
  }

  eventOf(id: number): EventEntry | undefined {
    return this.events.find((e) => e.id === id);
  }

  emergencyOf(id: number): EmergencyEntry | undefined {
    return this.emergencies.find((e) => e.id === id);
  }

  #named<T extends { readonly name: string }>(list: readonly T[], kind: string, name: string): T {
    const found = list.find((entry) => entry.name === name);
    if (!found) {
      throw new ScannerError('protocol.object', { device: this.device, object: name, message: `no such ${kind}` });
    }
    return found;
  }
}

const loaded = new Map<WireDeviceName, Dictionary>();

export function dictionaryOf(device: WireDeviceName): Dictionary {
  let dictionary = loaded.get(device);
  if (!dictionary) loaded.set(device, (dictionary = new Dictionary(device)));
  return dictionary;
}
