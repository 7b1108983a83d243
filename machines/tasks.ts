/** What the machines ask of the runtime, as plain functions, and the machines that have them. */

import { fromPromise, type PromiseActorLogic } from 'xstate';
import { acquisitionMachine } from './acquisition.js';
import type { HardwareVerdict, InspectHardwareInput, MakeSafeInput, RangeInput } from './acquisition.types.js';
import { examMachine } from './exam.js';
import type {
  AnnounceEndInput,
  AnnounceStartInput,
  ExamVerdict,
  InspectExamInput,
  ReconstructInput,
  StoreResultsInput,
} from './exam.types.js';
import { filmQueueMachine } from './film.js';
import type { FilmVerdict, InspectFilmsInput, PrintFilmInput, PrintVerdict } from './film.types.js';
import {
  type InspectReconstructionInput,
  type ReconstructionVerdict,
  type RunReconstructionInput,
  reconstructionMachine,
} from './reconstruction.js';
import { sendMachine } from './send.js';
import type {
  InspectSendInput,
  RequestCommitmentInput,
  SendBatchInput,
  SendBatchResult,
  SendVerdict,
} from './send.types.js';
import type { Json } from './types.js';

/** Rejects with a ScannerError; gives up when the signal fires, which it does when the machine leaves the state. */
export type Task<Input, Output> = (input: Input, signal: AbortSignal) => Promise<Output>;

export interface AcquisitionTasks {
  /** After a restart: what is the hardware doing? */
  inspectHardware: Task<InspectHardwareInput, HardwareVerdict>;
  /** Interlock, links, limits, heat. */
  checkRange: Task<RangeInput, Json>;
  /** Table, tilt and tube where the range begins. */
  positionRange: Task<RangeInput, Json>;
  /** Rotation at speed, filament hot, windows and gating set. */
  prepareRange: Task<RangeInput, Json>;
  armRange: Task<RangeInput, Json>;
  /** The exposure or the frames, to their end. */
  scanRange: Task<RangeInput, Json>;
  /** All bulk data of the range durable. */
  drainRange: Task<RangeInput, Json>;
  /** Beam off and halt; may be called at any time and again. */
  makeSafe: Task<MakeSafeInput, Json>;
}

export interface ExamTasks {
  /** MPPS N-CREATE into the outbox; once for an exam, however often it is called. */
  announceStart: Task<AnnounceStartInput, Json>;
  /** Objects of what was reconstructed, and raw data, into the archive; may be called again after a restart. */
  storeResults: Task<StoreResultsInput, Json>;
  /** MPPS N-SET with the final status into the outbox; once for an exam, however often it is called. */
  announceEnd: Task<AnnounceEndInput, Json>;
  /** After a restart: what of the exam stands in archive and outbox? */
  inspectExam: Task<InspectExamInput, ExamVerdict>;
}

export interface ReconstructionTasks {
  runReconstruction: Task<RunReconstructionInput, Json>;
  inspectReconstruction: Task<InspectReconstructionInput, ReconstructionVerdict>;
}

export interface SendTasks {
  sendBatch: Task<SendBatchInput, SendBatchResult>;
  requestCommitment: Task<RequestCommitmentInput, Json>;
  inspectSend: Task<InspectSendInput, SendVerdict>;
}

export interface FilmTasks {
  /** What is on record of the camera's films. */
  inspectFilms: Task<InspectFilmsInput, FilmVerdict>;
  /** One copy of a film. */
  printFilm: Task<PrintFilmInput, PrintVerdict>;
}

export type Tasks = AcquisitionTasks & ExamTasks & ReconstructionTasks & SendTasks;

export function asActor<Input, Output>(task: Task<Input, Output>): PromiseActorLogic<Output, Input> {
  return fromPromise<Output, Input>(({ input, signal }) => task(input, signal));
}

export function provideAcquisition(tasks: AcquisitionTasks): typeof acquisitionMachine {
  return acquisitionMachine.provide({
    actors: {
      inspectHardware: asActor(tasks.inspectHardware),
      checkRange: asActor(tasks.checkRange),
      positionRange: asActor(tasks.positionRange),
      prepareRange: asActor(tasks.prepareRange),
      armRange: asActor(tasks.armRange),
      scanRange: asActor(tasks.scanRange),
      drainRange: asActor(tasks.drainRange),
      makeSafe: asActor(tasks.makeSafe),
    },
  });
}

/** @param reconstruct runs the job of one range to its end; rejects when it failed. */
export function provideExam(
  tasks: AcquisitionTasks & ExamTasks,
  reconstruct: Task<ReconstructInput, Json>,
): typeof examMachine {
  return examMachine.provide({
    actors: {
      acquisition: provideAcquisition(tasks),
      announceStart: asActor(tasks.announceStart),
      reconstruct: asActor(reconstruct),
      storeResults: asActor(tasks.storeResults),
      announceEnd: asActor(tasks.announceEnd),
      inspectExam: asActor(tasks.inspectExam),
      makeSafe: asActor(tasks.makeSafe),
    },
  });
}

export function provideReconstruction(tasks: ReconstructionTasks): typeof reconstructionMachine {
  return reconstructionMachine.provide({
    actors: {
      runReconstruction: asActor(tasks.runReconstruction),
      inspectReconstruction: asActor(tasks.inspectReconstruction),
    },
  });
}

export function provideSend(tasks: SendTasks): typeof sendMachine {
  return sendMachine.provide({
    actors: {
      sendBatch: asActor(tasks.sendBatch),
      requestCommitment: asActor(tasks.requestCommitment),
      inspectSend: asActor(tasks.inspectSend),
    },
  });
}

export function provideFilmQueue(tasks: FilmTasks): typeof filmQueueMachine {
  return filmQueueMachine.provide({
    actors: {
      inspectFilms: asActor(tasks.inspectFilms),
      printFilm: asActor(tasks.printFilm),
    },
  });
}
