/** Formats the published weights and the result of a download as text. */
import { resolutionText } from '../../models/arch/resolution'
import type { PublishedWeights } from '../../models/weights/published'
import type { Pulled } from '../../models/weights/pull'
import * as format from './format'
import { type Output, table } from './output'

const SOURCES = {
  server: 'SHA-256 not pinned, as the server says',
  name: "SHA-256 as pinned in the file's name",
  record: 'SHA-256 as when it was fetched',
} as const

/** A line for a file that is now present. */
export function pulledLine({ name, path: file, bytes, verifiedBy, wasThere }: Pulled): string {
  const proof = verifiedBy === null ? 'SHA-256 not pinned' : SOURCES[verifiedBy]
  return `${name}: ${format.shortPath(file)} (${(bytes / 1e6).toFixed(1)} MB, ${proof}${wasThere ? ', was there' : ''})`
}

/** The available published weights, one per row. */
export function publishedTable(all: readonly PublishedWeights[], { paint }: Output): string[] {
  const columns = [
    { title: 'weights' },
    { title: 'model' },
    { title: 'profile' },
    ...['classes', 'px', 'crop'].map((title) => ({ title, right: true })),
    { title: 'interpolation' },
    { title: 'mean' },
    { title: 'fit' },
    { title: 'license' },
  ]
  const rows = all.map(({ name, arch, profile, numClasses, preprocessing, license }) => [
    name,
    arch,
    profile,
    format.whole(numClasses),
    resolutionText(preprocessing.resolution),
    String(preprocessing.cropShare),
    preprocessing.interpolation,
    preprocessing.mean.join(', '),
    preprocessing.fit,
    license,
  ])
  return table(columns, rows, paint)
}
