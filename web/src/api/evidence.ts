// The samples of a piece of evidence, read from its own bytes (`samples@1`), so that a picture shows what was hashed and
// not what somebody says it was. Hashes are checked here where the browser allows (secure contexts).

import type { Series } from './machines'
import { chunkProof, type Manifest, type Reading } from './record'

export interface Sample {
  /** Source time in ms. */
  at: number
  value: number | string | null
  quality: number
}

export interface Evidenced extends Series {
  /** Whether every chunk's bytes hash to what the manifest says; null where the browser cannot hash. */
  hashed: boolean | null
  samples: number
}

/** More would be slow to fetch and adds nothing to a picture. */
const CHUNKS_MAX = 40

/** Decodes one chunk: magic, asset, property, type, first index, count, then samples; little-endian. */
export function decodeChunk(bytes: Uint8Array): { property: string; samples: Sample[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== 'BGS1') throw new Error('not a chunk of samples')
  let at = 20
  const name = view.getUint8(at)
  const property = new TextDecoder().decode(bytes.subarray(at + 1, at + 1 + name))
  at += 1 + name + 1 + 8
  const count = view.getUint32(at, true)
  at += 4
  const samples: Sample[] = []
  for (let index = 0; index < count; index++) {
    const time = Number(view.getBigInt64(at, true)) / 1000
    const quality = view.getUint8(at + 24)
    const type = view.getUint8(at + 25)
    at += 26
    let value: Sample['value'] = null
    if (type === 1) {
      value = view.getFloat64(at, true)
      at += 8
    } else if (type === 2) {
      value = Number(view.getBigInt64(at, true))
      at += 8
    } else if (type === 3) {
      value = view.getUint8(at)
      at += 1
    } else {
      const length = view.getUint32(at, true)
      value = new TextDecoder().decode(bytes.subarray(at + 4, at + 4 + length))
      at += 4 + length
    }
    samples.push({ at: time, value, quality })
  }
  return { property, samples }
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}

async function sha256(bytes: Uint8Array): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null
  const hash = await crypto.subtle.digest('SHA-256', bytes as BufferSource)
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The samples behind a reading, as a curve. */
export async function evidenceSeries(reading: Reading, manifest: Manifest): Promise<Evidenced> {
  const channel = manifest.channels.findIndex((one) => one.property === reading.rule.property)
  const wanted = manifest.chunks.map((chunk, index) => ({ chunk, index })).filter(({ chunk }) => chunk.channel === channel)
  const series: Evidenced = { t: [], y: [], complete: wanted.length <= CHUNKS_MAX, hashed: true, samples: 0 }
  const proofs = await Promise.all(wanted.slice(0, CHUNKS_MAX).map(({ index }) => chunkProof(reading.id, index)))
  for (const [place, proof] of proofs.entries()) {
    const bytes = fromBase64(proof.chunk)
    const hash = await sha256(bytes)
    if (hash === null) series.hashed = null
    else if (hash !== wanted[place]?.chunk.sha256) series.hashed = false
    for (const sample of decodeChunk(bytes).samples) {
      if (typeof sample.value === 'string') continue
      series.t.push(sample.at)
      series.y.push(sample.quality === 2 ? null : sample.value)
      series.samples++
    }
  }
  return series
}
