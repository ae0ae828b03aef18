/** What a check of images finds. */

/** Something that is not as it should be. */
export interface Finding {
  /**
   * `missing`: in the manifest but not there; `changed`: another content than in the manifest; `new`: not in the
   * manifest; `broken`: cannot be read or decoded.
   */
  type: 'missing' | 'changed' | 'new' | 'broken'
  name: string
  problem: string
}

export interface Verified {
  images: number
  /** Whether there is a manifest, or the checksums of a cache. Without, images are only decoded. */
  manifest: boolean
  findings: Record<Finding['type'], number>
  notes: string[]
}
