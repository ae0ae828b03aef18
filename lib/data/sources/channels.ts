/** Numbers that are given once for all channels of an image, or once for each. */

/** One number a channel; undefined where there are more or fewer numbers than channels. */
export function perChannel(value: number | readonly number[], channels: number): readonly number[] | undefined {
  const list = typeof value === 'number' ? new Array<number>(channels).fill(value) : value
  return list.length === channels ? list : undefined
}
