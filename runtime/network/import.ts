import { ScannerError } from '../../hal/base/errors.js';
import type { Archive, InstanceFilter } from '../archive/archive.js';
import { type Dataset, dataset } from '../dicom/dataset/dataset.js';
import { type MoveCounts, type MoveResult, move } from '../dicom/services/move-scu.js';
import { modelName, querySopClass } from '../dicom/services/query-scp-model.js';
import type { ScuOptions } from '../dicom/services/session.js';
import { type Level, modelFor, type QueryModel } from './query-model.js';

/** What to fetch: a study, one of its series, or some of that series' instances. */
export interface ImportRequest {
  studyInstanceUid: string;
  seriesInstanceUid?: string;
  sopInstanceUids?: readonly string[];
  /** Needed by nodes that offer the patient root model alone. */
  patientId?: string;
}

export interface ImportOptions extends ScuOptions {
  models: readonly QueryModel[];
  archive: Pick<Archive, 'instances'>;
  onProgress?(counts: MoveCounts): void;
  cancel?: AbortSignal;
}

export interface ImportReport extends MoveResult {
  node: string;
  /** Instances of what was asked for that the archive holds now. */
  held: number;
  /** Those of them that it did not hold before. */
  arrived: number;
}

/**
 * Lets a node send to our own storage SCP: C-MOVE with us as the destination. The report compares what the node says with what the
 * archive has got. Moves at patient level are not used: statement 3.4.2.2.2.
 * @throws ScannerError operator.usage when the node's models cannot name it, peer.*
 */
export async function importFrom(options: ImportOptions, request: ImportRequest): Promise<ImportReport> {
  const level = levelOf(request);
  const model = modelFor(level, options.models);
  if (!model) {
    const message = `the node's query models (${options.models.join(', ')}) have no ${level} level`;
    throw new ScannerError('operator.usage', { message });
  }
  if (model !== 'study' && !request.patientId) {
    const message = `the ${modelName(model)} model needs the patient ID as well`;
    throw new ScannerError('operator.usage', { message });
  }
  const { archive, callingAe: destination } = options;
  const scope: InstanceFilter = { ...request };
  const before = (await archive.instances(scope)).length;
  const identifier = moveIdentifier(level, model, request);
  const moved = await move({ ...options, sopClass: querySopClass('MOVE', model), identifier, destination });
  const held = (await archive.instances(scope)).length;
  return { node: options.node.aeTitle, ...moved, held, arrived: held - before };
}

function levelOf({ seriesInstanceUid, sopInstanceUids }: ImportRequest): Level {
  if (sopInstanceUids && !seriesInstanceUid) {
    throw new ScannerError('operator.usage', { message: 'instances are named together with their series' });
  }
  if (sopInstanceUids) return 'IMAGE';
  return seriesInstanceUid ? 'SERIES' : 'STUDY';
}

function moveIdentifier(level: Level, model: QueryModel, request: ImportRequest): Dataset {
  const { patientId, studyInstanceUid, seriesInstanceUid, sopInstanceUids } = request;
  return dataset({
    QueryRetrieveLevel: level,
    ...(model !== 'study' && { PatientID: patientId }),
    StudyInstanceUID: studyInstanceUid,
    ...(seriesInstanceUid && { SeriesInstanceUID: seriesInstanceUid }),
    ...(sopInstanceUids && { SOPInstanceUID: [...sopInstanceUids] }),
  });
}
