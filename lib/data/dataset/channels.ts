/** Values that are given once for all channels of an image, or once per channel. */

/** One number per channel; undefined if the count does not match the channels. */
export function perChannel(value: number | readonly number[], channels: number): readonly number[] | undefined {
  const list = typeof value === 'number' ? new Array<number>(channels).fill(value) : value
  return list.length === channels ? list : undefined
}
