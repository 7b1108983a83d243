/** Searching other nodes and importing from them. */

import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import type { Archive } from '../archive/archive.js';
import type { Config } from '../config.js';
import type { MoveCounts } from '../dicom/services/move-scu.js';
import { importFrom } from '../network/import.js';
import { search } from '../network/search.js';
import { namedNode } from '../nodes.js';
import type { Retrieving } from '../service/retrieve-methods.js';

export interface RetrievalOptions {
  config: Config;
  archive: Archive;
  clock: Clock;
  log: Log;
}

export class Retrieval implements Retrieving {
  readonly #options: RetrievalOptions;

  constructor(options: RetrievalOptions) {
    this.#options = options;
  }

  search: Retrieving['search'] = async ({ node: name, keys, level, limit }, tell, cancel) => {
    const { node, scu } = this.#node(name);
    const onFound = (found: number) => tell({ type: 'search', node: node.name, found });
    return search({ ...scu, models: node.query.models, inputs: keys, depth: level, limit, onFound, cancel });
  };

  importFrom: Retrieving['importFrom'] = async (name, request, tell, cancel) => {
    const { node, scu } = this.#node(name);
    const { archive } = this.#options;
    const onProgress = (counts: MoveCounts) => tell({ type: 'import', node: node.name, ...counts });
    return importFrom({ ...scu, models: node.query.models, archive, onProgress, cancel }, request);
  };

  #node(name: string) {
    const { config, clock, log } = this.#options;
    const node = namedNode(config, name);
    return { node, scu: { node, callingAe: config.aeTitle, clock, log, maxPduLength: config.dicom.maxPduLength } };
  }
}
