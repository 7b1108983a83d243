/** Prints measured figures on stderr when PETRIG_FIGURES is set: docs/validation.md is written from them. */
export function say(what: string, figures: object): void {
  if (!process.env.PETRIG_FIGURES) return;
  const rounded = (_key: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value);
  console.error(`${what}: ${JSON.stringify(figures, rounded)}`);
}
