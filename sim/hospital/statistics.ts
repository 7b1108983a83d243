import type { ServiceName } from './service-names.js';

/** What the hospital counted since it started. */
export interface StatisticsReport {
  associations: { requested: number; accepted: number; rejected: number; open: number };
  /** Requests by service. */
  requests: Partial<Record<ServiceName, number>>;
  /** Final responses as peers got them, by service and status. */
  responses: Partial<Record<ServiceName, Record<string, number>>>;
  /** Rules applied, by what they did. */
  misbehaved: Record<string, number>;
  bytesReceived: number;
  bytesSent: number;
}

export class Statistics {
  readonly #report: StatisticsReport = {
    associations: { requested: 0, accepted: 0, rejected: 0, open: 0 },
    requests: {},
    responses: {},
    misbehaved: {},
    bytesReceived: 0,
    bytesSent: 0,
  };

  count(what: keyof StatisticsReport['associations'], by = 1): void {
    this.#report.associations[what] += by;
  }

  requested(service: ServiceName): void {
    this.#report.requests[service] = (this.#report.requests[service] ?? 0) + 1;
  }

  responded(service: ServiceName, status: string): void {
    const statuses = (this.#report.responses[service] ??= {});
    statuses[status] = (statuses[status] ?? 0) + 1;
  }

  misbehaved(action: string): void {
    this.#report.misbehaved[action] = (this.#report.misbehaved[action] ?? 0) + 1;
  }

  received(bytes: number): void {
    this.#report.bytesReceived += bytes;
  }

  sent(bytes: number): void {
    this.#report.bytesSent += bytes;
  }

  report(): StatisticsReport {
    return structuredClone(this.#report);
  }
}
