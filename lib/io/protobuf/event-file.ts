/**
 * TensorBoard's event files: what a record is, and the records that a training run needs.
 *
 * A file is a sequence of TFRecords, and each record is one `Event` message. Sources: tensorflow/core/lib/io/
 * record_writer.h, and the messages of tensorboard/compat/proto: event.proto, summary.proto, tensor.proto.
 */
import type { PngImage } from '../../drawing/pixels-png'
import { maskedCrc32c } from './crc32c'
import { Message } from './protobuf'

/** Numbers of fields, as the .proto files give them. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const
const SESSION_LOG = { status: 1 } as const
const SUMMARY = { value: 1 } as const
const VALUE = { tag: 1, simpleValue: 2, image: 4, histogram: 5, tensor: 8, metadata: 9 } as const
const IMAGE = { height: 1, width: 2, colorspace: 3, encoded: 4 } as const
const HISTOGRAM = { min: 1, max: 2, num: 3, sum: 4, sumOfSquares: 5, limits: 6, counts: 7 } as const

/** SessionLog.START. From the second one on, a reader drops all earlier events of this step and of later ones. */
const START = 1
/** DT_STRING of types.proto. */
const STRING = 7

/** Number of equal buckets of a histogram. */
const BUCKETS = 64

/** When an event happened. */
export interface Moment {
  /** Steps done. */
  step: number
  /** Seconds since 1970. */
  time: number
}

/** A record: the length in 8 bytes, its checksum, the data, and their checksum. All numbers have the lowest byte first. */
export function record(data: Uint8Array): Buffer {
  const framed = Buffer.alloc(data.length + 16)
  framed.writeBigUInt64LE(BigInt(data.length))
  framed.writeUInt32LE(maskedCrc32c(framed.subarray(0, 8)), 8)
  framed.set(data, 12)
  framed.writeUInt32LE(maskedCrc32c(data), 12 + data.length)
  return framed
}

const eventOf = ({ step, time }: Moment, fill: (event: Message) => Message): Buffer =>
  record(Buffer.concat([...fill(new Message().double(EVENT.wallTime, time).int(EVENT.step, step)).encode()]))

const summaryOf = (moment: Moment, values: Iterable<Message>): Buffer =>
  eventOf(moment, (event) => event.message(EVENT.summary, new Message().messages(SUMMARY.value, values)))

const tagged = (tag: string) => new Message().text(VALUE.tag, tag)

/** The record that a file begins with. Readers of version 2 look for the start of sessions. */
export const fileHeader = (time: number): Buffer =>
  eventOf({ step: 0, time }, (event) => event.text(EVENT.fileVersion, 'brain.Event:2'))

/** Says that the run continues here: earlier events from this step on do not count any more. */
export const sessionStart = (moment: Moment): Buffer =>
  eventOf(moment, (event) => event.message(EVENT.sessionLog, new Message().int(SESSION_LOG.status, START)))

/** Numbers by tag. They are stored as float32. */
export const scalars = (moment: Moment, numbers: Readonly<Record<string, number>>): Buffer =>
  summaryOf(
    moment,
    Object.entries(numbers).map(([tag, number]) => tagged(tag).float(VALUE.simpleValue, number)),
  )

/** Images by tag. */
export const pictures = (moment: Moment, images: ReadonlyMap<string, PngImage>): Buffer =>
  summaryOf(
    moment,
    [...images].map(([tag, { width, height, channels, png }]) =>
      tagged(tag).message(
        VALUE.image,
        new Message()
          .int(IMAGE.height, height)
          .int(IMAGE.width, width)
          .int(IMAGE.colorspace, channels)
          .bytes(IMAGE.encoded, png),
      ),
    ),
  )

/** A text, which TensorBoard shows as Markdown. */
export function text(moment: Moment, tag: string, words: string): Buffer {
  const pluginData = new Message().text(1, 'text')
  // A tensor of strings: its dtype, its shape [1], and the string.
  const shape = new Message().message(2, new Message().int(1, 1))
  const tensor = new Message().int(1, STRING).message(2, shape).text(8, words)
  const value = tagged(tag).message(VALUE.tensor, tensor).message(VALUE.metadata, new Message().message(1, pluginData))
  return summaryOf(moment, [value])
}

/** Histograms of numbers by tag. Numbers that are not finite are left out. */
export const histograms = (moment: Moment, numbers: Iterable<readonly [string, ArrayLike<number>]>): Buffer =>
  summaryOf(
    moment,
    [...numbers].map(([tag, values]) => tagged(tag).message(VALUE.histogram, histogramOf(values))),
  )

function histogramOf(values: ArrayLike<number>): Message {
  let [min, max, num, sum, squares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0]
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (!Number.isFinite(value)) continue
    min = Math.min(min, value)
    max = Math.max(max, value)
    num++
    sum += value
    squares += value * value
  }
  if (num === 0) [min, max] = [0, 0]
  const size = max > min ? BUCKETS : 1
  const width = (max - min) / size
  const counts = new Float64Array(size)
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue
    const bucket = width > 0 ? Math.floor((values[i] - min) / width) : 0
    counts[Math.min(bucket, size - 1)]++
  }
  // The upper ends of the buckets; the last one is exact in spite of rounding.
  const limits = counts.map((_, i) => (i === size - 1 ? max : min + (i + 1) * width))
  return new Message()
    .double(HISTOGRAM.min, min)
    .double(HISTOGRAM.max, max)
    .double(HISTOGRAM.num, num)
    .double(HISTOGRAM.sum, sum)
    .double(HISTOGRAM.sumOfSquares, squares)
    .doubles(HISTOGRAM.limits, limits)
    .doubles(HISTOGRAM.counts, counts)
}
