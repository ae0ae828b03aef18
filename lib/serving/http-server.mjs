// @ts-nocheck: docs/serving.md shows what follows, as plain JavaScript.
import { createServer } from 'node:http'

/** POST / with an image as the body gives its prediction; GET / gives the model's name and classes. */
export const createPredictionServer = (predictor, { mostBytes = 20e6 } = {}) =>
  createServer(async (request, response) => {
    const answer = (status, value) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    const client = new AbortController()
    response.on('close', () => client.abort())
    const { name, classes } = predictor.card
    if (request.method === 'GET') return answer(200, { name, classes })
    if (request.method !== 'POST') return answer(405, { message: 'POST an image, or GET the classes' })
    try {
      const parts = []
      let length = 0
      for await (const part of request) {
        length += part.length
        if (length <= mostBytes) parts.push(part)
      }
      if (length > mostBytes) return answer(413, { message: `an image has at most ${mostBytes} bytes` })
      answer(200, await predictor.predict(Buffer.concat(parts), { signal: client.signal }))
    } catch ({ code, message }) {
      answer(code === 'ERR_DATA' ? 400 : 500, { code, message })
    }
  })
