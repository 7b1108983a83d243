import { ScannerError } from '../../hal/base/errors.js';

const MAX_LENGTH = 16;

/** DS of a number: the most digits that fit 16 characters. @throws ScannerError data.invalid when it is not finite */
export function decimal(value: number): string {
  if (!Number.isFinite(value))
    throw new ScannerError('data.invalid', { what: 'decimal string', message: String(value) });
  const plain = String(value);
  if (plain.length <= MAX_LENGTH) return plain;
  for (let digits = 16; digits > 1; digits--) {
    const text = String(Number(value.toPrecision(digits)));
    if (text.length <= MAX_LENGTH) return text;
  }
  return value.toExponential(5);
}

/** IS of a number, rounded. @throws ScannerError data.invalid outside 32 bits */
export function integer(value: number): string {
  const whole = Math.round(value);
  if (!(Math.abs(whole) < 2 ** 31))
    throw new ScannerError('data.invalid', { what: 'integer string', message: String(value) });
  return String(whole + 0);
}
