/** The configuration over the service socket: nodes and settings are changed in the file, and live where that can be. */

import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Config } from '../config.js';
import type { ConfigFile, RawConfig } from '../config-file.js';
import { withoutSecrets } from '../config-hidden.js';
import { type ServiceVerification, verifyNode } from '../network/verify.js';
import { namedNode, titleFor } from '../nodes.js';
import type { Configuring, NodeChange } from '../service/config-methods.js';

export interface ConfigurationOptions {
  /** Of the running controller: its list of nodes is changed in place. */
  config: Config;
  /** Absent when it was started without one: then nothing can be saved. */
  file?: ConfigFile;
  clock: Clock;
  log: Log;
}

/** What looks a node up when it needs it, and what was told its nodes at the start. */
const CHANGE: NodeChange = {
  saved: true,
  live: ['verify', 'find', 'import', 'worklist query', 'import policy'],
  afterRestart: ['access checks', 'automatic sends', 'C-MOVE destinations', 'performed procedure steps'],
};

type RawNode = Record<string, unknown> & { name?: string; aeTitle?: string };

export class Configuration implements Configuring {
  readonly #options: ConfigurationOptions;

  constructor(options: ConfigurationOptions) {
    this.#options = options;
  }

  get(): Config {
    return withoutSecrets(this.#options.config);
  }

  async set(changes: Record<string, unknown>): Promise<{ saved: true; afterRestart: string[] }> {
    await this.#file.change((raw) => merged(raw, changes));
    return { saved: true, afterRestart: Object.keys(changes) };
  }

  nodes(): Config['nodes'] {
    return this.#options.config.nodes;
  }

  addNode(node: Record<string, unknown>): Promise<NodeChange> {
    return this.#changeNodes((nodes) => [...nodes, node]);
  }

  changeNode(name: string, changes: Record<string, unknown>): Promise<NodeChange> {
    return this.#changeNodes(
      (nodes) => nodes.map((node) => (isNamed(node, name) ? (merged(node, changes) as RawNode) : node)),
      name,
    );
  }

  removeNode(name: string): Promise<NodeChange> {
    return this.#changeNodes((nodes) => nodes.filter((node) => !isNamed(node, name)), name);
  }

  async verify(name: string): Promise<ServiceVerification[]> {
    const { config, clock, log } = this.#options;
    const node = namedNode(config, name);
    const { timeouts, maxPduLength, services } = node;
    const title = (service: string) => titleFor(config, service);
    return verifyNode({ node, clock, log, timeouts, maxPduLength, services, titleFor: title });
  }

  async #changeNodes(edit: (nodes: RawNode[]) => RawNode[], name?: string): Promise<NodeChange> {
    const { config } = this.#options;
    if (name !== undefined) namedNode(config, name);
    const next = await this.#file.change((raw) => {
      return { ...raw, nodes: edit((raw.nodes ?? []) as RawNode[]) } as RawConfig;
    });
    config.nodes.splice(0, config.nodes.length, ...next.nodes);
    return CHANGE;
  }

  get #file(): ConfigFile {
    if (this.#options.file) return this.#options.file;
    const state = 'petrig serve was started without --config';
    throw new ScannerError('operator.state', {
      command: 'saving the configuration',
      state,
      expected: 'a configuration file',
    });
  }
}

function isNamed(node: RawNode, name: string): boolean {
  return (node.name ?? node.aeTitle?.trim()) === name;
}

/** `changes` laid over a record, records merged key by key; null removes a key, so that its default holds again. */
function merged(base: Record<string, unknown>, changes: Record<string, unknown>): RawConfig {
  const next: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete next[key];
    else if (isRecord(value)) next[key] = merged(isRecord(next[key]) ? next[key] : {}, value);
    else next[key] = value;
  }
  return next as RawConfig;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
