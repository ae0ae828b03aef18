/** JSON for people who look into a run's files. */

/** Indented JSON with a final line break, but lists of numbers on one line: a confusion matrix stays a matrix. */
export function readableJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2)
  // Text never matches: a line break in it is written as \n.
  const lists = /\[\n\s*(-?\d[-\d.eE+,\s]*?)\n\s*\]/g
  return `${text.replace(lists, (_, numbers: string) => `[${numbers.replace(/\s+/g, ' ')}]`)}\n`
}
