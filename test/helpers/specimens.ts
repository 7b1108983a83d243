/** An exam, its acquisitions and small volumes, for tests that need objects. */
import type { Acquisition } from '../../runtime/acquire/acquisition.js';
import { type Dataset, dataset } from '../../runtime/dicom/dataset/dataset.js';
import type { Exam } from '../../runtime/exam/exam.js';
import { examFromWorklist } from '../../runtime/exam/register.js';
import { DEFAULT_EQUIPMENT, type ObjectContext } from '../../runtime/objects/context.js';
import type { CtRange, PetRange, TopogramRange } from '../../runtime/protocol/plan.js';
import type { Volume } from '../../runtime/recon/volume.js';
import { itemFromDataset } from '../../runtime/worklist/item.js';

export const START = new Date(2026, 0, 5, 9, 30, 0).getTime();

const code = (value: string, meaning: string) =>
  dataset({ CodeValue: value, CodingSchemeDesignator: 'LOCAL', CodingSchemeVersion: '1', CodeMeaning: meaning });

/** A worklist answer in which many keys are filled. */
export function worklistAnswer(patientName = 'Müller^Jörg', characterSet = 'ISO_IR 100'): Dataset {
  return dataset({
    SpecificCharacterSet: characterSet,
    AccessionNumber: 'A1',
    PatientName: patientName,
    PatientID: 'PID7',
    PatientBirthDate: '19610704',
    PatientSex: 'M',
    PatientWeight: '81.5',
    PatientSize: '1.78',
    MedicalAlerts: 'PACEMAKER',
    ReferringPhysicianName: 'Ref^Doc',
    RequestingPhysician: 'Req^Doc',
    StudyInstanceUID: '1.2.826.0.1.3680043.9.1234.1',
    RequestedProcedureID: 'RP1',
    RequestedProcedureDescription: 'FDG whole body',
    RequestedProcedureCodeSequence: code('WB', 'Whole body'),
    ReferencedPatientSequence: dataset({
      ReferencedSOPClassUID: '1.2.840.10008.3.1.2.1.1',
      ReferencedSOPInstanceUID: '1.2.826.0.1.3680043.9.1234.2',
    }),
    ScheduledProcedureStepSequence: dataset({
      Modality: 'PT',
      ScheduledStationAETitle: 'PETRIG',
      ScheduledProcedureStepStartDate: '20260105',
      ScheduledProcedureStepStartTime: '0930',
      ScheduledPerformingPhysicianName: 'Per^Former',
      ScheduledProcedureStepDescription: 'PET/CT step',
      ScheduledProtocolCodeSequence: code('P1', 'Protocol one'),
      ScheduledProcedureStepID: 'SPS1',
      ScheduledProcedureStepLocation: 'ROOM 3',
    }),
  });
}

export function specimenExam(answer = worklistAnswer()): Exam {
  const injection = { radionuclide: 'F-18', radiopharmaceutical: 'FDG', activityBq: 3e8, time: START - 3_600_000 };
  const registration = { protocol: 'wholebody-fdg', operator: 'Tech^A', injection, landmarkMm: 800 };
  return examFromWorklist(itemFromDataset(answer), registration, { now: START });
}

export function specimenContext(exam = specimenExam()): ObjectContext {
  return {
    exam,
    equipment: { ...DEFAULT_EQUIPMENT, institutionName: 'Test Hospital', calibratedAt: START - 86_400_000 },
    now: START + 600_000,
    simulated: true,
    bodyPart: 'CHEST',
  };
}

export const TOPOGRAM: TopogramRange = {
  id: 'r1',
  kind: 'topogram',
  label: 'Topogram',
  kv: 120,
  ma: 35,
  tubeAngle: 0,
  fromZ: -100,
  toZ: 100,
  tableSpeed: 100,
  rows: 16,
  rowPitchMm: 1.2,
  readingsPerSecond: 250,
};

export const CT: CtRange = {
  id: 'r2',
  kind: 'ct',
  label: 'CT WB low dose',
  kv: 120,
  ma: 80,
  rotationTime: 0.5,
  rows: 16,
  rowPitchMm: 1.2,
  pitch: 0.8,
  fromZ: -15,
  toZ: 15,
  recons: [
    {
      label: 'CT WB 5.0 B31f',
      kernel: 'B31f',
      thicknessMm: 5,
      incrementMm: 3,
      fovMm: 500,
      matrix: 512,
      window: { center: 40, width: 400 },
    },
  ],
};

export const PET: PetRange = {
  id: 'r3',
  kind: 'pet',
  label: 'PET WB',
  beds: [
    { centreZ: 66, seconds: 120 },
    { centreZ: -66, seconds: 120 },
  ],
  gating: 'none',
  frames: [],
  recons: [
    {
      label: 'PET WB',
      method: 'OSEM3D+TOF',
      iterations: 2,
      subsets: 21,
      matrix: 200,
      filter: { window: 'Gauss', fwhmMm: 5 },
    },
  ],
};

export function acquisitionOf(range: TopogramRange | CtRange | PetRange, startedAt: number): Acquisition {
  const base = { examId: 'e1', rangeId: range.id, kind: range.kind, startedAt, deviations: [] };
  if (range.kind === 'pet') {
    const frames = range.beds.map((bed, i) => ({
      bed: i,
      frame: 0,
      centreZ: bed.centreZ,
      startedAt: startedAt + i * 125_000,
      seconds: bed.seconds,
      prompts: 1e6,
      delayeds: 2e5,
      singlesPerSecond: 1e7,
      triggers: 0,
      frameId: i + 1,
      words: 1.5e6,
    }));
    return { ...base, endedAt: startedAt + 245_000, frames };
  }
  const exposure = {
    scanId: 1,
    readings: 9216,
    kv: range.kv,
    ma: range.ma,
    seconds: 4,
    mas: range.ma * 4,
    ended: 'completed',
    ctdiVol: 3.4,
    ctdiPhantom: 'BODY' as const,
    dlp: 10.2,
    scannedMm: 30,
  };
  return { ...base, endedAt: startedAt + 4000, frames: [], exposure };
}

/** Values from a function of the voxel's patient position. */
export function volumeOf(
  size: [number, number, number],
  spacing: [number, number, number],
  unit: Volume['unit'],
  value: (x: number, y: number, z: number) => number,
): Volume {
  const origin = size.map((n, i) => (-(n - 1) / 2) * spacing[i]!) as [number, number, number];
  const data = new Float32Array(size[0] * size[1] * size[2]);
  let at = 0;
  for (let k = 0; k < size[2]; k++)
    for (let j = 0; j < size[1]; j++)
      for (let i = 0; i < size[0]; i++)
        data[at++] = value(origin[0] + i * spacing[0], origin[1] + j * spacing[1], origin[2] + k * spacing[2]);
  return { data, size, spacing, origin, unit };
}
