/** The requests of a predictor: which images wait, which are with the worker, and what comes of them. */
import { MbconvError } from '../errors/error'
import type { ImageJob } from './messages'

/** Images that are asked for together, and fail together. */
export class Request {
  /** In the order of the images. */
  readonly results: Promise<unknown[]>
  readonly signal: AbortSignal | undefined
  /** What is still to be sent; freed when it is, or when nobody waits for it any more. */
  readonly jobs: (Omit<ImageJob, 'id'> | undefined)[]
  /** How many have been sent. */
  #next = 0
  readonly #done: unknown[]
  #missing: number
  #isSettled = false
  resolve!: (results: unknown[]) => void
  reject!: (error: unknown) => void

  constructor(jobs: Omit<ImageJob, 'id'>[], signal?: AbortSignal) {
    this.jobs = [...jobs]
    this.signal = signal
    this.#done = new Array(jobs.length)
    this.#missing = jobs.length
    this.results = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  /** The next image to send, with its place; undefined after the last one. */
  next(): { job: Omit<ImageJob, 'id'>; index: number } | undefined {
    const index = this.#next
    const job = this.jobs[index]
    if (job === undefined) return undefined
    this.jobs[index] = undefined
    this.#next++
    return { job, index }
  }

  /** @returns whether that was the last one */
  settle(index: number, result: unknown): boolean {
    this.#done[index] = result
    if (--this.#missing > 0) return false
    this.#isSettled = true
    this.resolve(this.#done)
    return true
  }

  fail(error: unknown): void {
    this.#isSettled = true
    this.reject(error)
  }
}

export interface RequestsOptions {
  /** Images that the worker has at a time, with those that nobody waits for any more. */
  most: number
  send: (job: ImageJob) => void
  /** Images that the worker need not go on with. */
  drop: (ids: number[]) => void
  /** Called when the first request comes, and when the last one is settled. */
  onBusy: (isBusy: boolean) => void
}

/** First come, first served. The worker gets only as many images as it needs to be busy; the others can still leave. */
export class Requests {
  readonly #options: RequestsOptions
  /** Requests with images that have not been sent. */
  #waiting: Request[] = []
  /**
   * By id: the images that the worker has. Those that nobody waits for any more are undefined. They keep their places
   * until the worker has answered for them, since it works on them that long.
   */
  readonly #sent = new Map<number, { request: Request; index: number } | undefined>()
  /** All that are not settled. */
  readonly #open = new Set<Request>()
  readonly #signals = new Signals((request, signal) => this.#end(request, abortedBy(signal)))
  #nextId = 0
  #onIdle: (() => void)[] = []

  constructor(options: RequestsOptions) {
    this.#options = options
  }

  get isBusy(): boolean {
    return this.#open.size > 0
  }

  add(request: Request): void {
    const { signal } = request
    if (signal?.aborted) {
      request.fail(abortedBy(signal))
      return
    }
    if (!this.isBusy) this.#options.onBusy(true)
    this.#open.add(request)
    this.#signals.add(request)
    this.#waiting.push(request)
    this.#sendOn()
  }

  settle(id: number, result: unknown): void {
    const found = this.#sent.get(id)
    this.#sent.delete(id)
    if (found?.request.settle(found.index, result)) this.#close(found.request)
    this.#sendOn()
  }

  /** Fails the request of an image; its other images need not be computed. */
  fail(id: number, error: unknown): void {
    const found = this.#sent.get(id)
    this.#sent.delete(id)
    if (found !== undefined) this.#end(found.request, error)
    else this.#sendOn()
  }

  /** The worker has ended its work on an image that nobody waits for. */
  dropped(id: number): void {
    this.#sent.delete(id)
    this.#sendOn()
  }

  failAll(error: unknown): void {
    this.#sent.clear()
    this.#waiting = []
    for (const request of [...this.#open]) {
      request.fail(error)
      this.#close(request)
    }
  }

  /** Resolves when all requests are settled. */
  idle(): Promise<void> {
    return this.isBusy ? new Promise((resolve) => this.#onIdle.push(resolve)) : Promise.resolve()
  }

  /** Ends a request before all its images are computed, and frees what it holds. */
  #end(request: Request, error: unknown): void {
    if (request.isSettled) return
    request.fail(error)
    this.#waiting = this.#waiting.filter((each) => each !== request)
    const ids = [...this.#sent].filter(([, sent]) => sent?.request === request).map(([id]) => id)
    for (const id of ids) this.#sent.set(id, undefined)
    if (ids.length > 0) this.#options.drop(ids)
    request.jobs.fill(undefined)
    this.#close(request)
    this.#sendOn()
  }

  #close(request: Request): void {
    this.#open.delete(request)
    this.#signals.delete(request)
    if (this.isBusy) return
    this.#options.onBusy(false)
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  #sendOn(): void {
    while (this.#sent.size < this.#options.most && this.#waiting.length > 0) {
      const [request] = this.#waiting
      const next = request.next()
      if (next === undefined) {
        this.#waiting.shift()
        continue
      }
      const id = this.#nextId++
      this.#sent.set(id, { request, index: next.index })
      this.#options.send({ ...next.job, id })
    }
  }
}

/** Signals, each with one listener however many requests share it. */
class Signals {
  readonly #aborted: (request: Request, signal: AbortSignal) => void
  readonly #requests = new Map<AbortSignal, { sharing: Set<Request>; listen: () => void }>()

  constructor(aborted: (request: Request, signal: AbortSignal) => void) {
    this.#aborted = aborted
  }

  add(request: Request): void {
    const { signal } = request
    if (signal === undefined) return
    const known = this.#requests.get(signal)
    if (known !== undefined) {
      known.sharing.add(request)
      return
    }
    const sharing = new Set([request])
    const listen = () => {
      for (const each of [...sharing]) this.#aborted(each, signal)
    }
    this.#requests.set(signal, { sharing, listen })
    signal.addEventListener('abort', listen, { once: true })
  }

  delete(request: Request): void {
    const { signal } = request
    const known = signal && this.#requests.get(signal)
    if (signal === undefined || known === undefined) return
    known.sharing.delete(request)
    if (known.sharing.size > 0) return
    signal.removeEventListener('abort', known.listen)
    this.#requests.delete(signal)
  }
}

const abortedBy = ({ reason }: AbortSignal): MbconvError =>
  new MbconvError('ERR_ABORTED', 'the request was given up by its signal', { op: 'predict', cause: reason })
