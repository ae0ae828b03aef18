/** Keys in the metadata of files that this package writes. */

/** A model card, as JSON. */
export const CARD_KEY = 'mbconv.card'
/** The numeric profile, as JSON. */
export const PROFILE_KEY = 'mbconv.profile'
