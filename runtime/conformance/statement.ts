import type { Config } from '../config.js';
import { version } from '../version.js';
import type { ConformanceDocument } from './document.js';
import { objects } from './objects.js';
import { print } from './print.js';
import { query } from './query.js';
import { mpps, worklist } from './schedule.js';
import { characterSets, configuration, implementation } from './setup.js';
import { commitment, storage, verification } from './storage.js';

/** The conformance statement under a configuration: networking and information objects. */
export function conformanceOf(config: Config): ConformanceDocument {
  return {
    title: `petrig ${version}: DICOM conformance statement, networking and information objects`,
    sections: [
      implementation(config),
      verification(),
      storage(config),
      commitment(config),
      query(config),
      print(),
      worklist(config),
      mpps(),
      objects(),
      configuration(config),
      characterSets(),
    ],
  };
}
